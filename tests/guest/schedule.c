/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling policies: arguments, rights, order of real-time threads, what is left to others. */
#include "guest.h"
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

/* As in linux/sched/types.h, which does not go with sched.h. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

static int set(pid_t pid, int policy, int priority)
{
	struct sched_param p = {.sched_priority = priority};

	return sched_setscheduler(pid, policy, &p);
}

static void arguments(void)
{
	struct sched_param p = {.sched_priority = 0};
	struct timespec t;
	struct attr a = {.size = 48};

	for (int i = -1; i < 7; i++)
		printf("policy %d: %d to %d\n", i, sched_get_priority_min(i),
		       sched_get_priority_max(i));
	SHOW(sched_getscheduler(0));
	SHOW(sched_getscheduler(-1));
	SHOW(sched_getscheduler(0x3fffffff));
	SHOW(sched_getparam(0, NULL));
	SHOW(sched_getparam(0, bad));
	SHOW(sched_getparam(0, &p));
	SHOW(set(0, 99, 0));
	SHOW(set(0, -1, 0));
	SHOW(set(0, SCHED_OTHER, 1));
	SHOW(set(0, SCHED_FIFO, 0));
	SHOW(set(0, SCHED_FIFO, 100));
	SHOW(set(0, SCHED_FIFO, -1));
	SHOW(set(0x3fffffff, SCHED_FIFO, 1));
	SHOW(sched_setscheduler(0, SCHED_FIFO, NULL));
	SHOW(sched_setscheduler(0, SCHED_FIFO, bad));
	SHOW(sched_setparam(0, NULL));
	SHOW(sched_rr_get_interval(-1, &t));
	SHOW(sched_rr_get_interval(0x3fffffff, &t));
	SHOW(sched_rr_get_interval(0, bad));
	SHOW(syscall(SYS_sched_setattr, 0, NULL, 0));
	SHOW(syscall(SYS_sched_setattr, 0, bad, 0));
	SHOW(syscall(SYS_sched_setattr, 0, &a, 1));
	a.size = 47;
	SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
	printf("size told: %u\n", a.size);
	a.size = 48;
	a.flags = 1 << 20;
	SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
	SHOW(syscall(SYS_sched_getattr, 0, &a, 47, 0));
	SHOW(syscall(SYS_sched_getattr, 0, &a, 48, 1));
	SHOW(syscall(SYS_sched_getattr, 0, bad, 48, 0));
	SHOW(syscall(SYS_sched_getattr, 0, &a, 48, 0));
	printf("size %u policy %u nice %d priority %u\n", a.size, a.policy, a.nice, a.priority);
}

static void policies(void)
{
	static const int all[] = {SCHED_RR, SCHED_FIFO, SCHED_BATCH, SCHED_IDLE, SCHED_OTHER};
	struct sched_param p;
	struct timespec t;

	for (int i = 0; i < 5; i++) {
		int priority = i < 2 ? 7 : 0;

		SHOW(set(0, all[i], priority));
		sched_getparam(0, &p);
		printf("is %d, priority %d\n", sched_getscheduler(0), p.sched_priority);
	}
	set(0, SCHED_RR, 3);
	sched_rr_get_interval(0, &t);
	printf("interval %ld ms\n", t.tv_sec * 1000 + t.tv_nsec / 1000000);
	p.sched_priority = 5;
	SHOW(sched_setparam(0, &p));
	p.sched_priority = 0;
	SHOW(sched_setparam(0, &p));
	set(0, SCHED_FIFO, 3);
	sched_rr_get_interval(0, &t);
	printf("interval %ld ms\n", t.tv_sec * 1000 + t.tv_nsec / 1000000);
	SHOW(sched_yield());
	SHOW(set(0, SCHED_OTHER, 0));
}

static void attributes(void)
{
	struct attr a = {.size = 48, .policy = SCHED_OTHER, .nice = 5};

	SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
	SHOW(getpriority(PRIO_PROCESS, 0));
	a.flags = 8 | 16; /* keep policy and parameters, only this: */
	a.flags |= 1;	  /* children do not inherit: but this is the policy's */
	SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
	printf("reset on fork: %#x\n", (unsigned)sched_getscheduler(0));
	a.flags = 1;
	SHOW(syscall(SYS_sched_setattr, 0, &a, 0));
	printf("reset on fork: %#x\n", (unsigned)sched_getscheduler(0));
	setpriority(PRIO_PROCESS, 0, -5);
	if (fork() == 0) {
		printf("child: %#x, nice %d\n", (unsigned)sched_getscheduler(0),
		       getpriority(PRIO_PROCESS, 0));
		_exit(0);
	}
	wait(NULL);
	set(0, SCHED_FIFO | SCHED_RESET_ON_FORK, 9);
	if (fork() == 0) {
		printf("child: %#x\n", (unsigned)sched_getscheduler(0));
		_exit(0);
	}
	wait(NULL);
}

/* --- rights --- */

