/* SPDX-License-Identifier: BSD-2-Clause */
/* Echo and output processing on a pseudo-terminal: what appears on the screen. */
#include "pty.h"

static void echo(const char *what, const char *typed)
{
	type(typed);
	show_screen(what);
	tcflush(slave, TCIFLUSH);
}

static void output(const char *what, const char *written)
{
	if (write(slave, written, strlen(written)) < 0)
		printf("cannot write\n");
	show_screen(what);
}

static void echoes(void)
{
	open_pair();
	echo("plain", "abc\n");
	echo("control", "a\001b\033\n");
	echo("tab", "a\tb\n");
	echo("return", "abc\r");
	echo("erase", "abc\177\177\n");
	echo("erase control", "a\001\002\177\177\n");
	echo("erase tab", "ab\tc\177\177\177\n");
	echo("erase tab behind tab", "\t\t\177\177\n");
	echo("kill", "a\001c\025x\n");
	echo("word", "one t\001wo\027x\n");
	echo("literal", "a\026\003\026\177\n");
	echo("reprint", "ab\001c\022d\n");
	echo("end of file", "a\004");
	echo("interrupt", "abc\003");
	echo("quit", "abc\034x\n");
	echo("high", "\301\302\n");
	set_modes(IUTF8, 0, 0, 0, 0, 0);
	echo("UTF-8", "\303\251\342\202\254\177\177\n");
	echo("broken UTF-8", "\202\202\177x\n");
	set_modes(0, IUTF8, 0, 0, 0, 0);
	close_pair();
}

static void flags(void)
{
	open_pair();
	set_modes(0, 0, 0, 0, 0, ECHOCTL);
	echo("no ECHOCTL", "a\001b\177\177\n");
	set_modes(0, 0, 0, 0, ECHOCTL, ECHOE);
	echo("no ECHOE", "abc\177\177\n");
	echo("no ECHOE, kill", "abc\025d\n");
	echo("no ECHOE, word", "ab cd\027x\n");
	set_modes(0, 0, 0, 0, ECHOE, ECHOKE);
	echo("no ECHOKE", "abc\025d\n");
	set_modes(0, 0, 0, 0, 0, ECHOK);
	echo("nor ECHOK", "abc\025d\n");
	set_modes(0, 0, 0, 0, ECHOK | ECHOKE, ECHO);
	echo("no ECHO", "abc\177\025d\001\n");
	set_modes(0, 0, 0, 0, ECHONL, 0);
	echo("ECHONL", "abc\n");
	set_modes(0, 0, 0, 0, ECHO | ECHOPRT, ECHONL);
	echo("ECHOPRT", "abc\177\177d\n");
	echo("ECHOPRT all", "ab\177\177\177c\n");
	echo("ECHOPRT twice", "abc\177d\177e\n");
	echo("ECHOPRT kill", "abc\025d\n");
	echo("ECHOPRT word", "ab cd\027x\n");
	echo("ECHOPRT control", "a\001\177\n");
	echo("ECHOPRT reprint", "abc\177\022d\n");
	set_modes(IUTF8, 0, 0, 0, 0, 0);
	echo("ECHOPRT UTF-8", "a\303\251\177b\n");
	close_pair();
	open_pair();
	set_modes(0, 0, 0, 0, 0, ICANON);
	echo("raw", "a\001\t\n\r\177\004x");
	set_modes(0, 0, 0, 0, 0, IEXTEN);
	echo("raw without IEXTEN", "a\026b");
	close_pair();
}

static void processing(void)
{
	open_pair();
	output("ONLCR", "a\nb\r\n");
	output("tabs", "a\tb\n");
	set_modes(0, 0, OCRNL, ONLCR, 0, 0);
	output("OCRNL", "a\rb\n");
	set_modes(0, 0, ONOCR, OCRNL, 0, 0);
	output("ONOCR", "\ra\rb\r\rc\n");
	set_modes(0, 0, ONLRET, ONOCR, 0, 0);
	output("ONLRET", "abc\n\td\n");
	set_modes(0, 0, XTABS | ONLCR, ONLRET, 0, 0);
	output("XTABS", "a\tbc\t12345678\tx\n");
	output("XTABS and backspace", "abc\b\b\tx\n");
	output("XTABS behind a prompt", "$ ");
	echo("typed", "\tx\t\177y\n");
	set_modes(0, 0, 0, OPOST, 0, 0);
	output("no OPOST", "a\nb\tc\n");
	echo("echo without OPOST", "a\n");
	close_pair();
}

/* What is typed behind a prompt: columns count from there. */
static void prompts(void)
{
	open_pair();
	output("prompt", "name: ");
	echo("tab behind a prompt", "a\tb\177\177\177\n");
	output("prompt", "\001\002 x");
	echo("tab behind control", "\t\177\n");
	close_pair();
}

/* Bells for what does not fit. */
static void full(void)
{
	static char big[5000];
	static char out[20000];
	ssize_t n;
	int bells = 0;

	open_pair();
	set_modes(0, 0, 0, 0, 0, ECHO);
	memset(big, 'x', 4097);
	type(big);
	n = read_all(master, out, sizeof(out));
	for (ssize_t i = 0; i < n; i++)
		bells += out[i] == '\a';
	printf("%zd characters, %d bells\n", n, bells);
	set_modes(0, IMAXBEL, 0, 0, 0, 0);
	type("y");
	show_screen("without IMAXBEL");
	set_modes(IMAXBEL, 0, 0, 0, 0, 0);
	type("yy");
	show_screen("with IMAXBEL");
	close_pair();
}

int main(void)
{
	echoes();
	flags();
	processing();
	prompts();
	full();
	return 0;
}
