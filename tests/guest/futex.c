/* SPDX-License-Identifier: BSD-2-Clause */
/* futex(2) by itself, and what the C library builds of it, under contention. */
#include "guest.h"
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

static long futex(void *word, int op, unsigned value, void *timeout, void *word2, unsigned value3)
{
	return syscall(SYS_futex, word, op, value, timeout, word2, value3);
}

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		continue;
}

static uint32_t word, word2;

/* --- arguments --- */

static void arguments(void)
{
	struct timespec none = {0, 0}, wrong = {0, 1000000000}, past = {1, 0};
	char *odd = (char *)&word + 1;

	word = 5;
	SHOW(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0));
	SHOW(futex(&word, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(futex(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, &none, NULL, 0));
	SHOW(futex(&word, FUTEX_WAIT, 5, &wrong, NULL, 0));
	SHOW(futex(&word, FUTEX_WAIT, 5, bad, NULL, 0));
	SHOW(futex(odd, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(futex(bad, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(futex(bad, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 5, &none, NULL, 0));
	SHOW(futex((void *)-4096L, FUTEX_WAIT, 5, &none, NULL, 0));
	SHOW(futex(&word, FUTEX_WAIT_BITSET, 5, &past, NULL, 1));
	SHOW(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &past, NULL, 1));
	SHOW(futex(&word, FUTEX_WAIT_BITSET, 5, &past, NULL, 0));
	SHOW(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 5, &none, NULL, 0));
	SHOW(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	SHOW(futex(odd, FUTEX_WAKE, 1, NULL, NULL, 0));
	SHOW(futex(bad, FUTEX_WAKE, 1, NULL, NULL, 0));
	SHOW(futex(bad, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0));
	SHOW(futex((void *)-4096L, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0));
	SHOW(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	SHOW(futex(&word, FUTEX_REQUEUE, 1, (void *)1, &word2, 0));
	SHOW(futex(&word, FUTEX_REQUEUE, (unsigned)-1, (void *)1, &word2, 0));
	SHOW(futex(&word, FUTEX_REQUEUE, 1, (void *)-1, &word2, 0));
	SHOW(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word2, 4));
	SHOW(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word2, 5));
	SHOW(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, bad, 5));
	SHOW(futex(&word, 77, 1, NULL, NULL, 0));
	SHOW(futex(&word, FUTEX_FD, 1, NULL, NULL, 0));
	SHOW(futex(&word, FUTEX_WAKE | 0x1000, 1, NULL, NULL, 0));
}

static void operations(void)
{
	static const struct {
		int op, arg, cmp, cmp_arg;
	} ops[] = {
		{FUTEX_OP_SET, 7, FUTEX_OP_CMP_EQ, 5},
		{FUTEX_OP_ADD, -3, FUTEX_OP_CMP_NE, 5},
		{FUTEX_OP_OR, 0x10, FUTEX_OP_CMP_LT, 0},
		{FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_LE, 9},
		{FUTEX_OP_XOR, 1, FUTEX_OP_CMP_GT, -1},
		{FUTEX_OP_ADD | 8, 4, FUTEX_OP_CMP_GE, 1},
		{FUTEX_OP_SET | 8, 31, 6, 1},
		{5, 1, FUTEX_OP_CMP_EQ, 1},
	};

	word2 = 5;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		unsigned code =
			(unsigned)FUTEX_OP(ops[i].op, ops[i].arg, ops[i].cmp, ops[i].cmp_arg);
		long r;

		errno = 0;
		r = futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &word2, code);
		printf("wake_op %zu: %ld %s, word %#x\n", i, r, strerrorname_np(errno), word2);
	}
	SHOW(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, bad, 0));
	SHOW(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, (char *)&word2 + 2, 0));
	word2 = 0;
}

/* --- waiters and wakers --- */

static int waiting, woken; /* threads that are about to wait, and that were woken */

struct wait_args {
	uint32_t *word;
	int op;
	uint32_t bitset;
	struct timespec *until;
	int result;
};

static void *wait_thread(void *arg)
{
	struct wait_args *a = arg;

	__atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
	a->result = futex(a->word, a->op, *a->word, a->until, NULL, a->bitset) ? errno : 0;
	__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static pthread_t start(struct wait_args *a)
{
	pthread_t t;
	int before = waiting;

	pthread_create(&t, NULL, wait_thread, a);
	while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) == before)
		sleep_ms(1);
	return t;
}

