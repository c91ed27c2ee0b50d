/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of single system calls and signals. */
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void null_op(long n, long arg)
{
	(void)arg;
	while (n--)
		syscall(SYS_getppid);
}

static double null_call(long arg)
{
	return measure(null_op, arg);
}

static int fd;
static char byte;

static void read_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(read(fd, &byte, 1) == 1);
}

static double read_one(long arg)
{
	NEED((fd = open("/dev/zero", O_RDONLY)) >= 0);
	return measure(read_op, arg);
}

static void write_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(write(fd, &byte, 1) == 1);
}

static double write_one(long arg)
{
	NEED((fd = open("/dev/null", O_WRONLY)) >= 0);
	return measure(write_op, arg);
}

static void pread_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(pread(fd, &byte, 1, 100) == 1);
}

static double pread_file(long arg)
{
	NEED((fd = open("small", O_RDWR | O_CREAT, 0644)) >= 0);
	NEED(pwrite(fd, "x", 1, 4000) == 1);
	return measure(pread_op, arg);
}

static struct stat st;

static void stat_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(stat("/tmp/small", &st) == 0);
}

static void fstat_op(long n, long arg)
{
	(void)arg;
	while (n--)
		NEED(fstat(fd, &st) == 0);
}

static void open_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		int f = open("/tmp/small", O_RDONLY);

		NEED(f >= 0);
		close(f);
	}
}

static double with_small(long which)
{
	NEED((fd = open("/tmp/small", O_RDWR | O_CREAT, 0644)) >= 0);
	return measure(which == 0 ? stat_op : which == 1 ? fstat_op : open_op, 0);
}

/* --- select, poll, epoll: none is ready but the last --- */

static struct pollfd *fds;
static fd_set set;
static int highest;

static void make_fds(long n)
{
	struct rlimit limit = {4096, 4096};
	int ends[2];

	setrlimit(RLIMIT_NOFILE, &limit);
	fds = calloc((size_t)n, sizeof(*fds));
	FD_ZERO(&set);
	for (long i = 0; i < n; i++) {
		/* Each entry is a descriptor of the same few pipes, so that 1000 fit. */
		if (i % 64 == 0)
			NEED(pipe(ends) == 0);
		fds[i].fd = i == n - 1 ? open("/dev/zero", O_RDONLY) : dup(ends[0]);
		NEED(fds[i].fd >= 0);
		fds[i].events = POLLIN;
		if (fds[i].fd < FD_SETSIZE) {
			FD_SET(fds[i].fd, &set);
			highest = fds[i].fd > highest ? fds[i].fd : highest;
		}
	}
}

static void select_op(long n, long arg)
{
	struct timeval none = {0, 0};

	(void)arg;
	while (n--) {
		fd_set copy = set;

		NEED(select(highest + 1, &copy, NULL, NULL, &none) >= 0);
	}
}

static void poll_op(long n, long arg)
{
	while (n--)
		NEED(poll(fds, (nfds_t)arg, 0) == 1);
}

static double select_row(long n)
{
	make_fds(n);
	return measure(select_op, n);
}

static double poll_row(long n)
{
	make_fds(n);
	return measure(poll_op, n);
}

static int ep;

static void epoll_op(long n, long arg)
{
	struct epoll_event e[4];

	(void)arg;
	while (n--)
		NEED(epoll_wait(ep, e, 4, 0) == 1);
}

/* n - 1 quiet pipes and an eventful one. */
static double epoll_row(long n)
{
	struct epoll_event e = {.events = EPOLLIN};
	struct rlimit limit = {4096, 4096};
	int ends[2];

	setrlimit(RLIMIT_NOFILE, &limit);
	NEED((ep = epoll_create1(0)) >= 0);
	for (long i = 0; i < n; i++) {
		NEED(pipe(ends) == 0);
		NEED(epoll_ctl(ep, EPOLL_CTL_ADD, ends[0], &e) == 0);
	}
	NEED(write(ends[1], "x", 1) == 1);
	return measure(epoll_op, 0);
}

/* --- signals ------------------------------------------------------------------------------ */

static void handler(int sig)
{
	(void)sig;
}

static void install_op(long n, long arg)
{
	struct sigaction a = {.sa_handler = handler};

	(void)arg;
	while (n--)
		sigaction(SIGUSR1, &a, NULL);
}

static void catch_op(long n, long arg)
{
	pid_t me = getpid();

	(void)arg;
	while (n--)
		kill(me, SIGUSR1);
}

static double signals(long which)
{
	struct sigaction a = {.sa_handler = handler};

	sigaction(SIGUSR1, &a, NULL);
	return measure(which ? catch_op : install_op, 0);
}

static char *page;

static void on_fault(int sig)
{
	(void)sig;
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void fault_op(long n, long arg)
{
	(void)arg;
	while (n--) {
		mprotect(page, 4096, PROT_READ);
		*(volatile char *)page = 1;
	}
}

static double protection(long arg)
{
	struct sigaction a = {.sa_handler = on_fault};

	sigaction(SIGSEGV, &a, NULL);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(page != MAP_FAILED);
	*page = 1;
	return measure(fault_op, arg);
}

static void yield_op(long n, long arg)
{
	(void)arg;
	while (n--)
		sched_yield();
}

static double yield(long arg)
{
	return measure(yield_op, arg);
}

static void clock_op(long n, long arg)
{
	struct timespec ts;

	(void)arg;
	while (n--)
		clock_gettime(CLOCK_MONOTONIC, &ts);
}

static double clock_row(long arg)
{
	return measure(clock_op, arg);
}

/* How late a sleep of 100 us ends, on average. */
static double timer_row(long arg)
{
	const struct timespec nap = {.tv_nsec = 100000};
	uint64_t late = 0;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		uint64_t start = now_ns();

		nanosleep(&nap, NULL);
		late += now_ns() - start - 100000;
	}
	return (double)late / 100;
}

static double boot_row(long arg)
{
	(void)arg;
	return boot_ns;
}

static double used_row(long arg)
{
	(void)arg;
	return used_bytes;
}

const struct row call_rows[] = {
	{"boot", boot_row, 0, 'l', ONE_VIRTUAL},
	{"memory_after_boot", used_row, 0, 's', ONE},
	{"null", null_call, 0, 'l', ONE},
	{"read", read_one, 0, 'l', ONE},
	{"write", write_one, 0, 'l', ONE},
	{"pread_file", pread_file, 0, 'l', ONE},
	{"stat", with_small, 0, 'l', ONE},
	{"fstat", with_small, 1, 'l', ONE},
	{"open_close", with_small, 2, 'l', ONE},
	{"select_10", select_row, 10, 'l', ONE},
	{"select_100", select_row, 100, 'l', ONE},
	{"select_1000", select_row, 1000, 'l', ONE},
	{"poll_10", poll_row, 10, 'l', ONE},
	{"poll_100", poll_row, 100, 'l', ONE},
	{"poll_1000", poll_row, 1000, 'l', ONE},
	{"epoll_10", epoll_row, 10, 'l', ONE},
	{"epoll_100", epoll_row, 100, 'l', ONE},
	{"epoll_1000", epoll_row, 1000, 'l', ONE},
	{"signal_install", signals, 0, 'l', ONE},
	{"signal_catch", signals, 1, 'l', ONE},
	{"protection_fault", protection, 0, 'l', ONE},
	{"sched_yield", yield, 0, 'l', ONE},
	{"clock_gettime", clock_row, 0, 'l', ONE},
	{"timer_late", timer_row, 0, 'l', ONE},
	{0},
};
