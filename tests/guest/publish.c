/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one thread writes before it raises a flag is there for who sees the flag, also on a page
 * that is being copied at the time: of memory never written, of a fork, of a file. Three threads:
 * one has looked at the page, one makes the copy, one writes to it and raises the flag.
 */
#include "guest.h"

#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE	4096l
#define ROUNDS	1000
#define SECONDS 1 /* at most for each part: fewer processors than threads take turns */

/* Each on a line of its own, and off the page. */
static uint64_t *page;
static _Alignas(64) volatile uint32_t start_round;
static _Alignas(64) volatile uint32_t looked;
static _Alignas(64) volatile uint32_t flag;
static _Alignas(64) volatile uint32_t finished;
static _Alignas(64) volatile uint32_t stale;

static void until(volatile uint32_t *word, uint32_t value)
{
	for (unsigned spins = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; spins++)
		if (spins > 1000)
			sched_yield();
}

/* Has the old page in its translations; then waits for the flag. */
static void look(uint32_t round)
{
	volatile uint64_t *p = page;

	(void)p[0];
	__atomic_add_fetch(&looked, 1, __ATOMIC_ACQ_REL);
	until(&flag, round);
	if (p[0] != round)
		stale++;
}

static void copy(uint32_t round)
{
	until(&looked, round);
	page[64] = round;
}

static void publish(uint32_t round)
{
	until(&looked, round);
	page[0] = round;
	__atomic_store_n(&flag, round, __ATOMIC_RELEASE);
}

static void *work(void *arg)
{
	void (*const parts[])(uint32_t) = {look, copy, publish};

	for (uint32_t round = 1;; round++) {
		uint32_t now;

		for (unsigned spins = 0;
		     (now = __atomic_load_n(&start_round, __ATOMIC_ACQUIRE)) < round; spins++)
			if (spins > 1000)
				sched_yield();
		if (now == UINT32_MAX)
			return NULL;
		parts[(intptr_t)arg](round);
		__atomic_add_fetch(&finished, 1, __ATOMIC_ACQ_REL);
	}
}

/* Puts the page back to what it was, not written by this process. */
static void forget(void)
{
	madvise(page, PAGE, MADV_DONTNEED);
}

static pid_t child;

/* The page is shared with a child until it is written. */
static void share(void)
{
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	page[0] = 0;
	child = fork();
	if (child == 0)
		for (;;)
			pause();
}

static void run(const char *what, uint64_t *where, void (*reset)(void), unsigned rounds)
{
	time_t end = time(NULL) + SECONDS;
	pthread_t t[3];
	uint32_t round;

	page = where;
	start_round = looked = flag = finished = stale = 0;
	for (intptr_t i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (round = 1; round <= rounds && time(NULL) < end; round++) {
		reset();
		__atomic_store_n(&start_round, round, __ATOMIC_RELEASE);
		until(&finished, 3 * round);
	}
	__atomic_store_n(&start_round, UINT32_MAX, __ATOMIC_RELEASE);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	printf("%s: %s\n", what, stale ? "an old page was seen" : "good");
	fflush(stdout);
}

int main(void)
{
	uint64_t *p;
	int fd = open("file", O_RDWR | O_CREAT, 0600);

	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	run("never written", p, forget, ROUNDS);
	run("shared with a child", p, share, ROUNDS / 10);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ftruncate(fd, PAGE);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	run("of a file", p, forget, ROUNDS);
	return 0;
}
