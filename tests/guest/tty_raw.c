/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw mode on a pseudo-terminal: VMIN and VTIME in all four cases, bytes as they come. */
#include "pty.h"
#include <sys/time.h>
#include <time.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A read that may wait; `least` in tenths of a second. */
static void timed_read(const char *what, size_t size, int least)
{
	char buf[300];
	double start = now();
	ssize_t n = read(slave, buf, size);
	int waited = now() - start > least * 0.1 - 0.02;

	print_text(what, buf, n);
	printf("waited long enough: %d\n", waited);
	fflush(stdout);
}

/* Types later: `pause` ms before each of the pieces. */
static pid_t type_later(int pause, const char *a, const char *b)
{
	pid_t pid = fork();

	if (pid == 0) {
		usleep((unsigned)pause * 1000);
		type(a);
		if (b) {
			usleep((unsigned)pause * 1000);
			type(b);
		}
		_exit(0);
	}
	return pid;
}

static void bytes(void)
{
	char all[256], got[256];
	int wrong = 0;

	open_pair();
	set_raw(1, 0);
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	SHOW(write(master, all, 256));
	for (size_t n = 0; n < 256;)
		n += (size_t)read(slave, got + n, 256 - n);
	SHOW(memcmp(all, got, 256));
	SHOW(write(slave, all, 256));
	for (size_t n = 0; n < 256;)
		n += (size_t)read(master, got + n, 256 - n);
	for (int i = 0; i < 256; i++)
		wrong += got[i] != all[i];
	printf("%d wrong\n", wrong);
	show_screen("no echo");
	close_pair();
}

static void minimum(void)
{
	open_pair();
	set_raw(1, 0);
	type_later(30, "a", NULL);
	timed_read("MIN 1", 100, 0);
	type_later(30, "ab", "cd");
	set_raw(4, 0);
	timed_read("MIN 4", 100, 0);
	/* A smaller request is satisfied earlier. */
	type("xy");
	wait_for(slave, POLLIN);
	timed_read("MIN 4, 2 asked", 2, 0);
	type("12345678");
	timed_read("MIN 4, more is there", 100, 0);
	while (wait(NULL) > 0)
		continue;
	/* poll follows MIN when there is no TIME. */
	type("z");
	usleep(50000);
	show_poll("one of four", slave);
	type("zzz");
	wait_for(slave, POLLIN);
	show_poll("four of four", slave);
	/* O_NONBLOCK takes what there is. */
	fcntl(slave, F_SETFL, O_NONBLOCK);
	timed_read("nonblocking", 3, 0);
	timed_read("nonblocking", 3, 0);
	timed_read("nonblocking", 3, 0);
	close_pair();
}

static void timers(void)
{
	open_pair();
	set_raw(0, 0);
	timed_read("0, 0", 10, 0);
	type("now");
	wait_for(slave, POLLIN);
	timed_read("0, 0", 10, 0);
	set_raw(0, 2);
	timed_read("0, 2: nothing comes", 10, 2);
	type_later(20, "x", NULL);
	set_raw(0, 100);
	timed_read("0, 100", 10, 0);
	/* Between bytes: the first is waited for without limit. */
	set_raw(5, 2);
	type_later(300, "ab", NULL);
	timed_read("5, 2", 10, 4);
	type("12345678");
	wait_for(slave, POLLIN);
	usleep(20000);
	timed_read("5, 2: enough", 10, 0);
	set_raw(3, 100);
	type_later(20, "p", "qr");
	timed_read("3, 100", 10, 0);
	while (wait(NULL) > 0)
		continue;
	close_pair();
}

static void nothing(int sig)
{
}

static void interrupted(void)
{
	struct sigaction sa = {.sa_handler = nothing};
	char c;

	open_pair();
	set_raw(1, 0);
	sigaction(SIGALRM, &sa, NULL);
	struct itimerval it = {{0, 30000}, {0, 30000}};
	setitimer(ITIMER_REAL, &it, NULL);
	SHOW(read(slave, &c, 1));
	memset(&it, 0, sizeof(it));
	setitimer(ITIMER_REAL, &it, NULL);
	close_pair();
}

/* Two readers get every byte once. */
static void two_readers(void)
{
	enum { BYTES = 500 };
	int results[2], total = 0;

	open_pair();
	set_raw(0, 100);
	SHOW(pipe(results));
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		char c = 0;
		int n = 0;

		while (read(slave, &c, 1) == 1 && c != 'e')
			n++;
		_exit(write(results[1], &n, sizeof(n)) != sizeof(n));
	}
	for (int i = 0; i < BYTES; i++)
		type("x");
	type("ee");
	for (int i = 0, n; i < 2; i++)
		if (read(results[0], &n, sizeof(n)) == sizeof(n))
			total += n;
	printf("%d bytes\n", total);
	while (wait(NULL) > 0)
		continue;
	close(results[0]);
	close(results[1]);
	close_pair();
}

/* EXTPROC: the other side edits; nothing is processed here. */
static void external(void)
{
	open_pair();
	set_modes(0, 0, 0, 0, EXTPROC, 0);
	type("a\177\003\n");
	show_input("EXTPROC", 100);
	show_screen("no echo");
	type("part");
	show_input("no line needed", 100);
	type("\004");
	show_input("end of file", 100);
	close_pair();
}

int main(void)
{
	bytes();
	minimum();
	timers();
	interrupted();
	two_readers();
	external();
	return 0;
}
