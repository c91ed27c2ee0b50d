/* SPDX-License-Identifier: BSD-2-Clause */
/* Mutexes and rwlocks: exclusion, order of arrival, signals. */
#include "team.h"

#include <base/ktest.h>
#include <base/lockstat.h>
#include <lib/errno.h>
#include <sched/clock.h>
#include <sched/mutex.h>
#include <sched/thread.h>

struct shared {
	struct mutex m;
	struct rwlock rw;
	uint64_t a, b;			/* equal whenever the lock is free */
	uint32_t readers, most_readers; /* [a] */
	uint32_t errors;		/* [a] */
	uint32_t rounds;		/* [a] */
	uint32_t stop;			/* [a] */
	uint32_t arrived, served;	/* [a] */
	uint32_t order[16];
};

static void error(struct shared *s)
{
	__atomic_add_fetch(&s->errors, 1, __ATOMIC_RELAXED);
}

static void count_under_mutex(void *ctx, unsigned i)
{
	struct shared *s = ctx;
	uint32_t state = i + 1;

	for (unsigned n = 0; team_time(); n++) {
		uint64_t v;

		mutex_lock(&s->m);
		v = s->a;
		if (s->a != s->b || !mutex_is_held(&s->m))
			error(s);
		if (noise(&state) % 8 == 0)
			thread_yield();
		s->a = v + 1;
		if (noise(&state) % 64 == 0)
			sleep_ns(20 * US);
		s->b = v + 1;
		mutex_unlock(&s->m);
		__atomic_add_fetch(&s->rounds, 1, __ATOMIC_RELAXED);
	}
}

KTEST(mutex_excludes)
{
	struct shared s = {0};

	mutex_init(&s.m, LOCK_TEST_OUTER);
	team_run(6, count_under_mutex, &s);
	ktest_check_eq(s.a, s.rounds);
	ktest_check(s.a > 100);
	ktest_check_eq(s.errors, 0);
	ktest_check(mutex_trylock(&s.m));
	mutex_unlock(&s.m);
}

static void arrive(void *ctx, unsigned i)
{
	struct shared *s = ctx;
	unsigned me = __atomic_fetch_add(&s->arrived, 1, __ATOMIC_ACQ_REL);

	mutex_lock(&s->m);
	s->order[s->served++] = me;
	mutex_unlock(&s->m);
}

KTEST(mutex_serves_in_order_of_arrival)
{
	struct shared s = {0};

	mutex_init(&s.m, LOCK_TEST_OUTER);
	mutex_lock(&s.m);
	for (unsigned i = 0; i < ARRAY_SIZE(s.order); i++) {
		struct blocker_node *last = s.m.waiters.head ? s.m.waiters.head->prev : NULL;
		nsec_t end = clock_mono_ns() + 10 * NSEC_PER_SEC;

		team_start(1, arrive, &s, false);
		/* The next one comes when this one is in the queue. */
		while (!READ_ONCE(s.m.waiters.head) || READ_ONCE(s.m.waiters.head->prev) == last) {
			sleep_ns(100 * US);
			if (!ktest_check(clock_mono_ns() < end))
				break;
		}
	}
	mutex_unlock(&s.m);
	team_wait();
	for (unsigned i = 0; i < ARRAY_SIZE(s.order); i++)
		ktest_check_eq(s.order[i], i);
}

/* Waits for a mutex with and without leave to give up, pestered by signals all the time. */
static void lock_under_fire(void *ctx, unsigned i)
{
	struct shared *s = ctx;
	uint32_t state = i + 1;

	for (unsigned n = 0; team_time(); n++) {
		__atomic_or_fetch(&current()->work, noise(&state) % 2 ? THREAD_WORK_SIGNAL : 0,
				  __ATOMIC_SEQ_CST);
		if (i % 2 && mutex_lock_interruptible(&s->m)) {
			__atomic_add_fetch(&s->readers, 1, __ATOMIC_RELAXED);
		} else {
			if (!(i % 2))
				mutex_lock(&s->m);
			if (s->a++ != s->b || !mutex_is_held(&s->m))
				error(s);
			thread_yield();
			s->b++;
			mutex_unlock(&s->m);
		}
		__atomic_and_fetch(&current()->work, ~THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&s->rounds, 1, __ATOMIC_RELAXED);
	}
}

