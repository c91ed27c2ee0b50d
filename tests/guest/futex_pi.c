/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks with priority inheritance: who waits lends its priority to the owner, along chains of
 * owners that wait; the most important waiter is next; circles are refused.
 */
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#define THREADS 6

static uint32_t locks[THREADS];
static volatile int go[THREADS]; /* what each worker does: see worker() */
static pid_t tids[THREADS];
static int order[THREADS], ended;

static long futex(uint32_t *word, int op, struct timespec *until)
{
	return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, 0, until, NULL, 0);
}

/* A field of /proc/self/task/TID/stat, 3 (the state) or higher. */
static const char *stat_field(pid_t tid, int number)
{
	static __thread char text[512];
	char path[64], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return "?";
	text[n] = 0;
	p = strrchr(text, ')') + 2;
	while (number-- > 3)
		p = strchr(p, ' ') + 1;
	return p;
}

/* The priority that counts: 1..99 for real-time, else 0. */
static int running_priority(pid_t tid)
{
	int shown = atoi(stat_field(tid, 18));

	return shown < 0 ? -1 - shown : 0;
}

static void asleep(pid_t tid)
{
	while (*stat_field(tid, 3) != 'S')
		usleep(500);
}

/* Wait until it is that priority: what it takes to see it is not for us to know. */
static void expect(const char *what, pid_t tid, int priority)
{
	int now = -1;

	for (int i = 0; i < 5000; i++) {
		now = running_priority(tid);
		if (now == priority)
			break;
		usleep(1000);
	}
	printf("%s: %d\n", what, now);
}

static void set_priority(pid_t tid, int priority)
{
	struct sched_param p = {.sched_priority = priority};

	if (sched_setscheduler(tid, priority ? SCHED_FIFO : SCHED_OTHER, &p))
		printf("no rights\n");
}

static int own_priority(pid_t tid)
{
	struct sched_param p;

	sched_getparam(tid, &p);
	return p.sched_priority;
}

