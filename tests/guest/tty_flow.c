/* SPDX-License-Identifier: BSD-2-Clause */
/* Flow control on a pseudo-terminal: VSTOP and VSTART, IXANY, IXOFF, tcflow. */
#include "pty.h"

/* Nobody answers at once: what has been stopped shows nothing. */
static void write_and_show(const char *what, const char *text)
{
	fcntl(slave, F_SETFL, O_NONBLOCK);
	ssize_t n = write(slave, text, strlen(text));

	printf("%s: write %s\n", what, n < 0 ? strerrorname_np(errno) : "done");
	fcntl(slave, F_SETFL, 0);
	show_screen(what);
}

static void typed_flow(void)
{
	open_pair();
	set_modes(0, 0, 0, 0, 0, ECHO);
	write_and_show("free", "one");
	type("\023");
	settle();
	write_and_show("stopped", "two");
	show_poll("stopped", slave);
	type("x");
	settle();
	write_and_show("another key", "three");
	type("\021");
	settle();
	write_and_show("started", "four");
	show_poll("started", slave);
	/* What was written before the stop is there. */
	SHOW(write(slave, "before", 6));
	type("\023");
	settle();
	show_screen("before the stop");
	type("\021");
	settle();
	/* A writer that waits goes on. */
	type("\023");
	settle();
	pid_t pid = fork();
	if (pid == 0)
		_exit(write(slave, "waited", 6) != 6);
	settle();
	type("\021");
	int status;
	waitpid(pid, &status, 0);
	show_status("writer", status);
	show_screen("written");
	close_pair();
}

static void any_key(void)
{
	open_pair();
	set_modes(IXANY, 0, 0, 0, 0, ECHO);
	type("\023");
	settle();
	write_and_show("stopped", "one");
	type("x");
	settle();
	write_and_show("any key", "two");
	type("\n");
	show_input("the key is input", 10);
	close_pair();
}

static void interrupted(void)
{
	open_pair();
	type("\023");
	settle();
	write_and_show("stopped", "one");
	type("\003");
	settle();
	write_and_show("interrupted", "two");
	/* Switching IXON off starts as well. */
	type("\023");
	settle();
	write_and_show("stopped", "three");
	set_modes(0, IXON, 0, 0, 0, 0);
	write_and_show("no IXON", "four");
	type("\023");
	settle();
	write_and_show("an ordinary character", "five");
	close_pair();
}

static void asked_flow(void)
{
	open_pair();
	set_modes(0, 0, 0, 0, 0, ECHO);
	SHOW(tcflow(slave, TCOOFF));
	write_and_show("TCOOFF", "one");
	type("\021");
	settle();
	write_and_show("VSTART does not help", "two");
	SHOW(tcflow(slave, TCOON));
	write_and_show("TCOON", "three");
	type("\023");
	settle();
	SHOW(tcflow(slave, TCOON));
	write_and_show("TCOON does not end VSTOP", "four");
	SHOW(tcflow(slave, TCOOFF));
	SHOW(tcflow(slave, TCOON));
	write_and_show("but after TCOOFF", "five");
	SHOW(tcflow(slave, TCIOFF));
	show_screen("TCIOFF");
	SHOW(tcflow(slave, TCION));
	show_screen("TCION");
	SHOW(tcflow(slave, 99));
	close_pair();
}

static void other_keys(void)
{
	struct termios t;

	open_pair();
	tcgetattr(slave, &t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_cc[VSTOP] = 's';
	t.c_cc[VSTART] = 's';
	tcsetattr(slave, TCSANOW, &t);
	type("s");
	settle();
	write_and_show("one key", "one");
	type("s");
	settle();
	write_and_show("the same key", "two");
	type("\026s\n");
	show_input("literal", 10);
	close_pair();
}

/* Signals stop nothing when output is flushed. */
static void flush(void)
{
	char buf[10];

	open_pair();
	set_modes(0, 0, 0, 0, 0, ECHO);
	SHOW(write(slave, "kept", 4));
	settle();
	print_text("read", buf, read(master, buf, 10));
	SHOW(tcflush(slave, TCOFLUSH));
	SHOW(tcflush(master, TCIFLUSH));
	SHOW(write(slave, "next", 4));
	show_screen("next");
	type("typed\n");
	wait_for(slave, POLLIN);
	SHOW(tcflush(slave, TCIOFLUSH));
	show_input("flushed", 10);
	close_pair();
}

int main(void)
{
	typed_flow();
	any_key();
	interrupted();
	asked_flow();
	other_keys();
	flush();
	return 0;
}