/* Wake until n have been counted: the threads may still be on their way to sleep. */
static long wake_n(int op, uint32_t *w, unsigned n, uint32_t bitset)
{
	long got = 0, r;

	while (got < (long)n) {
		r = futex(w, op, n - (unsigned)got, NULL, NULL, bitset);
		if (r < 0)
			return r;
		got += r;
		if (!r)
			sleep_ms(1);
	}
	return got;
}

static void waking(void)
{
	struct wait_args a[4];
	pthread_t t[4];

	for (int i = 0; i < 4; i++) {
		a[i] = (struct wait_args){&word, FUTEX_WAIT_BITSET, 1u << i, NULL, -1};
		t[i] = start(&a[i]);
	}
	for (int i = 3; i >= 0; i--) {
		SHOW(wake_n(FUTEX_WAKE_BITSET, &word, 1, 1u << i));
		pthread_join(t[i], NULL);
	}
	printf("woken %d\n", woken);
	SHOW(futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0));
	/* Private and not private are two futexes. */
	a[0] = (struct wait_args){&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, NULL, -1};
	t[0] = start(&a[0]);
	sleep_ms(30);
	SHOW(futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0));
	SHOW(wake_n(FUTEX_WAKE | FUTEX_PRIVATE_FLAG, &word, 1, 0));
	pthread_join(t[0], NULL);
}

static void requeuing(void)
{
	struct wait_args a[5];
	pthread_t t[5];
	long moved = 0, r;

	for (int i = 0; i < 5; i++) {
		a[i] = (struct wait_args){&word, FUTEX_WAIT, 0, NULL, -1};
		t[i] = start(&a[i]);
	}
	while (moved < 5) {
		r = futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)(5 - moved), &word2, word);
		moved += r;
		if (!r)
			sleep_ms(1);
	}
	printf("moved %ld\n", moved);
	SHOW(futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0));
	SHOW(futex(&word2, FUTEX_WAKE, 2, NULL, NULL, 0));
	SHOW(futex(&word2, FUTEX_REQUEUE, 1, (void *)1, &word, 0));
	SHOW(futex(&word2, FUTEX_WAKE, 100, NULL, NULL, 0));
	SHOW(futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0));
	for (int i = 0; i < 5; i++) {
		pthread_join(t[i], NULL);
		if (a[i].result)
			printf("requeued: %s\n", strerrorname_np(a[i].result));
	}
}

/* --- between processes --- */

static void shared_memory(void)
{
	uint32_t *shared =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t *file, *again;
	int fd = open("futex-file", O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	pid_t pid;

	ftruncate(fd, 8192);
	file = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	again = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	pid = fork();
	if (pid == 0) {
		int r = futex(&shared[1], FUTEX_WAIT, 0, NULL, NULL, 0) ? errno : 0;

		r |= futex(&file[1025], FUTEX_WAIT, 0, NULL, NULL, 0) ? errno : 0;
		_exit(r);
	}
	SHOW(wake_n(FUTEX_WAKE, &shared[1], 1, 0));
	/* The same word of the file, mapped elsewhere. */
	SHOW(wake_n(FUTEX_WAKE, &again[1], 1, 0));
	waitpid(pid, &status, 0);
	show_status("shared", status);
	unlink("futex-file");
}

/* --- signals --- */

static void on_signal(int sig)
{
	(void)sig;
}

static void *disturb(void *arg)
{
	for (int i = 0; i < 3; i++) {
		sleep_ms(20);
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	}
	return NULL;
}

static void interrupted(int flags, struct timespec *relative)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = flags};
	pthread_t me = pthread_self(), t;
	long r;

	sigaction(SIGUSR1, &a, NULL);
	pthread_create(&t, NULL, disturb, &me);
	errno = 0;
	r = futex(&word, FUTEX_WAIT, word, relative, NULL, 0);
	printf("interrupted: %ld %s\n", r, strerrorname_np(errno));
	pthread_join(t, NULL);
}

/* --- robust locks --- */

static pthread_mutex_t *robust;

static void *die_with_lock(void *arg)
{
	pthread_mutex_lock(robust);
	return arg;
}

