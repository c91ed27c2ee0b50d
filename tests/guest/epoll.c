/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll: level, edge, one shot, nesting, closing, wrong calls, many processes on one instance. */
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#define MANY 300

static int ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event e = {.events = events, .data.u64 = data};

	return epoll_ctl(ep, op, fd, &e);
}

/* Events that are there now, in order of their data. */
static void show_events(const char *what, int ep, int timeout)
{
	struct epoll_event e[16] = {0};
	int n = epoll_wait(ep, e, 16, timeout);

	printf("%s: %d", what, n);
	for (int want = 0; want < 100; want++) {
		for (int i = 0; i < n; i++) {
			if (e[i].data.u64 == (uint64_t)want)
				printf(" %d:%#x", want, e[i].events);
		}
	}
	printf("\n");
	fflush(stdout);
}

static void wrong_calls(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int ep = epoll_create1(0), other = epoll_create1(EPOLL_CLOEXEC), ends[2];
	int file = open("file", O_RDWR | O_CREAT, 0644), path = open("file", O_PATH);

	SHOW(pipe(ends));
	SHOW(epoll_create(0));
	SHOW(epoll_create(-1));
	SHOW_OK(epoll_create(1));
	SHOW(epoll_create1(1));
	SHOW(fcntl(other, F_GETFD));
	SHOW(fcntl(ep, F_GETFL));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_MOD, ends[1], EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_DEL, ends[1], EPOLLIN, 0));
	SHOW(ctl(ep, 4, ends[0], EPOLLIN, 0));
	SHOW(ctl(ep, 0, ends[1], EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, file, EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, path, EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, 1000, EPOLLIN, 0));
	SHOW(ctl(1000, EPOLL_CTL_ADD, ends[0], EPOLLIN, 0));
	SHOW(ctl(ends[0], EPOLL_CTL_ADD, ends[1], EPOLLIN, 0));
	SHOW(ctl(file, EPOLL_CTL_ADD, ends[1], EPOLLIN, 0));
	SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ends[1], NULL));
	SHOW(epoll_ctl(ep, EPOLL_CTL_MOD, ends[0], bad));
	SHOW(epoll_ctl(-1, 17, -1, bad));
	SHOW(epoll_ctl(ep, EPOLL_CTL_DEL, ends[0], NULL));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLPRI, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET | EPOLLEXCLUSIVE, 0));
	SHOW(ctl(ep, EPOLL_CTL_MOD, ends[0], EPOLLIN, 0));
	SHOW(ctl(ep, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLEXCLUSIVE, 0));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[1], EPOLLOUT | EPOLLWAKEUP, 0));
	SHOW(epoll_wait(ep, &e, 0, 0));
	SHOW(epoll_wait(ep, &e, -1, 0));
	SHOW(epoll_wait(ep, &e, 1 << 30, 0));
	SHOW(epoll_wait(ends[0], &e, 1, 0));
	SHOW(epoll_wait(1000, &e, 1, 0));
	SHOW(epoll_wait(1000, (void *)-4096L, 1, 0));
	SHOW(epoll_wait(ep, bad, 1, 0));
	/* The event that could not be stored is still there. */
	show_events("after the fault", ep, 0);
	SHOW(syscall(SYS_epoll_pwait, ep, &e, 1, 0, bad, 8));
	SHOW(syscall(SYS_epoll_pwait, ep, &e, 1, 0, &e, 7));
	SHOW(syscall(SYS_epoll_pwait2, ep, &e, 1, bad, NULL, 8));
	SHOW(read(ep, &e, sizeof(e)));
	SHOW(write(ep, &e, sizeof(e)));
	SHOW(lseek(ep, 0, SEEK_SET));
	close(ends[0]);
	close(ends[1]);
	close(ep);
	close(other);
	close(file);
	close(path);
}

