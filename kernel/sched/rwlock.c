/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader-writer locks that sleep. One word: WRITER, WAITERS, HANDOFF, and the number of readers.
 *
 * Without WAITERS, taking and releasing is one atomic on the word. Who finds a writer looks on
 * while that runs (lock_spin.h), as for mutexes, and for the same reason a release with threads on
 * the list does not give the lock to a writer at once: it wakes the oldest, which takes the lock
 * when it runs unless somebody has come first; then it sets HANDOFF, and the next release that
 * leaves the lock free grants it. Readers at the front are granted the lock at once, all together:
 * others may read beside them, so nobody waits for them to run but writers.
 *
 * With WAITERS, newcomers only take a lock that is free (readers do not join readers, else writers
 * would starve), and with HANDOFF they do not. A release that leaves the lock free, every change of
 * the list and of HANDOFF are made under waiters.lock while WAITERS is set; and who was on the list
 * passes through it before it returns. tests/models/rwlock.pml explores the orders of these steps.
 */
#include "blocker_internal.h"
#include "lock_spin.h"

#include <base/lockstat.h>
#include <base/panic.h>
#include <sched/mutex.h>

#define WRITER	(1u << 31)
#define WAITERS (1u << 30)
#define HANDOFF (1u << 29)
#define READERS (HANDOFF - 1)

#define NODE_WRITER 0x100 /* in node->flags */

#define UNNAMED_LOOKS 100

void rwlock_init(struct rwlock *l, enum lock_class class)
{
	*l = (struct rwlock){.waiters = BLOCKER_INIT(LOCK_MUTEX_WAITERS), .class = class};
}

static uint32_t state_of(const struct rwlock *l)
{
	return __atomic_load_n(&l->state, __ATOMIC_RELAXED);
}

