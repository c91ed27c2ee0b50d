/* SPDX-License-Identifier: BSD-2-Clause */
/* For the terminal tests: a pseudo-terminal, typing and reading with time limits. */
#ifndef TESTS_GUEST_PTY_H
#define TESTS_GUEST_PTY_H

#include "guest.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

/* An open pair; the slave is no controlling terminal. */
static inline void open_pair(void)
{
	char name[64];

	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, name, sizeof(name)))
		printf("no pair: %s\n", strerrorname_np(errno));
	slave = open(name, O_RDWR | O_NOCTTY);
	if (slave < 0)
		printf("no slave: %s\n", strerrorname_np(errno));
}

static inline void close_pair(void)
{
	close(slave);
	close(master);
}

/* Characters as one sees them. */
static inline void print_text(const char *what, const char *text, ssize_t n)
{
	printf("%s: ", what);
	if (n < 0) {
		printf("%s\n", strerrorname_np(errno));
		return;
	}
	printf("%zd \"", n);
	for (ssize_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			printf("\\n");
		else if (c == '\r')
			printf("\\r");
		else if (c < 32 || c >= 127)
			printf("\\%o", c);
		else
			putchar(c);
	}
	printf("\"\n");
	fflush(stdout);
}

/*
 * What was typed is processed. Linux does it in a kernel thread; its poll waits for that thread
 * unless there is something to read already.
 */
static inline void settle(void)
{
	struct pollfd p = {.fd = slave, .events = POLLIN};

	if (poll(&p, 1, 0) == 1)
		usleep(100000);
}

/* Until nothing comes any more; here, too, poll waits for what is under way. */
static inline ssize_t read_all(int fd, char *buf, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t done = 0;

	settle();
	while (done < size && poll(&p, 1, 40) == 1 && (p.revents & POLLIN)) {
		ssize_t n = read(fd, buf + done, size - done);

		if (n <= 0)
			return done ? (ssize_t)done : n;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* What has been echoed and written. */
static inline void show_screen(const char *what)
{
	char buf[20000];

	print_text(what, buf, read_all(master, buf, sizeof(buf)));
}

static inline void type(const char *text)
{
	if (write(master, text, strlen(text)) != (ssize_t)strlen(text))
		printf("cannot type: %s\n", strerrorname_np(errno));
}

/* One read of the slave, which must not wait: O_NONBLOCK for its time. */
static inline void show_input(const char *what, size_t size)
{
	struct pollfd p = {.fd = slave, .events = POLLIN};
	int flags = fcntl(slave, F_GETFL);
	char buf[8192];
	ssize_t n;

	/* Waits for what was typed. */
	poll(&p, 1, 40);
	fcntl(slave, F_SETFL, flags | O_NONBLOCK);
	n = read(slave, buf, size);
	print_text(what, buf, n);
	fcntl(slave, F_SETFL, flags);
}

static inline void set_modes(tcflag_t on_i, tcflag_t off_i, tcflag_t on_o, tcflag_t off_o,
			     tcflag_t on_l, tcflag_t off_l)
{
	struct termios t;

	tcgetattr(slave, &t);
	t.c_iflag = (t.c_iflag | on_i) & ~off_i;
	t.c_oflag = (t.c_oflag | on_o) & ~off_o;
	t.c_lflag = (t.c_lflag | on_l) & ~off_l;
	tcsetattr(slave, TCSANOW, &t);
}

static inline void set_raw(int min, int time)
{
	struct termios t;

	tcgetattr(slave, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	tcsetattr(slave, TCSANOW, &t);
}

static inline void show_poll(const char *what, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI};

	poll(&p, 1, 0);
	printf("%s polls:%s%s%s%s%s\n", what, p.revents & POLLIN ? " IN" : "",
	       p.revents & POLLOUT ? " OUT" : "", p.revents & POLLPRI ? " PRI" : "",
	       p.revents & POLLERR ? " ERR" : "", p.revents & POLLHUP ? " HUP" : "");
	fflush(stdout);
}

/* Wait for an event of fd: what the other side does may take its time. */
static inline bool wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 20000) == 1;
}

#endif
