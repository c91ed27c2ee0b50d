/* SPDX-License-Identifier: BSD-2-Clause */
/* Canonical mode on a pseudo-terminal: lines, editing, maps, end of file, limits. */
#include "pty.h"

/* Typed, then read; each case on a fresh terminal with ECHO off unless said. */
static void line(const char *what, const char *typed)
{
	type(typed);
	show_input(what, 4096);
}

static void fresh(void)
{
	open_pair();
	set_modes(0, 0, 0, 0, 0, ECHO);
}

static void lines(void)
{
	char c;

	fresh();
	line("line", "hello\n");
	line("return", "cr\r");
	type("two\nlines\n");
	show_input("first", 100);
	show_input("second", 100);
	type("long line\n");
	show_input("piece", 4);
	show_input("piece", 1);
	show_input("rest", 100);
	type("unfinished");
	show_input("nothing yet", 100);
	type("\n");
	show_input("now", 100);
	type("part\004");
	show_input("pushed by VEOF", 100);
	type("\004");
	show_input("end of file", 100);
	type("ab\004");
	show_input("exactly as long", 2);
	show_input("no end of file", 100);
	type("a\004\004b\n");
	show_input("with end", 100);
	show_input("the end", 100);
	show_input("behind it", 100);
	/* read of 0 bytes takes nothing. */
	type("x\n");
	SHOW(read(slave, &c, 0));
	show_input("still there", 100);
	int n = -1;
	type("count\nme\004not me");
	for (int i = 0; i < 2000 && n != 8; i++) {
		usleep(10000);
		ioctl(slave, FIONREAD, &n);
	}
	printf("%d bytes\n", n);
	SHOW(tcflush(slave, TCIFLUSH));
	show_input("flushed", 100);
	close_pair();
}

static void editing(void)
{
	fresh();
	line("erase", "abc\177\177x\n");
	line("erase too much", "ab\177\177\177\177c\n");
	line("kill", "abc\025def\n");
	line("word", "one two\027three\n");
	line("words", "one two  three\027\027x\n");
	line("word of signs", "a.b_c\027x\n");
	line("literal", "a\026\177\026\003\026\n\n");
	line("literal itself", "\026\026\n");
	line("reprint", "a\022b\n");
	line("discard", "a\017b\n");
	line("not beyond the line", "old\nnew\177\177\177\177\177\n");
	show_input("second", 100);
	set_modes(IUTF8, 0, 0, 0, 0, 0);
	line("UTF-8", "x\303\251\342\202\254\177\177y\n");
	line("broken UTF-8", "\202\202\177\n");
	line("word of UTF-8", "a \303\251\303\251\027b\n");
	set_modes(0, IUTF8, 0, 0, 0, 0);
	line("bytes", "x\303\251\177\n");
	set_modes(0, 0, 0, 0, 0, IEXTEN);
	line("without IEXTEN", "a\026b\027c\022\n");
	close_pair();
}

static void other_characters(void)
{
	struct termios t;

	fresh();
	tcgetattr(slave, &t);
	t.c_cc[VEOL] = ';';
	t.c_cc[VEOL2] = '!';
	t.c_cc[VERASE] = '#';
	t.c_cc[VKILL] = '@';
	t.c_cc[VEOF] = 'E';
	tcsetattr(slave, TCSANOW, &t);
	line("VEOL", "abc;");
	line("VEOL2", "abc!");
	line("erase", "abc##d\n");
	line("kill", "abc@d\n");
	line("eof", "abcE");
	line("the old ones", "a\177b\025c\004d\n");
	t.c_lflag &= ~(tcflag_t)IEXTEN;
	tcsetattr(slave, TCSANOW, &t);
	line("VEOL2 without IEXTEN", "abc!d\n");
	t.c_cc[VERASE] = 0;
	tcsetattr(slave, TCSANOW, &t);
	line("no erase", "a#b\n");
	close_pair();
}