static void level_and_edge(void)
{
	int ep = epoll_create1(0), level[2], edge[2], once[2];
	char c;

	SHOW(pipe(level) | pipe(edge) | pipe(once));
	SHOW(ctl(ep, EPOLL_CTL_ADD, level[0], EPOLLIN, 1));
	SHOW(ctl(ep, EPOLL_CTL_ADD, edge[0], EPOLLIN | EPOLLET, 2));
	SHOW(ctl(ep, EPOLL_CTL_ADD, once[0], EPOLLIN | EPOLLONESHOT, 3));
	show_events("nothing", ep, 0);
	SHOW(write(level[1], "xx", 2) + write(edge[1], "xx", 2) + write(once[1], "xx", 2));
	show_events("all", ep, 0);
	show_events("only the level", ep, 0);
	SHOW(write(edge[1], "x", 1));
	show_events("an edge again", ep, 0);
	SHOW(write(once[1], "x", 1));
	show_events("once only", ep, 0);
	SHOW(ctl(ep, EPOLL_CTL_MOD, once[0], EPOLLIN | EPOLLONESHOT, 4));
	show_events("armed again", ep, 0);
	SHOW(ctl(ep, EPOLL_CTL_MOD, edge[0], EPOLLIN | EPOLLET, 5));
	show_events("a change is an edge", ep, 0);
	SHOW(read(level[0], &c, 1));
	show_events("one byte left", ep, 0);
	SHOW(read(level[0], &c, 1));
	show_events("none left", ep, 0);
	SHOW(ctl(ep, EPOLL_CTL_ADD, level[1], EPOLLOUT | EPOLLET, 6));
	show_events("writable", ep, 0);
	close(level[1]);
	show_events("hang-up", ep, 0);
	show_events("hang-up stays", ep, 0);
	close(once[1]);
	show_events("not for what is disabled", ep, 0);
	SHOW(ctl(ep, EPOLL_CTL_MOD, once[0], 0, 7));
	show_events("hang-up is always told", ep, 0);
	SHOW(ctl(ep, EPOLL_CTL_DEL, once[0], 0, 0));
	SHOW(ctl(ep, EPOLL_CTL_DEL, level[0], 0, 0));
	show_events("empty", ep, 10);
	close(edge[0]);
	show_events("closed", ep, 0);
	close(ep);
	close(edge[1]);
	close(once[0]);
	close(level[0]);
}

static void descriptors(void)
{
	int ep = epoll_create1(0), ends[2], copy;

	SHOW(pipe(ends));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
	copy = dup(ends[0]);
	SHOW(ctl(ep, EPOLL_CTL_ADD, copy, EPOLLIN, 2));
	SHOW(write(ends[1], "x", 1));
	show_events("both numbers", ep, 0);
	close(ends[0]);
	/* The file is open still, so its interest stays, though its number is gone. */
	show_events("still both", ep, 0);
	SHOW(ctl(ep, EPOLL_CTL_DEL, ends[0], 0, 0));
	close(copy);
	show_events("none", ep, 0);
	close(ends[1]);
	/* The instance goes first. */
	SHOW(pipe(ends));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
	close(ep);
	SHOW(write(ends[1], "x", 1));
	close(ends[0]);
	close(ends[1]);
}

static void nested(void)
{
	int ep[7], ends[2];
	char c;
	struct pollfd p;

	for (int i = 0; i < 7; i++)
		ep[i] = epoll_create1(0);
	SHOW(pipe(ends));
	SHOW(ctl(ep[0], EPOLL_CTL_ADD, ep[1], EPOLLIN, 1));
	SHOW(ctl(ep[1], EPOLL_CTL_ADD, ep[0], EPOLLIN, 1));
	SHOW(ctl(ep[1], EPOLL_CTL_ADD, ep[2], EPOLLIN, 1));
	SHOW(ctl(ep[2], EPOLL_CTL_ADD, ep[0], EPOLLIN, 1));
	SHOW(ctl(ep[2], EPOLL_CTL_ADD, ep[3], EPOLLIN, 1));
	SHOW(ctl(ep[3], EPOLL_CTL_ADD, ep[4], EPOLLIN, 1));
	SHOW(ctl(ep[4], EPOLL_CTL_ADD, ep[5], EPOLLIN, 1));
	SHOW(ctl(ep[4], EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
	show_events("quiet", ep[0], 0);
	p = (struct pollfd){ep[0], POLLIN | POLLOUT, 0};
	SHOW(poll(&p, 1, 0));
	SHOW(write(ends[1], "x", 1));
	show_events("through five", ep[0], 0);
	SHOW(poll(&p, 1, 0));
	printf("%#x\n", (unsigned)p.revents);
	SHOW(read(ends[0], &c, 1));
	show_events("quiet again", ep[0], 0);
	SHOW(poll(&p, 1, 0));
	SHOW(write(ends[1], "x", 1));
	close(ep[2]);
	show_events("a link is gone", ep[0], 0);
	show_events("below it", ep[3], 0);
	SHOW(ctl(ep[1], EPOLL_CTL_ADD, ep[3], EPOLLIN | EPOLLET, 1));
	show_events("joined again", ep[0], 0);
	SHOW(ctl(ep[1], EPOLL_CTL_DEL, ep[3], 0, 0));
	for (int i = 0; i < 7; i++)
		close(ep[i]);
	close(ends[0]);
	close(ends[1]);
}

static void nothing(int sig)
{
	(void)sig;
}

static void signals(void)
{
	int ep = epoll_create1(0), ends[2];
	struct epoll_event e;
	sigset_t blocked, none;
	struct timespec limit = {.tv_sec = 30}, zero = {0}, wrong = {.tv_nsec = -1};
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};

	SHOW(pipe(ends));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	SHOW(epoll_wait(ep, &e, 1, 10));
	SHOW(epoll_pwait(ep, &e, 1, 30000, &none));
	SHOW(epoll_pwait2(ep, &e, 1, &zero, &none));
	SHOW(epoll_pwait2(ep, &e, 1, &wrong, NULL));
	raise(SIGUSR1);
	SHOW(epoll_pwait2(ep, &e, 1, &limit, &none));
	/* Events come before signals. */
	SHOW(write(ends[1], "x", 1));
	raise(SIGUSR1);
	SHOW(epoll_pwait(ep, &e, 1, 30000, &none));
	sigprocmask(SIG_SETMASK, &none, NULL);
	close(ep);
	close(ends[0]);
	close(ends[1]);
}

static void show_info(int ep)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		char *end = strstr(line, " pos:");

		if (strncmp(line, "tfd:", 4))
			continue;
		if (end)
			*end = 0;
		printf("%s\n", line);
	}
	if (f)
		fclose(f);
}