static void rights(void)
{
	struct rlimit l = {0, 0};

	setrlimit(RLIMIT_RTPRIO, &l);
	setrlimit(RLIMIT_NICE, &l);
	if (setgid(1234) || setuid(1234))
		return;
	SHOW(set(0, SCHED_OTHER, 0));
	SHOW(set(1, SCHED_OTHER, 0));
	SHOW(set(0, SCHED_IDLE, 0));
	SHOW(set(0, SCHED_OTHER, 0));
	SHOW(setpriority(PRIO_PROCESS, 0, -5));
	SHOW(setpriority(PRIO_PROCESS, 1, 1));
	SHOW(set(0, SCHED_FIFO, 1));
	SHOW(set(0, SCHED_BATCH, 0));
	SHOW(setpriority(PRIO_PROCESS, 0, 3));
	SHOW(setpriority(PRIO_PROCESS, 0, 2));
	SHOW(set(0, SCHED_IDLE, 0));
	SHOW(set(0, SCHED_OTHER, 0));
	SHOW(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
}

static void *own_nice(void *arg)
{
	setpriority(PRIO_PROCESS, 0, 7);
	*(int *)arg = getpriority(PRIO_PROCESS, 0);
	return NULL;
}

static void nice_of_threads(void)
{
	pthread_t t;
	int n = 0;

	setpriority(PRIO_PROCESS, 0, 1);
	pthread_create(&t, NULL, own_nice, &n);
	pthread_join(t, NULL);
	printf("its nice %d, ours %d\n", n, getpriority(PRIO_PROCESS, 0));
}

static void io_priorities(void)
{
	SHOW(syscall(SYS_ioprio_get, 1, 0));
	SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
	SHOW(syscall(SYS_ioprio_get, 1, 0));
	SHOW(syscall(SYS_ioprio_set, 1, 0, 3 << 13));
	SHOW(syscall(SYS_ioprio_get, 1, 0));
	SHOW(syscall(SYS_ioprio_set, 1, 0, 1));
	SHOW(syscall(SYS_ioprio_set, 1, 0, 5 << 13));
	SHOW(syscall(SYS_ioprio_set, 4, 0, 0));
	SHOW(syscall(SYS_ioprio_set, 1, 0x3fffffff, 0));
	SHOW(syscall(SYS_ioprio_get, 0, 0));
}

/* --- order --- */

static void on_first_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static int order[8], arrived;

static void *arrive(void *arg)
{
	order[arrived++] = (int)(long)arg;
	return NULL;
}

static pthread_t start(int policy, int priority, void *(*fn)(void *), long arg)
{
	struct sched_param p = {.sched_priority = priority};
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&a, policy);
	pthread_attr_setschedparam(&a, &p);
	if (pthread_create(&t, &a, fn, (void *)arg))
		printf("cannot make a thread\n");
	return t;
}

/* The most important one first, of equals the one that came first. */
static void by_priority(void)
{
	static const int priorities[] = {10, 30, 20, 30, 10};
	pthread_t t[5];

	on_first_processor();
	set(0, SCHED_FIFO, 50);
	for (int i = 0; i < 5; i++)
		t[i] = start(SCHED_FIFO, priorities[i], arrive, i);
	printf("nobody yet: %d\n", arrived);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < arrived; i++)
		printf("%d ", order[i]);
	printf("\n");
}

static volatile int turn, rounds;

static void *alternate(void *arg)
{
	for (int i = 0; i < 20; i++) {
		if (turn == (int)(long)arg)
			rounds++;
		turn = 1 - (int)(long)arg;
		sched_yield();
	}
	return NULL;
}

/* Of equals each yield gives the processor to the other one. */
static void by_yield(void)
{
	pthread_t a, b;

	on_first_processor();
	set(0, SCHED_FIFO, 50);
	a = start(SCHED_FIFO, 10, alternate, 0);
	b = start(SCHED_FIFO, 10, alternate, 1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	printf("in turn: %d\n", rounds);
}

static void *spin(void *arg)
{
	for (;;)
		;
	return arg;
}

/* A real-time thread that never sleeps leaves something to others. */
static void no_starvation(void)
{
	volatile int *counter =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t poor;

	on_first_processor();
	poor = fork();
	if (poor == 0)
		for (;;)
			++*counter;
	/* Its watcher is more important, and asleep most of the time. */
	set(0, SCHED_FIFO, 20);
	start(SCHED_FIFO, 10, spin, 0);
	for (int i = 0, last = *counter, grown = 0; i < 400 && grown < 2; i++) {
		struct timespec t = {0, 50000000};

		nanosleep(&t, NULL);
		grown += *counter != last;
		last = *counter;
		if (grown == 2)
			printf("not starved\n");
	}
	fflush(stdout);
	kill(poor, SIGKILL);
	_exit(0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The oracle may have been started with another one. */
	if (setpriority(PRIO_PROCESS, 0, 0))
		perror("nice 0");
	in_child(arguments);
	in_child(policies);
	in_child(attributes);
	in_child(rights);
	in_child(nice_of_threads);
	in_child(io_priorities);
	show_status("order", in_child(by_priority));
	show_status("yield", in_child(by_yield));
	show_status("starvation", in_child(no_starvation));
	return 0;
}
