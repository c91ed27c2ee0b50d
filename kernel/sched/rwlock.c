/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader-writer locks that sleep. One word: WRITER, WAITERS, and the number of readers.
 *
 * Without WAITERS, taking and releasing is one atomic on the word. With it, newcomers queue, and
 * whoever releases last grants the lock, under waiters.lock: to the oldest waiter if it is a
 * writer, else to all readers at the front of the queue. So writers do not starve and neither do
 * readers.
 */
#include "blocker_internal.h"

#include <base/lockstat.h>
#include <base/panic.h>
#include <sched/mutex.h>

#define WRITER	(1u << 31)
#define WAITERS (1u << 30)
#define READERS (WAITERS - 1)

#define NODE_WRITER 0x100 /* in node->flags */

void rwlock_init(struct rwlock *l, enum lock_class class)
{
	*l = (struct rwlock){.waiters = BLOCKER_INIT(LOCK_MUTEX_WAITERS), .class = class};
}

static void grant_one(struct rwlock *l, struct blocker_node *n)
{
	if (n->flags & NODE_WRITER)
		__atomic_store_n(&l->writer, n->thread, __ATOMIC_RELAXED);
	blocker_unlink_locked(&l->waiters, n);
	wait_finish(n->thread, WAIT_WOKEN); /* waits are uninterruptible: always ours */
	__atomic_store_n(&n->blocker, NULL, __ATOMIC_RELEASE);
}

/* Give the lock to those at the front if it is free for them. Holds waiters.lock; WAITERS is set.
 */
static void grant(struct rwlock *l)
{
	for (;;) {
		struct blocker_node *n = l->waiters.head;
		uint32_t s = __atomic_load_n(&l->state, __ATOMIC_ACQUIRE);

		if (!n) {
			__atomic_and_fetch(&l->state, ~WAITERS, __ATOMIC_RELEASE);
			return;
		}
		if (s & WRITER)
			return;
		if (n->flags & NODE_WRITER) {
			/* Only readers can be on their way out; the last of them comes back here.
			 */
			if (s & READERS ||
			    !__atomic_compare_exchange_n(&l->state, &s, s | WRITER, false,
							 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
		} else {
			__atomic_add_fetch(&l->state, 1, __ATOMIC_ACQUIRE);
		}
		grant_one(l, n);
	}
}

static void lock_slow(struct rwlock *l, uint32_t kind)
{
	uint64_t began = lockstat_begin(), irq = spin_lock_irq(&l->waiters.lock);
	struct blocker_node n;

	blocker_node_init(&n);
	n.flags |= kind;
	wait_prepare(WAIT_UNINTERRUPTIBLE);
	blocker_link_locked(&l->waiters, &n);
	__atomic_or_fetch(&l->state, WAITERS, __ATOMIC_SEQ_CST);
	/* It may have become free before WAITERS was seen: then nobody else would grant it. */
	grant(l);
	spin_unlock_irq(&l->waiters.lock, irq);
	wait_sleep(NEVER);
	blocker_remove(&n);
	lockstat_end(l->class, began);
}

/* Take `mine` out of the word; somebody waits. */
static void release_slow(struct rwlock *l, uint32_t mine)
{
	uint64_t irq = spin_lock_irq(&l->waiters.lock);

	__atomic_sub_fetch(&l->state, mine, __ATOMIC_RELEASE);
	grant(l);
	spin_unlock_irq(&l->waiters.lock, irq);
}

/*
 * Take `mine` out. The step that lets somebody else in is the last that touches the lock, or is
 * made under waiters.lock: whoever gets it may end and free it (banos_rwlock_fini).
 */
static void release(struct rwlock *l, uint32_t mine)
{
	uint32_t s = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

	do
		if (s == (WAITERS | mine)) {
			release_slow(l, mine);
			return;
		}
	while (!__atomic_compare_exchange_n(&l->state, &s, s - mine, true, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED));
}

void rwlock_read_lock(struct rwlock *l)
{
	uint32_t s = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

	lockcheck_acquire(l->class, l, LOCKCHECK_SLEEP);
	while (!(s & (WRITER | WAITERS)))
		if (__atomic_compare_exchange_n(&l->state, &s, s + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return;
	lock_slow(l, 0);
}

bool rwlock_try_read_lock(struct rwlock *l)
{
	uint32_t s = __atomic_load_n(&l->state, __ATOMIC_RELAXED);

	while (!(s & (WRITER | WAITERS)))
		if (__atomic_compare_exchange_n(&l->state, &s, s + 1, true, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED)) {
			lockcheck_acquire(l->class, l, LOCKCHECK_SLEEP | LOCKCHECK_TRY);
			return true;
		}
	return false;
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
	if (!__atomic_compare_exchange_n(&l->state, &free, WRITER, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		lock_slow(l, NODE_WRITER);
	__atomic_store_n(&l->writer, current(), __ATOMIC_RELAXED);
}

bool rwlock_try_write_lock(struct rwlock *l)
{
	uint32_t free = 0;

	if (!__atomic_compare_exchange_n(&l->state, &free, WRITER, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
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
		release_slow(l, 0);
}

bool rwlock_is_write_held(const struct rwlock *l)
{
	return READ_ONCE(l->writer) == current();
}