/* More files than one answer holds: each comes once a round, none starves. */
static void many(void)
{
	int ep = epoll_create1(0), fds[MANY], seen[MANY] = {0}, total = 0;
	struct epoll_event e[7];

	for (int i = 0; i < MANY; i++) {
		fds[i] = eventfd(1, EFD_NONBLOCK);
		if (fds[i] < 0 || ctl(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN, (uint64_t)i))
			printf("cannot add %d\n", i);
	}
	while (total < MANY) {
		int n = epoll_wait(ep, e, 7, 30000);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			seen[e[i].data.u64]++;
		total += n;
	}
	for (int i = 0; i < MANY; i++) {
		/* The last round may begin again. */
		if (seen[i] < 1 || seen[i] > 2)
			printf("%d was seen %d times\n", i, seen[i]);
		close(fds[i]);
	}
	printf("%s\n", total >= MANY ? "all were seen" : "some are missing");
	SHOW(epoll_wait(ep, e, 7, 0));
	close(ep);
}

/* Several processes wait on one instance; every byte is taken by exactly one of them. */
static void shared(void)
{
	enum { WORKERS = 3, BYTES = 600 };
	int ep = epoll_create1(0), ends[2], done[2], total = 0;

	SHOW(pipe2(ends, O_NONBLOCK));
	SHOW(pipe(done));
	SHOW(ctl(ep, EPOLL_CTL_ADD, ends[0], EPOLLIN, 1));
	fflush(stdout);
	for (int i = 0; i < WORKERS; i++) {
		int count = 0;

		if (fork())
			continue;
		close(ends[1]);
		for (;;) {
			struct epoll_event e;
			char c;
			ssize_t n;

			if (epoll_wait(ep, &e, 1, 30000) != 1)
				_exit(1);
			n = read(ends[0], &c, 1);
			if (n == 0)
				break;
			count += n == 1;
		}
		_exit(write(done[1], &count, sizeof(count)) != sizeof(count));
	}
	for (int i = 0; i < BYTES; i++) {
		while (write(ends[1], "x", 1) != 1)
			usleep(1000);
	}
	close(ends[1]);
	for (int i = 0; i < WORKERS; i++) {
		int count = 0, status = -1;

		if (read(done[0], &count, sizeof(count)) != sizeof(count))
			printf("no answer\n");
		wait(&status);
		show_status("worker", status);
		total += count;
	}
	printf("%d bytes\n", total);
	close(ends[0]);
	close(ep);
	close(done[0]);
	close(done[1]);
}

int main(void)
{
	int ep, fd;

	wrong_calls();
	level_and_edge();
	descriptors();
	nested();
	signals();
	ep = epoll_create1(0);
	fd = eventfd(0, 0);
	SHOW(dup2(fd, 50));
	SHOW(ctl(ep, EPOLL_CTL_ADD, 50, EPOLLIN | EPOLLET, 0xabcdef));
	show_info(ep);
	many();
	shared();
	return 0;
}