static void robust_locks(void)
{
	pthread_mutexattr_t attr;
	pthread_t t;
	int status;
	pid_t pid;

	robust = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int kind = 0; kind < 2; kind++) {
		pthread_mutexattr_init(&attr);
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
		if (kind)
			pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
		pthread_mutex_init(robust, &attr);
		pthread_create(&t, NULL, die_with_lock, NULL);
		pthread_join(t, NULL);
		printf("robust: %s\n", strerrorname_np(pthread_mutex_lock(robust)));
		printf("consistent: %d\n", pthread_mutex_consistent(robust));
		pthread_mutex_unlock(robust);
		pid = fork();
		if (pid == 0) {
			pthread_mutex_lock(robust);
			sleep_ms(50);
			kill(getpid(), SIGKILL);
		}
		sleep_ms(20);
		/* Waits until the child is killed. */
		printf("robust, killed: %s\n", strerrorname_np(pthread_mutex_lock(robust)));
		pthread_mutex_unlock(robust); /* without making it consistent */
		printf("not recoverable: %s\n", strerrorname_np(pthread_mutex_lock(robust)));
		waitpid(pid, &status, 0);
		pthread_mutex_destroy(robust);
	}
}

/* A list that leads nowhere, in a circle, or to wrong words must do no harm. */
static void hostile_lists(void)
{
	static struct robust_list_head head;
	static struct {
		struct robust_list list;
		uint32_t lock;
	} entry;

	SHOW(syscall(SYS_set_robust_list, &head, 23));
	for (int i = 0; i < 7; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			head.list.next = &entry.list;
			head.futex_offset =
				offsetof(typeof(entry), lock) - offsetof(typeof(entry), list);
			entry.list.next = &entry.list; /* a circle */
			entry.lock = (uint32_t)getpid();
			if (i == 1)
				head.futex_offset = 1;
			if (i == 2)
				head.futex_offset = 1L << 62;
			if (i == 3)
				entry.list.next = bad;
			if (i == 4)
				head.list_op_pending = bad;
			if (i == 5)
				head.list.next = (void *)-16L;
			syscall(SYS_set_robust_list, i == 6 ? bad : &head, sizeof(head));
			_exit(i);
		}
		waitpid(pid, &status, 0);
		show_status("list", status);
	}
}

/* --- locks with an owner --- */

static uint32_t pi;

static void *pi_holder(void *arg)
{
	(void)arg;
	futex(&pi, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0);
	__atomic_store_n(&waiting, 1, __ATOMIC_SEQ_CST);
	sleep_ms(100);
	return NULL; /* still holds it */
}

