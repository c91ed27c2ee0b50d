/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that makes processors talk to each other, at once and for a while: pages replaced,
 * dropped and protected under the hands of other threads, forks, threads that come and go,
 * futexes, moves from processor to processor. Each part checks what it sees; a translation that is
 * used too long shows as a value of before, or of somebody else.
 *
 * usage: storm [SECONDS]
 */
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#define PAGE  4096
#define PAGES 16

static time_t end;
static volatile int over;
static int wrong[8];

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static int going(void)
{
	if (!over && time(NULL) >= end)
		over = 1;
	return !over;
}

static void bad_in(int part)
{
	__atomic_add_fetch(&wrong[part], 1, __ATOMIC_RELAXED);
}

/* --- 0: a page is replaced by another; who looks sees no older one than was announced --- */

static volatile unsigned long *shown;
static unsigned long announced;

static void *replace(void *arg)
{
	for (unsigned long round = 1; going(); round++) {
		unsigned long *fresh = map(PAGE);

		*fresh = round;
		if (mremap(fresh, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)shown) ==
		    MAP_FAILED)
			bad_in(0);
		__atomic_store_n(&announced, round, __ATOMIC_SEQ_CST);
	}
	return arg;
}

static void *look(void *arg)
{
	while (!over) {
		unsigned long least = __atomic_load_n(&announced, __ATOMIC_SEQ_CST);

		for (int i = 0; i < 50; i++)
			if (*shown < least)
				bad_in(0);
		sched_yield();
	}
	return arg;
}

/* --- 1: memory that is dropped again and again holds nothing, or its own mark --- */

#define MARK 0x5151515151515151UL
static volatile unsigned long *dropped;

static void *drop(void *arg)
{
	while (going()) {
		for (int i = 0; i < PAGES; i++)
			dropped[i * PAGE / 8] = MARK;
		madvise((void *)dropped, PAGES * PAGE, MADV_DONTNEED);
	}
	return arg;
}

static void *look_at_dropped(void *arg)
{
	unsigned i = 0;

	while (!over) {
		unsigned long v = dropped[i++ % PAGES * PAGE / 8];

		if (v && v != MARK)
			bad_in(1);
		if (i % 64 == 0)
			sched_yield();
	}
	return arg;
}

/* --- 2: memory of one's own, mapped, protected, unmapped in pieces --- */

static void *own(void *arg)
{
	unsigned long tag = (unsigned long)arg * 0x0101010101010101UL;

	for (unsigned round = 0; going(); round++) {
		size_t n = 1 + round % PAGES;
		unsigned long *p = map(n * PAGE);

		for (size_t i = 0; i < n; i++)
			p[i * PAGE / 8] = tag + i;
		mprotect(p, PAGE, PROT_READ);
		for (size_t i = 0; i < n; i++)
			if (p[i * PAGE / 8] != tag + i)
				bad_in(2);
		/* In two pieces; what is gone may be another's by now. */
		munmap((char *)p + n / 2 * PAGE, (n - n / 2) * PAGE);
		if (n / 2)
			munmap(p, n / 2 * PAGE);
	}
	return arg;
}

/* --- 3: forks of all this; the child changes what the parent keeps --- */

static void *forks(void *arg)
{
	unsigned long *p = map(PAGES * PAGE);

	for (unsigned long round = 1; going(); round++) {
		int status = -1;
		pid_t pid;

		for (int i = 0; i < PAGES; i++)
			p[i * PAGE / 8] = round;
		pid = fork();
		if (pid == 0) {
			int differ = 0;

			for (int i = 0; i < PAGES; i++) {
				differ += p[i * PAGE / 8] != round;
				p[i * PAGE / 8] = 0;
			}
			_exit(differ != 0);
		}
		p[0] = round + 1;
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			bad_in(3);
		for (int i = 0; i < PAGES; i++)
			if (p[i * PAGE / 8] != round + !i)
				bad_in(3);
	}
	return arg;
}

/* --- 4: threads that come and go --- */

static void *short_life(void *arg)
{
	volatile char stack[2 * PAGE];

	stack[0] = stack[PAGE] = 1;
	return (char *)arg + stack[0] + stack[PAGE];
}

static void *threads(void *arg)
{
	while (going()) {
		pthread_t t[4];
		void *got;

		for (long i = 0; i < 4; i++)
			if (pthread_create(&t[i], NULL, short_life, (void *)i))
				abort();
		for (long i = 0; i < 4; i++) {
			pthread_join(t[i], &got);
			if ((long)got != i + 2)
				bad_in(4);
		}
	}
	return arg;
}

/* --- 5: two threads in turns --- */

static unsigned turn;

static void *take_turns(void *arg)
{
	unsigned me = (unsigned)(long)arg;

	while (going()) {
		unsigned now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST);
		struct timespec at_most = {.tv_nsec = 100000000};

		if (now % 2 == me) {
			if (!__atomic_compare_exchange_n(&turn, &now, now + 1, 0, __ATOMIC_SEQ_CST,
							 __ATOMIC_SEQ_CST))
				bad_in(5);
			syscall(SYS_futex, &turn, FUTEX_WAKE, 1, NULL, NULL, 0);
		} else {
			syscall(SYS_futex, &turn, FUTEX_WAIT, now, &at_most, NULL, 0);
		}
	}
	return arg;
}

/* --- 6: from processor to processor --- */

static void *wander(void *arg)
{
	static __thread unsigned long mine;
	int n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	unsigned long *p = map(PAGE);

	for (unsigned long round = 1; going(); round++) {
		cpu_set_t set;
		int cpu = (int)(round % (unsigned)n);

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		mine = *p = round;
		if (sched_setaffinity(0, sizeof(set), &set) || sched_getcpu() != cpu)
			bad_in(6);
		if (mine != round || *p != round)
			bad_in(6);
		madvise(p, PAGE, MADV_DONTNEED);
		if (*p)
			bad_in(6);
	}
	return arg;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void *(*fn)(void *);
		long arg;
	} parts[] = {
		{"replace", replace, 0},
		{"look", look, 0},
		{"look", look, 1},
		{"drop", drop, 0},
		{"look", look_at_dropped, 0},
		{"own", own, 3},
		{"own", own, 5},
		{"forks", forks, 0},
		{"threads", threads, 0},
		{"turns", take_turns, 0},
		{"turns", take_turns, 1},
		{"wander", wander, 0},
	};
	static const char *const names[] = {"replaced", "dropped", "own",   "forks",
					    "threads",	"turns",   "wander"};
	enum { N = sizeof(parts) / sizeof(parts[0]) };
	pthread_t t[N];

	end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 4);
	shown = map(PAGE);
	dropped = map(PAGES * PAGE);
	for (int i = 0; i < N; i++)
		if (pthread_create(&t[i], NULL, parts[i].fn, (void *)parts[i].arg))
			abort();
	for (int i = 0; i < N; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 7; i++)
		printf("%s: %d wrong\n", names[i], wrong[i]);
	return 0;
}