static void maps(void)
{
	fresh();
	set_modes(INLCR, ICRNL, 0, 0, 0, 0);
	line("INLCR", "a\nb\r\004");
	set_modes(0, INLCR | ICRNL, 0, 0, 0, 0);
	line("no map", "a\rb\n");
	set_modes(IGNCR, 0, 0, 0, 0, 0);
	line("IGNCR", "a\rb\n");
	set_modes(ICRNL, IGNCR, 0, 0, 0, 0);
	line("ICRNL", "a\r");
	set_modes(ISTRIP, 0, 0, 0, 0, 0);
	line("ISTRIP", "\301\342\n");
	set_modes(0, ISTRIP, 0, 0, 0, 0);
	set_modes(PARMRK, 0, 0, 0, 0, 0);
	line("PARMRK", "a\377b\n");
	set_modes(0, PARMRK, 0, 0, 0, 0);
	line("without", "a\377b\n");
	close_pair();
}

static void signals_off(void)
{
	fresh();
	set_modes(0, 0, 0, 0, 0, ISIG);
	line("without ISIG", "a\003b\034c\032\n");
	set_modes(0, IXON, 0, 0, 0, 0);
	line("without IXON", "a\023b\021\n");
	close_pair();
	/* No foreground group: the key flushes the line, or not. */
	fresh();
	line("flushed", "abc\003def\n");
	set_modes(0, 0, 0, 0, NOFLSH, 0);
	line("NOFLSH", "abc\003def\n");
	close_pair();
}

/* A line can be 4095 bytes long with its end; what is too much is dropped. */
static void too_long(void)
{
	static char big[6000];
	char buf[8192];

	fresh();
	memset(big, 'x', 5000);
	big[5000] = 0;
	type(big);
	type("\n");
	settle();
	wait_for(slave, POLLIN);
	SHOW(read(slave, buf, sizeof(buf)));
	printf("ends with a newline: %d\n", buf[4095] == '\n');
	/* Erasing makes room again. */
	big[4100] = 0;
	type(big);
	type("\177\177yz\n");
	wait_for(slave, POLLIN);
	SHOW(read(slave, buf, sizeof(buf)));
	printf("%c%c%c\n", buf[4092], buf[4093], buf[4094]);
	close_pair();
}

/* Between the modes. */
static void switching(void)
{
	fresh();
	type("typed");
	show_input("no line", 100);
	set_modes(0, 0, 0, 0, 0, ICANON);
	show_input("raw", 100);
	type("more");
	settle();
	set_modes(0, 0, 0, 0, ICANON, 0);
	show_input("as a line", 100);
	type("a\nb\004c");
	settle();
	set_modes(0, 0, 0, 0, 0, ICANON);
	show_input("all", 100);
	struct termios t;
	set_modes(0, 0, 0, 0, ICANON, 0);
	type("dropped\n");
	settle();
	tcgetattr(slave, &t);
	SHOW(tcsetattr(slave, TCSAFLUSH, &t));
	show_input("TCSAFLUSH", 100);
	type("kept\n");
	settle();
	SHOW(tcsetattr(slave, TCSADRAIN, &t));
	show_input("TCSADRAIN", 100);
	close_pair();
}

static void attributes(void)
{
	struct termios t;

	open_pair();
	SHOW(tcgetattr(slave, &t));
	printf("%#o %#o %#o %#o\n", t.c_iflag & ~(tcflag_t)IUTF8, t.c_oflag, t.c_cflag, t.c_lflag);
	for (int i = 0; i < 17; i++)
		printf("%d ", t.c_cc[i]);
	printf("\n%d %d\n", (int)cfgetospeed(&t), (int)cfgetispeed(&t));
	t.c_cflag &= ~(tcflag_t)CSIZE;
	t.c_cflag |= CS5 | PARENB | CSTOPB;
	cfsetospeed(&t, B9600);
	SHOW(tcsetattr(slave, TCSANOW, &t));
	SHOW(tcgetattr(master, &t));
	printf("%#o %d\n", t.c_cflag & (CSIZE | PARENB | CSTOPB | CREAD), (int)cfgetospeed(&t));
	SHOW(ioctl(slave, TCGETS, bad));
	SHOW(ioctl(slave, TCSETS, bad));
	SHOW(ioctl(slave, TIOCOUTQ, bad));
	SHOW(ioctl(slave, TCFLSH, 7));
	SHOW(ioctl(slave, TCXONC, 7));
	SHOW(ioctl(slave, 0x54ff, 0));
	SHOW(tcdrain(slave));
	SHOW(tcsendbreak(slave, 0));
	close_pair();
}

int main(void)
{
	lines();
	editing();
	other_characters();
	maps();
	signals_off();
	too_long();
	switching();
	attributes();
	return 0;
}