static bool change(struct rwlock *l, uint32_t *from, uint32_t to)
{
	return __atomic_compare_exchange_n(&l->state, from, to, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* For newcomers: those on the list are before them with HANDOFF, and with readers inside. */
static bool take_read(struct rwlock *l)
{
	uint32_t s = state_of(l);

	while (!(s & (WRITER | HANDOFF)) && (!(s & WAITERS) || !(s & READERS)))
		if (change(l, &s, s + 1))
			return true;
	return false;
}

static bool take_write(struct rwlock *l)
{
	uint32_t s = state_of(l);

	while (!(s & ~WAITERS))
		if (change(l, &s, s | WRITER))
			return true;
	return false;
}

static bool is_worth(struct rwlock *l, unsigned *unnamed)
{
	const struct thread *writer = READ_ONCE(l->writer);

	/* One that has just come or goes is not named. It may have lost its processor, even to us.
	 */
	if (!writer && ++*unnamed > UNNAMED_LOOKS)
		return false;
	return !(state_of(l) & (HANDOFF | READERS)) && spin_is_worth(writer, WAIT_UNINTERRUPTIBLE);
}

/* Waits awake while a writer runs; true if it is ours. */
static bool spin(struct rwlock *l, bool (*take)(struct rwlock *l))
{
	unsigned unnamed = 0;
	bool taken;

	if (!spin_is_allowed(l->class))
		return false;
	spin_begin();
	while (!(taken = take(l)) && is_worth(l, &unnamed))
		spin_pause();
	spin_end();
	return taken;
}

static void unlink_node(struct rwlock *l, struct blocker_node *n)
{
	blocker_unlink_locked(&l->waiters, n);
	n->blocker = NULL;
	if (!l->waiters.head)
		__atomic_and_fetch(&l->state, ~(WAITERS | HANDOFF), __ATOMIC_RELAXED);
}

/* The word says already that it is theirs; they will take waiters.lock before they go on. */
static void grant(struct rwlock *l, struct blocker_node *n)
{
	if (n->flags & NODE_WRITER)
		__atomic_store_n(&l->writer, n->thread, __ATOMIC_RELAXED);
	unlink_node(l, n);
	wait_finish(n->thread, WAIT_WOKEN);
}

/* Serve those at the front if the lock is free for them. Holds waiters.lock. */
static void serve(struct rwlock *l)
{
	struct blocker_node *n;

	while ((n = l->waiters.head) != NULL) {
		uint32_t s = state_of(l);

		if (s & WRITER)
			return;
		if (!(n->flags & NODE_WRITER)) {
			if (change(l, &s, (s + 1) & ~HANDOFF))
				grant(l, n);
		} else if (s & READERS) {
			return; /* the last of them comes here */
		} else if (!(s & HANDOFF)) {
			wait_finish(n->thread, WAIT_WOKEN); /* false: it will look soon */
			return;
		} else if (change(l, &s, (s | WRITER) & ~HANDOFF)) {
			grant(l, n);
		}
	}
}

/* A writer on the list has been woken, or granted the lock. Holds waiters.lock; true if it has it.
 */
static bool look_again(struct rwlock *l, struct blocker_node *n)
{
	if (!n->blocker)
		return true;
	if (l->waiters.head != n)
		return false;
	if (take_write(l)) {
		unlink_node(l, n);
		return true;
	}
	/* Others came first. They need the lock that we hold to leave it free. */
	__atomic_or_fetch(&l->state, HANDOFF, __ATOMIC_RELAXED);
	return false;
}

static void sleep_for(struct rwlock *l, uint32_t kind)
{
	uint64_t irq = spin_lock_irq(&l->waiters.lock);
	struct blocker_node n;

	blocker_node_init(&n);
	n.flags |= kind;
	wait_prepare(WAIT_UNINTERRUPTIBLE);
	blocker_link_locked(&l->waiters, &n);
	__atomic_or_fetch(&l->state, WAITERS, __ATOMIC_SEQ_CST);
	/* It may have become free before WAITERS was seen: then nobody else would serve us. */
	serve(l);
	do {
		spin_unlock_irq(&l->waiters.lock, irq);
		wait_sleep(NEVER);
		irq = spin_lock_irq(&l->waiters.lock);
		if (look_again(l, &n))
			break;
		wait_prepare(WAIT_UNINTERRUPTIBLE);
	} while (true);
	spin_unlock_irq(&l->waiters.lock, irq);
}

static void lock_slow(struct rwlock *l, bool (*take)(struct rwlock *l), uint32_t kind)
{
	uint64_t began = lockstat_begin();

	if (!spin(l, take))
		sleep_for(l, kind);
	lockstat_end(l->class, began);
}

/* Take `mine` out of the word, and serve those who wait; false if nobody does. */
static bool release_waited(struct rwlock *l, uint32_t mine)
{
	uint64_t irq = spin_lock_irq(&l->waiters.lock);
	const struct blocker_node *n = l->waiters.head;

	if (n) {
		/* Writers that come shall not pass readers time after time. */
		if (!(n->flags & NODE_WRITER))
			__atomic_or_fetch(&l->state, HANDOFF, __ATOMIC_RELAXED);
		__atomic_sub_fetch(&l->state, mine, __ATOMIC_RELEASE);
		serve(l);
	}
	spin_unlock_irq(&l->waiters.lock, irq);
	return n != NULL;
}

/*
 * Take `mine` out. The step that lets somebody else in is the last that touches the lock, or is
 * made under waiters.lock with somebody on the list, who passes through that: whoever gets the lock
 * may end and free it (banos_rwlock_fini).
 */
static void release(struct rwlock *l, uint32_t mine)
{
	uint32_t s = state_of(l);

	for (;;) {
		if ((s & ~HANDOFF) == (WAITERS | mine)) {
			if (release_waited(l, mine))
				return;
			s = state_of(l);
		} else if (__atomic_compare_exchange_n(&l->state, &s, s - mine, true,
						       __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
			return;
		}
	}
}

void rwlock_read_lock(struct rwlock *l)
{
	lockcheck_acquire(l->class, l, LOCKCHECK_SLEEP);
	if (!take_read(l))
		lock_slow(l, take_read, 0);
}

bool rwlock_try_read_lock(struct rwlock *l)
{
	if (!take_read(l))
		return false;
	lockcheck_acquire(l->class, l, LOCKCHECK_SLEEP | LOCKCHECK_TRY);
	return true;
}

void rwlock_read_unlock(struct rwlock *l)
{
	lockcheck_release(l->class, l, LOCKCHECK_SLEEP);
	release(l, 1);
}

void rwlock_write_lock(struct rwlock *l)
{
	uint32_t free = 0;

	lockcheck_acquire(l->class, l, LOCKCHECK_SLEEP);
	if (!change(l, &free, WRITER))
		lock_slow(l, take_write, NODE_WRITER);
	__atomic_store_n(&l->writer, current(), __ATOMIC_RELAXED);
}

bool rwlock_try_write_lock(struct rwlock *l)
{
	if (!take_write(l))
		return false;
	lockcheck_acquire(l->class, l, LOCKCHECK_SLEEP | LOCKCHECK_TRY);
	__atomic_store_n(&l->writer, current(), __ATOMIC_RELAXED);
	return true;
}

void rwlock_write_unlock(struct rwlock *l)
{
	assert(rwlock_is_write_held(l));
	lockcheck_release(l->class, l, LOCKCHECK_SLEEP);
	__atomic_store_n(&l->writer, NULL, __ATOMIC_RELAXED);
	release(l, WRITER);
}

void rwlock_downgrade(struct rwlock *l)
{
	__atomic_store_n(&l->writer, NULL, __ATOMIC_RELAXED);
	/*
	 * One reader more, no writer, in one step: WRITER is the top bit, so this cannot carry. The
	 * lock stays ours, for reading.
	 */
	if (__atomic_add_fetch(&l->state, 1 - WRITER, __ATOMIC_RELEASE) & WAITERS)
		release_waited(l, 0);
}

bool rwlock_is_write_held(const struct rwlock *l)
{
	return READ_ONCE(l->writer) == current();
}