KTEST(mutex_waits_given_up)
{
	struct shared s = {0};

	mutex_init(&s.m, LOCK_TEST_OUTER);
	team_run(6, lock_under_fire, &s);
	ktest_check_eq(s.errors, 0);
	ktest_check_eq(s.a + s.readers, s.rounds);
	ktest_check(s.readers > 0);
	ktest_check(mutex_trylock(&s.m));
	mutex_unlock(&s.m);
}

static void read_or_write(void *ctx, unsigned i)
{
	struct shared *s = ctx;
	uint32_t state = i + 1;

	for (unsigned n = 0; team_time(); n++) {
		if (i < 2) {
			rwlock_write_lock(&s->rw);
			if (s->a++ != s->b || __atomic_load_n(&s->readers, __ATOMIC_SEQ_CST))
				error(s);
			if (noise(&state) % 8 == 0)
				thread_yield();
			s->b++;
			__atomic_add_fetch(&s->rounds, 1, __ATOMIC_RELAXED);
			if (noise(&state) % 4) {
				rwlock_write_unlock(&s->rw);
				continue;
			}
			rwlock_downgrade(&s->rw);
		} else {
			rwlock_read_lock(&s->rw);
		}
		if (__atomic_add_fetch(&s->readers, 1, __ATOMIC_SEQ_CST) > s->most_readers)
			s->most_readers = s->readers;
		if (s->a != s->b)
			error(s);
		if (noise(&state) % 8 == 0)
			thread_yield();
		if (s->a != s->b)
			error(s);
		__atomic_sub_fetch(&s->readers, 1, __ATOMIC_SEQ_CST);
		rwlock_read_unlock(&s->rw);
	}
}

KTEST(rwlock_excludes)
{
	struct shared s = {0};

	rwlock_init(&s.rw, LOCK_TEST_OUTER);
	team_run(7, read_or_write, &s);
	ktest_check_eq(s.errors, 0);
	ktest_check_eq(s.a, s.rounds);
	ktest_check(s.a > 10);
	ktest_note("at most %u readers at once", s.most_readers);
	ktest_check(rwlock_try_write_lock(&s.rw));
	rwlock_write_unlock(&s.rw);
}

/* Each goes on when the others are in as well: readers do not wait for readers. */
static void meet(void *ctx, unsigned i)
{
	nsec_t deadline = clock_mono_ns() + 20 * NSEC_PER_SEC;
	struct shared *s = ctx;

	rwlock_read_lock(&s->rw);
	__atomic_add_fetch(&s->readers, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&s->readers, __ATOMIC_SEQ_CST) < 3 && clock_mono_ns() < deadline)
		thread_yield();
	if (__atomic_load_n(&s->readers, __ATOMIC_SEQ_CST) < 3)
		error(s);
	rwlock_read_unlock(&s->rw);
}

KTEST(rwlock_readers_meet)
{
	struct shared s = {0};

	rwlock_init(&s.rw, LOCK_TEST_OUTER);
	team_run(3, meet, &s);
	ktest_check_eq(s.errors, 0);
}

/* Readers that overlap without a gap do not keep a writer out for ever. */
static void read_on_and_on(void *ctx, unsigned i)
{
	struct shared *s = ctx;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE)) {
		rwlock_read_lock(&s->rw);
		sleep_ns(2 * MS);
		rwlock_read_unlock(&s->rw);
	}
}

KTEST(rwlock_lets_writers_in)
{
	struct shared s = {0};

	rwlock_init(&s.rw, LOCK_TEST_OUTER);
	team_start(6, read_on_and_on, &s, false);
	for (unsigned i = 0; i < 10; i++) {
		nsec_t from = clock_mono_ns();

		rwlock_write_lock(&s.rw);
		ktest_check(clock_mono_ns() - from < NSEC_PER_SEC);
		ktest_check(rwlock_is_write_held(&s.rw));
		rwlock_write_unlock(&s.rw);
		sleep_ns(1 * MS);
	}
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELEASE);
	team_wait();
}

/* Takes the lock again as soon as it has let go, and goes to sleep with it now and then. */
static void take_on_and_on(void *ctx, unsigned i)
{
	struct shared *s = ctx;

	for (unsigned n = 0; !__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE); n++) {
		mutex_lock(&s->m);
		if (n % 512 == 0)
			sleep_ns(1 * MS);
		mutex_unlock(&s->m);
		rwlock_write_lock(&s->rw);
		if (n % 512 == 0)
			sleep_ns(1 * MS);
		rwlock_write_unlock(&s->rw);
	}
}