static void owners(void)
{
	struct timespec past = {1, 0};
	pthread_t t;

	pi = 0;
	SHOW(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(&pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	printf("owner is me: %d\n", (pi & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid));
	SHOW(futex(&pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(&pi, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	printf("word %#x\n", pi);
	SHOW(futex(&pi, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	pi = 0x3ffffff0; /* nobody */
	SHOW(futex(&pi, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(&pi, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(bad, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex(bad, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	SHOW(futex((char *)&pi + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	pi = 0;
	waiting = 0;
	pthread_create(&t, NULL, pi_holder, NULL);
	while (!__atomic_load_n(&waiting, __ATOMIC_SEQ_CST))
		sleep_ms(1);
	SHOW(futex(&pi, FUTEX_TRYLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	SHOW(futex(&pi, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, &past, NULL, 0));
	SHOW(futex(&pi, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &past, NULL, 0));
	SHOW(futex(&pi, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	/* Its owner ends, and it is ours. */
	SHOW(futex(&pi, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	printf("word: owner %d, flags %#x\n",
	       (pi & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid), pi & ~FUTEX_TID_MASK);
	SHOW(futex(&pi, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0));
	pthread_join(t, NULL);
}

/* --- several at once --- */

struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

static void *wake_second(void *arg)
{
	wake_n(FUTEX_WAKE | FUTEX_PRIVATE_FLAG, arg, 1, 0);
	return NULL;
}

static void several(void)
{
	static uint32_t w[3];
	struct waitv v[3];
	struct timespec past = {1, 0};
	pthread_t t;

	for (int i = 0; i < 3; i++)
		v[i] = (struct waitv){0, (uintptr_t)&w[i], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0};
	SHOW(syscall(SYS_futex_waitv, v, 0, 0, NULL, 0));
	SHOW(syscall(SYS_futex_waitv, v, 129, 0, NULL, 0));
	SHOW(syscall(SYS_futex_waitv, NULL, 1, 0, NULL, 0));
	SHOW(syscall(SYS_futex_waitv, v, 3, 1, NULL, 0));
	SHOW(syscall(SYS_futex_waitv, bad, 3, 0, NULL, 0));
	SHOW(syscall(SYS_futex_waitv, v, 3, 0, &past, CLOCK_MONOTONIC));
	SHOW(syscall(SYS_futex_waitv, v, 3, 0, &past, CLOCK_REALTIME));
	SHOW(syscall(SYS_futex_waitv, v, 3, 0, &past, CLOCK_BOOTTIME));
	v[1].val = 1;
	SHOW(syscall(SYS_futex_waitv, v, 3, 0, NULL, 0));
	v[1].val = 0;
	v[1].reserved = 1;
	SHOW(syscall(SYS_futex_waitv, v, 3, 0, NULL, 0));
	v[1].reserved = 0;
	pthread_create(&t, NULL, wake_second, &w[1]);
	SHOW(syscall(SYS_futex_waitv, v, 3, 0, NULL, 0));
	pthread_join(t, NULL);
}

/* --- the C library's --- */

#define THREADS 6
#define ROUNDS	1000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, pi_mutex;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t semaphore;
static long counter, pi_counter, pairs[2], torn, queue, taken, passed;

static void *contend(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
		pthread_mutex_lock(&pi_mutex);
		pi_counter++;
		pthread_mutex_unlock(&pi_mutex);
		if (i % 16) {
			pthread_rwlock_rdlock(&rwlock);
			if (pairs[0] != pairs[1])
				torn++;
		} else {
			pthread_rwlock_wrlock(&rwlock);
			pairs[0]++;
			pairs[1]++;
		}
		pthread_rwlock_unlock(&rwlock);
	}
	return arg;
}

static void *produce(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		while (queue == 4)
			pthread_cond_wait(&not_full, &mutex);
		queue++;
		pthread_mutex_unlock(&mutex);
		pthread_cond_signal(&not_empty);
	}
	return arg;
}

static void *consume(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		while (!queue)
			pthread_cond_wait(&not_empty, &mutex);
		queue--;
		taken++;
		pthread_mutex_unlock(&mutex);
		pthread_cond_broadcast(&not_full);
	}
	return arg;
}

static void *meet(void *arg)
{
	for (int i = 0; i < 200; i++) {
		pthread_barrier_wait(&barrier);
		__atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST);
		pthread_barrier_wait(&barrier);
		if (__atomic_load_n(&passed, __ATOMIC_SEQ_CST) % THREADS)
			torn++;
		sem_wait(&semaphore);
		sem_post(&semaphore);
	}
	return arg;
}

static void run(void *(*even)(void *), void *(*odd)(void *))
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, i % 2 ? odd : even, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void unlock(void *arg)
{
	pthread_mutex_unlock(arg);
}

static void *wait_for_ever(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_wait(arg, &mutex);
	pthread_cleanup_pop(1);
	return NULL;
}

static void cancellation(void)
{
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	pthread_t t[THREADS];
	int cancelled = 0;

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, wait_for_ever, &never);
		for (int i = 0; i < THREADS; i++) {
			void *r;

			pthread_cancel(t[i]);
			pthread_join(t[i], &r);
			cancelled += r == PTHREAD_CANCELED;
		}
	}
	printf("cancelled %d\n", cancelled);
}

static void library(void)
{
	pthread_mutexattr_t attr;
	struct timespec past = {1, 0};

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&pi_mutex, &attr);
	pthread_barrier_init(&barrier, NULL, THREADS);
	sem_init(&semaphore, 0, 2);
	run(contend, contend);
	printf("mutex %ld, pi %ld, rwlock %ld, torn %ld\n", counter, pi_counter, pairs[0], torn);
	run(produce, consume);
	printf("condition: %ld left, %ld taken\n", queue, taken);
	run(meet, meet);
	printf("barrier: %ld, torn %ld\n", passed, torn);
	pthread_mutex_lock(&mutex);
	printf("timed: %s %s\n", strerrorname_np(pthread_cond_timedwait(&not_full, &mutex, &past)),
	       strerrorname_np(pthread_mutex_timedlock(&mutex, &past)));
	pthread_mutex_unlock(&mutex);
	cancellation();
}

int main(void)
{
	struct timespec relative = {0, 150000000};

	setvbuf(stdout, NULL, _IOLBF, 0);
	arguments();
	operations();
	waking();
	requeuing();
	shared_memory();
	interrupted(0, NULL);
	interrupted(SA_RESTART, &relative);
	robust_locks();
	hostile_lists();
	owners();
	several();
	library();
	return 0;
}