struct worker {
	pthread_t thread;
	int number, holds, wants; /* numbers of locks, or -1 */
	struct timespec *until;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	if (w->holds >= 0)
		futex(&locks[w->holds], FUTEX_LOCK_PI, NULL);
	__atomic_store_n(&tids[w->number], (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	while (go[w->number] == 0)
		sched_yield(); /* does not sleep: see asleep() */
	if (w->wants >= 0 && futex(&locks[w->wants], FUTEX_LOCK_PI, w->until) == 0) {
		order[__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST)] = w->number;
		futex(&locks[w->wants], FUTEX_UNLOCK_PI, NULL);
	}
	while (go[w->number] == 1)
		usleep(500);
	if (w->holds >= 0)
		futex(&locks[w->holds], FUTEX_UNLOCK_PI, NULL);
	while (go[w->number] == 2)
		usleep(500);
	return NULL;
}

static void start(struct worker *w, int number, int holds, int wants)
{
	*w = (struct worker){.number = number, .holds = holds, .wants = wants};
	go[number] = 0;
	tids[number] = 0;
	pthread_create(&w->thread, NULL, work, w);
	while (!__atomic_load_n(&tids[number], __ATOMIC_SEQ_CST))
		usleep(500);
}

static void blocked_on(int lock)
{
	while (!(__atomic_load_n(&locks[lock], __ATOMIC_SEQ_CST) & FUTEX_WAITERS))
		usleep(500);
}

static void lend(void)
{
	struct worker w[3];

	printf("lend\n");
	start(&w[0], 0, 0, -1);
	start(&w[1], 1, -1, 0);
	set_priority(tids[1], 10);
	go[0] = 1;
	go[1] = 1;
	expect("the owner of a lock that FIFO 10 wants", tids[0], 10);
	printf("its own: %d\n", own_priority(tids[0]));
	set_priority(tids[1], 20);
	expect("the waiter becomes 20", tids[0], 20);
	set_priority(tids[0], 30);
	expect("the owner becomes 30", tids[0], 30);
	set_priority(tids[0], 0);
	expect("and ordinary", tids[0], 20);
	set_priority(tids[1], 0);
	expect("so does the waiter", tids[0], 0);
	set_priority(tids[1], 40);
	expect("40", tids[0], 40);
	go[0] = 2;
	expect("unlocked", tids[0], 0);
	go[0] = go[1] = 3;
	pthread_join(w[0].thread, NULL);
	pthread_join(w[1].thread, NULL);
}

/* 0 holds lock 0; 1 holds 1 and wants 0; 2 holds 2 and wants 1; 3 wants 2. */
static void chain(void)
{
	struct worker w[4];

	printf("chain\n");
	for (int i = 0; i < 4; i++)
		start(&w[i], i, i < 3 ? i : -1, i - 1);
	go[0] = 1;
	for (int i = 1; i < 4; i++) {
		go[i] = 1;
		blocked_on(i - 1);
	}
	set_priority(tids[3], 7);
	for (int i = 0; i < 4; i++)
		expect("of a chain", tids[i], 7);
	set_priority(tids[1], 9);
	expect("first", tids[0], 9);
	expect("second", tids[1], 9);
	expect("third", tids[2], 7);
	go[0] = 2;
	expect("first, without", tids[0], 0);
	go[1] = 2;
	expect("second, its own", tids[1], 9);
	go[2] = 2;
	for (int i = 0; i < 4; i++)
		go[i] = 3;
	for (int i = 0; i < 4; i++)
		pthread_join(w[i].thread, NULL);
}

static void order_of_waiters(void)
{
	static const int priorities[] = {0, 5, 30, 0, 10};
	struct worker w[THREADS];
	struct timespec soon;

	printf("order\n");
	ended = 0;
	start(&w[0], 0, 0, -1);
	go[0] = 1;
	for (int i = 1; i < THREADS; i++) {
		start(&w[i], i, -1, 0);
		go[i] = 1;
		asleep(tids[i]); /* among equals the older one */
		set_priority(tids[i], priorities[i - 1]);
	}
	expect("of several", tids[0], 30);
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 1000000;
	set_priority(0, 50);
	errno = 0;
	futex(&locks[0], FUTEX_LOCK_PI, &soon);
	printf("tries for a moment: %s\n", strerrorname_np(errno));
	set_priority(0, 0);
	expect("it has given up", tids[0], 30);
	go[0] = 2;
	for (int i = 1; i < THREADS; i++)
		go[i] = 3;
	for (int i = 1; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	go[0] = 3;
	pthread_join(w[0].thread, NULL);
	printf("they had it:");
	for (int i = 0; i < ended; i++)
		printf(" %d", order[i]);
	printf("\n");
}

/* We hold 5 and wait for what a thread holds that wants 5. */
static void circle(void)
{
	struct worker w[2];

	printf("circle\n");
	start(&w[0], 0, 0, 1);
	start(&w[1], 1, 1, 5);
	futex(&locks[5], FUTEX_LOCK_PI, NULL);
	go[1] = 1;
	blocked_on(5);
	go[0] = 1;
	blocked_on(1);
	SHOW(futex(&locks[0], FUTEX_LOCK_PI, NULL));
	SHOW(futex(&locks[1], FUTEX_LOCK_PI, NULL));
	SHOW(futex(&locks[5], FUTEX_LOCK_PI, NULL));
	SHOW(futex(&locks[0], FUTEX_TRYLOCK_PI, NULL));
	futex(&locks[5], FUTEX_UNLOCK_PI, NULL);
	go[0] = go[1] = 3;
	pthread_join(w[0].thread, NULL);
	pthread_join(w[1].thread, NULL);
}

/* A child made while priority is lent has only its own. */
static void *fork_now(void *arg)
{
	pid_t pid;

	(void)arg;
	futex(&locks[0], FUTEX_LOCK_PI, NULL);
	tids[0] = (pid_t)syscall(SYS_gettid);
	while (running_priority(tids[0]) != 15)
		usleep(500);
	pid = fork();
	if (pid == 0) {
		printf("the child of a thread with 15 lent: %d\n", running_priority(getpid()));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL; /* ends with the lock */
}

static void heirs(void)
{
	struct worker w;
	pthread_t t;

	printf("heirs\n");
	fflush(stdout);
	tids[0] = 0;
	pthread_create(&t, NULL, fork_now, NULL);
	while (!tids[0])
		usleep(500);
	start(&w, 1, -1, 0);
	set_priority(tids[1], 15);
	go[1] = 1;
	pthread_join(t, NULL);
	go[1] = 3;
	pthread_join(w.thread, NULL);
	printf("the word: %#x\n", locks[0] & ~FUTEX_OWNER_DIED);
}

/* FUTEX_WAKE tells the most important first. */
static uint32_t word;

static void *wait_for_word(void *arg)
{
	int n = (int)(long)arg;

	__atomic_store_n(&tids[n], (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	while (go[n] == 0)
		sched_yield();
	set_priority(0, go[n] - 1);
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	order[__atomic_fetch_add(&ended, 1, __ATOMIC_SEQ_CST)] = n;
	return NULL;
}

static void wakes(void)
{
	static const int priorities[] = {0, 0, 20, 60, 20, 0};
	pthread_t t[THREADS];

	ended = 0;
	for (long i = 0; i < THREADS; i++) {
		go[i] = tids[i] = 0;
		pthread_create(&t[i], NULL, wait_for_word, (void *)i);
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST))
			usleep(500);
		go[i] = 1 + priorities[i];
		asleep(tids[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		while (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) != 1)
			usleep(1000);
		while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) != i + 1)
			usleep(500);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("woken:");
	for (int i = 0; i < THREADS; i++)
		printf(" %d", order[i]);
	printf("\n");
}

/* Many threads, few locks, priorities that change all the time: nothing is lost. */
#define ROUNDS 300
static uint32_t shared[2];
static int inside[2], entries;

static void *contend(void *arg)
{
	unsigned seed = (unsigned)(long)arg;

	for (int i = 0; i < ROUNDS; i++) {
		int first = i & 1;

		seed = seed * 1103515245 + 12345;
		set_priority(0, seed >> 16 & 1 ? (int)(seed >> 17 & 31) + 1 : 0);
		/* Both in one order: no circle. */
		for (int l = first; l < 2; l++) {
			if (futex(&shared[l], FUTEX_LOCK_PI, NULL))
				printf("not locked: %s\n", strerrorname_np(errno));
			if (__atomic_add_fetch(&inside[l], 1, __ATOMIC_SEQ_CST) != 1)
				printf("two inside\n");
		}
		__atomic_add_fetch(&entries, 1, __ATOMIC_SEQ_CST);
		for (int l = 1; l >= first; l--) {
			__atomic_sub_fetch(&inside[l], 1, __ATOMIC_SEQ_CST);
			if (futex(&shared[l], FUTEX_UNLOCK_PI, NULL))
				printf("not unlocked: %s\n", strerrorname_np(errno));
		}
	}
	return NULL;
}

static void stress(void)
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, contend, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("entries %d, words %x %x\n", entries, shared[0], shared[1]);
	printf("left to me: %d\n", running_priority((pid_t)syscall(SYS_gettid)));
}

int main(void)
{
	lend();
	chain();
	order_of_waiters();
	circle();
	heirs();
	wakes();
	stress();
	return 0;
}