KTEST(locks_let_sleepers_in)
{
	struct shared s = {0};
	nsec_t from = clock_mono_ns();

	mutex_init(&s.m, LOCK_TEST_OUTER);
	rwlock_init(&s.rw, LOCK_TEST_OUTER);
	team_start(3, take_on_and_on, &s, false);
	for (unsigned i = 0; i < 20; i++) {
		mutex_lock(&s.m);
		sleep_ns(100 * US); /* the others sleep as well */
		mutex_unlock(&s.m);
		rwlock_read_lock(&s.rw);
		sleep_ns(100 * US);
		rwlock_read_unlock(&s.rw);
		rwlock_write_lock(&s.rw);
		rwlock_write_unlock(&s.rw);
	}
	ktest_check(clock_mono_ns() - from < 20 * NSEC_PER_SEC);
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELEASE);
	team_wait();
	ktest_check_eq(s.m.word, 0);
	ktest_check_eq(s.rw.state, 0);
}

/* --- counts of waiting ---------------------------------------------------------------------- */

static struct mutex counted_mutex = MUTEX_INIT(LOCK_TEST_OUTER);
static struct rwlock counted_rwlock;
static struct spinlock counted_spin = SPINLOCK_INIT(LOCK_TEST_SPIN);
static uint32_t waiting; /* [a] */

static void wait_for_mutex(void *ctx, unsigned i)
{
	__atomic_store_n(&waiting, 1, __ATOMIC_RELEASE);
	mutex_lock(&counted_mutex);
	mutex_unlock(&counted_mutex);
	rwlock_read_lock(&counted_rwlock);
	rwlock_read_unlock(&counted_rwlock);
}

/* The first holds it until the other must have met it taken, or for a while. */
static void contend_spin(void *ctx, unsigned i)
{
	nsec_t end = clock_mono_ns() + 2 * MS;

	if (i) {
		reaches(&waiting, 1);
		spin_lock(&counted_spin);
		spin_unlock(&counted_spin);
		return;
	}
	spin_lock(&counted_spin);
	__atomic_store_n(&waiting, 1, __ATOMIC_RELEASE);
	while (clock_mono_ns() < end)
		cpu_relax();
	spin_unlock(&counted_spin);
}

static uint64_t waits(enum lock_class class)
{
	const char *name;

	return lockstat_read(class, &name).waits;
}

/* Hold all while another thread wants them; it is asleep when it is no longer runnable. */
static void contend(void)
{
	waiting = 0;
	mutex_lock(&counted_mutex);
	rwlock_write_lock(&counted_rwlock);
	team_start(1, wait_for_mutex, NULL, false);
	ktest_check(reaches(&waiting, 1));
	while (!READ_ONCE(counted_mutex.waiters.head))
		sleep_ns(100 * US);
	mutex_unlock(&counted_mutex);
	while (!READ_ONCE(counted_rwlock.waiters.head))
		sleep_ns(100 * US);
	rwlock_write_unlock(&counted_rwlock);
	team_wait();
}

KTEST(waits_are_counted_when_asked)
{
	uint64_t before = waits(LOCK_TEST_OUTER), spins = waits(LOCK_TEST_SPIN);
	nsec_t end;

	rwlock_init(&counted_rwlock, LOCK_TEST_INNER);
	contend();
	ktest_check_eq(waits(LOCK_TEST_OUTER), before);
	__atomic_store_n(&lockstat_on, true, __ATOMIC_RELAXED);
	contend();
	ktest_check_eq(waits(LOCK_TEST_OUTER), before + 1);
	ktest_check(waits(LOCK_TEST_INNER) > 0);
	/* The host may stop one of the two processors at the wrong moment: again, then. */
	end = clock_mono_ns() + 10 * NSEC_PER_SEC;
	while (cpu_count() > 1 && waits(LOCK_TEST_SPIN) == spins && clock_mono_ns() < end) {
		waiting = 0;
		team_run_bound(2, contend_spin, NULL);
	}
	ktest_check(cpu_count() == 1 || waits(LOCK_TEST_SPIN) > spins);
	__atomic_store_n(&lockstat_on, false, __ATOMIC_RELAXED);
}
