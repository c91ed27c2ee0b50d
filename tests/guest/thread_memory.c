/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One memory and several threads: what mprotect and munmap have taken away is gone for all of them
 * when the call returns; faults, forks and maps at the same time do no harm.
 */
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define WRITERS 3
#define ROUNDS	200

static volatile unsigned long *page;
static volatile int frozen, over;
static volatile unsigned long done[WRITERS];

static __thread sigjmp_buf again;

static void fault(int sig)
{
	(void)sig;
	siglongjmp(again, 1);
}

static void *write_on(void *arg)
{
	long i = (long)arg;

	while (!over) {
		if (sigsetjmp(again, 1))
			continue;
		page[i]++;
		done[i]++;
	}
	return NULL;
}

/* After mprotect has returned nothing changes any more, until it is taken back. */
static void protect(void)
{
	struct sigaction a = {.sa_handler = fault, .sa_flags = SA_NODEFER};
	pthread_t t[WRITERS];
	unsigned long changed = 0, seen[WRITERS], before;

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &a, NULL);
	for (long i = 0; i < WRITERS; i++)
		pthread_create(&t[i], NULL, write_on, (void *)i);
	while (!done[0] || !done[1] || !done[2])
		sched_yield();
	for (int round = 0; round < ROUNDS; round++) {
		mprotect((void *)page, 4096, PROT_READ);
		for (int i = 0; i < WRITERS; i++)
			seen[i] = page[i];
		for (int k = 0; k < 200; k++)
			for (int i = 0; i < WRITERS; i++)
				changed += page[i] != seen[i];
		mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
		before = page[0];
		for (int k = 0; k < 1000 && page[0] == before; k++)
			;
	}
	over = 1;
	for (int i = 0; i < WRITERS; i++)
		pthread_join(t[i], NULL);
	printf("written while protected: %lu\n", changed);
	munmap((void *)page, 4096);
	signal(SIGSEGV, SIG_DFL);
}

/* --- fresh memory that many touch at once is one memory --- */

static unsigned *area;
static pthread_barrier_t barrier;

static void *count_up(void *arg)
{
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 256; i++)
		__atomic_fetch_add(&area[i * 1024], 1, __ATOMIC_RELAXED);
	return arg;
}

static void first_touch(void)
{
	int wrong = 0;

	pthread_barrier_init(&barrier, NULL, 4);
	for (int round = 0; round < 20; round++) {
		pthread_t t[4];

		area = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, count_up, NULL);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
		for (int i = 0; i < 256; i++)
			wrong += area[i * 1024] != 4;
		munmap(area, 1 << 20);
	}
	printf("lost first touches: %d\n", wrong);
}

/* --- everything at once --- */

static void *map_and_unmap(void *arg)
{
	unsigned seed = (unsigned)(long)arg, bad_bytes = 0;

	for (int i = 0; i < 150; i++) {
		size_t n = (size_t)(rand_r(&seed) % 16 + 1) * 4096;
		char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(p, (int)(long)arg, n);
		mprotect(p, 4096, PROT_NONE);
		if (n > 8192)
			munmap(p + 4096, 4096);
		mprotect(p, 4096, PROT_READ);
		bad_bytes += p[0] != (char)(long)arg || p[n - 1] != (char)(long)arg ? n > 4096 : 0;
		munmap(p, n);
	}
	return (void *)(long)bad_bytes;
}

static volatile long shared_counter;

static void *fork_and_look(void *arg)
{
	long bad_children = 0;

	for (int i = 0; i < 12; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			long was = shared_counter;

			/* Alone here: nobody counts on. */
			for (int k = 0; k < 1000; k++)
				if (shared_counter != was)
					_exit(1);
			shared_counter = -1;
			_exit(0);
		}
		waitpid(pid, &status, 0);
		bad_children += status != 0;
	}
	(void)arg;
	return (void *)bad_children;
}

static void *count_on(void *arg)
{
	while (!over)
		__atomic_fetch_add(&shared_counter, 1, __ATOMIC_RELAXED);
	return arg;
}

static void *exec_on(void *arg)
{
	volatile long bad_children = 0;

	for (int i = 0; i < 10; i++) {
		int status;
		pid_t pid = vfork();

		if (pid == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		waitpid(pid, &status, 0);
		bad_children = bad_children + (status != 0);
	}
	(void)arg;
	return (void *)bad_children;
}

static void together(void)
{
	pthread_t counter, t[5];
	void *r;
	long sum = 0;

	over = 0;
	pthread_create(&counter, NULL, count_on, NULL);
	pthread_create(&t[0], NULL, map_and_unmap, (void *)1);
	pthread_create(&t[1], NULL, map_and_unmap, (void *)2);
	pthread_create(&t[2], NULL, fork_and_look, NULL);
	pthread_create(&t[3], NULL, fork_and_look, NULL);
	pthread_create(&t[4], NULL, exec_on, NULL);
	for (int i = 0; i < 5; i++) {
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	over = 1;
	pthread_join(counter, NULL);
	printf("together: %ld wrong, counter %s\n", sum, shared_counter > 0 ? "positive" : "wrong");
}

int main(void)
{
	protect();
	first_touch();
	together();
	return 0;
}
