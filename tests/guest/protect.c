/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights that are taken away are gone everywhere: once mprotect, munmap or mremap has returned, no
 * thread on any processor writes through what it had before.
 */
#include "guest.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE	4096l
#define WRITERS 3
#define ROUNDS	3000
#define SECONDS 3 /* at most for each part: a busy host is slow to stop a processor */

static char *page;
static volatile int writable, stop;
static volatile uint64_t faults;

/* The write is tried again when the handler returns: wait until it can succeed. */
static void on_fault(int signal)
{
	__atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
	while (!writable && !stop)
		sched_yield();
	if (stop)
		pthread_exit(NULL);
}

static void *writer(void *arg)
{
	volatile uint64_t *mine = (volatile uint64_t *)(page + (long)arg * 64);

	while (!stop)
		++*mine;
	return NULL;
}

static time_t over;

static int more(int round, int rounds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!round)
		over = now.tv_sec + SECONDS;
	return round < rounds && now.tv_sec <= over;
}

static uint64_t sum(const char *p)
{
	uint64_t s = 0;

	for (int i = 0; i < WRITERS; i++)
		s += *(volatile const uint64_t *)(p + i * 64);
	return s;
}

/* Rounds in which somebody wrote although it was forbidden. */
static long protect_rounds(int fd)
{
	const char *window = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	long bad_rounds = 0;

	for (int i = 0; more(i, ROUNDS); i++) {
		uint64_t before;

		writable = 0;
		if (mprotect(page, PAGE, PROT_READ))
			return -1;
		before = sum(window);
		for (volatile int spin = 0; spin < 200; spin++)
			continue;
		if (i % 64 == 0)
			sched_yield();
		bad_rounds += sum(window) != before;
		if (mprotect(page, PAGE, PROT_READ | PROT_WRITE))
			return -1;
		writable = 1;
		if (i % 16 == 0)
			sched_yield();
	}
	munmap((void *)(uintptr_t)window, PAGE);
	return bad_rounds;
}

/* The page goes away, and another comes in its place: what was written is in one of the two. */
static long move_rounds(int fd)
{
	char *away = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *window = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	long bad_rounds = 0;

	for (int i = 0; more(i, ROUNDS); i++) {
		uint64_t before;

		writable = 0;
		if (mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) != away)
			return -1;
		before = sum(window);
		for (volatile int spin = 0; spin < 200; spin++)
			continue;
		bad_rounds += sum(window) != before;
		if (mremap(away, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page)
			return -1;
		writable = 1;
		if (i % 16 == 0)
			sched_yield();
	}
	munmap((void *)(uintptr_t)window, PAGE);
	return bad_rounds;
}

static void run(const char *what, long (*rounds)(int), int fd)
{
	pthread_t t[WRITERS];
	long bad_rounds;

	stop = 0;
	writable = 1;
	for (long i = 0; i < WRITERS; i++)
		if (pthread_create(&t[i], NULL, writer, (void *)i))
			return;
	bad_rounds = rounds(fd);
	stop = 1;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	printf("%s: %ld rounds with a write that was not allowed\n", what, bad_rounds);
}

/* fork makes private memory read-only for a moment: the child's copy must stand still. */
static long fork_rounds(int fd)
{
	long bad_rounds = 0;

	for (int i = 0; more(i, 200); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			uint64_t before = sum(page);

			for (volatile int spin = 0; spin < 2000; spin++)
				continue;
			_exit(sum(page) != before);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return -1;
		bad_rounds += status != 0;
	}
	return bad_rounds;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
	int fd = memfd_create("page", 0);

	sigaction(SIGSEGV, &sa, NULL);
	if (fd < 0 || ftruncate(fd, PAGE))
		return 1;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	run("mprotect", protect_rounds, fd);
	run("mremap", move_rounds, fd);
	munmap(page, PAGE);
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	run("fork", fork_rounds, fd);
	return 0;
}
