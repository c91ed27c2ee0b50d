/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows at several processors: the same work by as many tasks as there are processors at once, and
 * messages between many. Each row gives the time of one operation of one task.
 */
#include "bench.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096L

enum work { FAULT, MMAP, MUNMAP, MPROTECT, FORK, FUTEX, PIPE, OPEN, RENAME };

static char *map(long pages)
{
	char *p = mmap(NULL, (size_t)(pages * PAGE), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

static void fault(long n)
{
	while (n > 0) {
		char *p = map(64);

		for (long i = 0; i < 64; i++)
			*(volatile char *)(p + i * PAGE) = 1;
		munmap(p, 64 * PAGE);
		n -= 64;
	}
}

static void map_only(long n)
{
	while (n--) {
		char *p = map(16);

		munmap(p, 16 * PAGE);
	}
}

static void map_touch(long n)
{
	while (n--) {
		char *p = map(1);

		*(volatile char *)p = 1;
		munmap(p, PAGE);
	}
}

static void protect(long n)
{
	char *p = map(16);

	memset(p, 1, 16 * PAGE);
	while (n--) {
		mprotect(p, 16 * PAGE, PROT_READ);
		mprotect(p, 16 * PAGE, PROT_READ | PROT_WRITE);
	}
	munmap(p, 16 * PAGE);
}

static void forks(long n)
{
	while (n--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		NEED(pid > 0 && waitpid(pid, NULL, 0) == pid);
	}
}

static void futexes(long n)
{
	static uint32_t words[64][16];
	static uint32_t next;
	uint32_t *mine = words[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % 64];

	while (n--)
		syscall(SYS_futex, mine, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void pipes(long n)
{
	int ends[2];
	char c = 0;

	NEED(pipe(ends) == 0);
	while (n--) {
		NEED(write(ends[1], &c, 1) == 1);
		NEED(read(ends[0], &c, 1) == 1);
	}
	close(ends[0]);
	close(ends[1]);
}

static void opens(long n)
{
	while (n--) {
		int fd = open("/tmp/common", O_RDONLY);

		NEED(fd >= 0);
		close(fd);
	}
}

static void renames(long n)
{
	char a[64], b[64];

	snprintf(a, sizeof(a), "/tmp/a%d", (int)syscall(SYS_gettid));
	snprintf(b, sizeof(b), "/tmp/b%d", (int)syscall(SYS_gettid));
	close(open(a, O_WRONLY | O_CREAT, 0644));
	while (n--) {
		NEED(rename(a, b) == 0);
		NEED(rename(b, a) == 0);
	}
	unlink(a);
}

static void (*const works[])(long n) = {
	[FAULT] = fault,      [MMAP] = map_only, [MUNMAP] = map_touch,
	[MPROTECT] = protect, [FORK] = forks,	 [FUTEX] = futexes,
	[PIPE] = pipes,	      [OPEN] = opens,	 [RENAME] = renames};

struct member {
	struct team *team;
	pthread_t thread;
	uint64_t start, end;
};

struct team {
	pthread_barrier_t ready;
	void (*work)(long n);
	long n;
	struct member members[64];
};

/* Each takes its own times: whoever waits for all may get a processor only when they are done. */
static void *member(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->team->ready);
	m->start = now_ns();
	m->team->work(m->team->n);
	m->end = now_ns();
	return NULL;
}

/* ns in all for n operations of each of `threads` threads. */
static double team_time(void (*work)(long n), long n, long threads)
{
	struct team t = {.work = work, .n = n};
	uint64_t start = UINT64_MAX, end = 0;

	pthread_barrier_init(&t.ready, NULL, (unsigned)threads);
	for (long i = 0; i < threads; i++) {
		t.members[i].team = &t;
		NEED(!pthread_create(&t.members[i].thread, NULL, member, &t.members[i]));
	}
	for (long i = 0; i < threads; i++) {
		pthread_join(t.members[i].thread, NULL);
		start = t.members[i].start < start ? t.members[i].start : start;
		end = t.members[i].end > end ? t.members[i].end : end;
	}
	return (double)(end - start);
}

static double team(long which)
{
	long threads = sysconf(_SC_NPROCESSORS_ONLN), n = 64;
	double best = 0;

	close(open("/tmp/common", O_WRONLY | O_CREAT, 0644));
	while (team_time(works[which], n, threads) < 3e6)
		n *= 2;
	for (int i = 0; i < 5; i++) {
		double t = team_time(works[which], n, threads) / (double)n;

		if (!best || t < best)
			best = t;
	}
	return best;
}

/* How much more gets done by all processors than by one: time of one alone over that of all. */
static double scaling(long which)
{
	long threads = sysconf(_SC_NPROCESSORS_ONLN), n = 64;
	double one, all;

	close(open("/tmp/common", O_WRONLY | O_CREAT, 0644));
	while (team_time(works[which], n, 1) < 3e6)
		n *= 2;
	one = team_time(works[which], n, 1);
	all = team_time(works[which], n, threads);
	for (int i = 0; i < 4; i++) {
		double o = team_time(works[which], n, 1), a = team_time(works[which], n, threads);

		one = o < one ? o : one;
		all = a < all ? a : all;
	}
	return (double)threads * one / all;
}

/* --- hackbench: groups of senders and receivers over sockets --------------------------------- */

#define GROUP	 10
#define MESSAGES 20L
#define BYTES	 100

static void receive(int fd, long n)
{
	char buf[BYTES];

	while (n > 0) {
		ssize_t r = read(fd, buf, sizeof(buf));

		NEED(r > 0);
		n -= r;
	}
}

static double hackbench(long groups)
{
	uint64_t start;
	char buf[BYTES] = {0};

	start = now_ns();
	for (long g = 0; g < groups; g++) {
		int ends[GROUP][2];

		for (int r = 0; r < GROUP; r++) {
			NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[r]) == 0);
			if (fork() == 0) {
				receive(ends[r][0], GROUP * MESSAGES * BYTES);
				_exit(0);
			}
		}
		for (int s = 0; s < GROUP; s++)
			if (fork() == 0) {
				for (long m = 0; m < MESSAGES; m++)
					for (int r = 0; r < GROUP; r++)
						NEED(write(ends[r][1], buf, BYTES) == BYTES);
				_exit(0);
			}
		for (int r = 0; r < GROUP; r++) {
			close(ends[r][0]);
			close(ends[r][1]);
		}
	}
	while (wait(NULL) > 0)
		continue;
	return (double)(now_ns() - start);
}

const struct row parallel_rows[] = {
	{"all_fault", team, FAULT, 'l', SEVERAL},
	{"all_mmap", team, MMAP, 'l', SEVERAL},
	{"all_munmap", team, MUNMAP, 'l', SEVERAL},
	{"all_mprotect", team, MPROTECT, 'l', SEVERAL},
	{"all_fork", team, FORK, 'l', SEVERAL},
	{"all_futex", team, FUTEX, 'l', SEVERAL},
	{"all_pipe", team, PIPE, 'l', SEVERAL},
	{"all_open", team, OPEN, 'l', SEVERAL},
	{"all_rename", team, RENAME, 'l', SEVERAL},
	{"hackbench", hackbench, 4, 'l', SEVERAL},
	{"scaling_fault", scaling, FAULT, 'b', SEVERAL_WALL},
	{"scaling_open", scaling, OPEN, 'b', SEVERAL_WALL},
	{"scaling_pipe", scaling, PIPE, 'b', SEVERAL_WALL},
	{"scaling_fork", scaling, FORK, 'b', SEVERAL_WALL},
	{0},
};
