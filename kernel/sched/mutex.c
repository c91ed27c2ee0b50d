/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes. `owner` is the owning thread, with bit 0 set while threads wait; 0 when free.
 *
 * Free to owned and back, with nobody waiting, is one compare-and-exchange. Once bit 0 is set,
 * every change happens under waiters.lock: the owner hands the mutex to the oldest waiter whose
 * wait has not been ended by a signal, so it is never free while somebody waits, and arrival order
 * is kept.
 */
#include "blocker_internal.h"

#include <base/lockstat.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <sched/mutex.h>

#define HAS_WAITERS 1UL

void mutex_init(struct mutex *m, enum lock_class class)
{
	*m = (struct mutex)MUTEX_INIT(class);
}

static uintptr_t *word(struct mutex *m)
{
	return (uintptr_t *)&m->owner;
}

static bool change(struct mutex *m, uintptr_t from, uintptr_t to)
{
	return __atomic_compare_exchange_n(word(m), &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

bool mutex_is_held(const struct mutex *m)
{
	return ((uintptr_t)READ_ONCE(m->owner) & ~HAS_WAITERS) == (uintptr_t)current();
}

bool mutex_trylock(struct mutex *m)
{
	if (!change(m, 0, (uintptr_t)current()))
		return false;
	lockcheck_acquire(m->class, m, LOCKCHECK_SLEEP | LOCKCHECK_TRY);
	return true;
}

/* Set the waiters bit, or take the mutex if it is free after all. Holds waiters.lock. */
static bool take_or_mark(struct mutex *m)
{
	for (;;) {
		uintptr_t o = __atomic_load_n(word(m), __ATOMIC_RELAXED);

		if (!o && change(m, 0, (uintptr_t)current()))
			return true;
		if (o && (o & HAS_WAITERS || change(m, o, o | HAS_WAITERS)))
			return false;
	}
}

static int wait_for(struct mutex *m, unsigned how)
{
	uint64_t irq = spin_lock_irq(&m->waiters.lock);
	struct blocker_node n;
	int r = 0;

	if (take_or_mark(m)) {
		spin_unlock_irq(&m->waiters.lock, irq);
		return 0;
	}
	blocker_node_init(&n);
	wait_prepare(how);
	blocker_link_locked(&m->waiters, &n);
	spin_unlock_irq(&m->waiters.lock, irq);
	r = wait_sleep(NEVER);
	if (blocker_remove(&n)) {
		/* A signal; the mutex is not ours. If we were the last waiter, say so. */
		irq = spin_lock_irq(&m->waiters.lock);
		if (!m->waiters.head)
			__atomic_and_fetch(word(m), ~HAS_WAITERS, __ATOMIC_RELAXED);
		spin_unlock_irq(&m->waiters.lock, irq);
		return r;
	}
	assert(mutex_is_held(m));
	return 0;
}

static int lock_slow(struct mutex *m, unsigned how)
{
	uint64_t began = lockstat_begin();
	int r = wait_for(m, how);

	lockstat_end(m->class, began);
	return r;
}

void mutex_lock(struct mutex *m)
{
	lockcheck_acquire(m->class, m, LOCKCHECK_SLEEP);
	if (!change(m, 0, (uintptr_t)current()))
		lock_slow(m, WAIT_UNINTERRUPTIBLE);
}

int mutex_lock_interruptible(struct mutex *m)
{
	int r = 0;

	lockcheck_acquire(m->class, m, LOCKCHECK_SLEEP);
	if (!change(m, 0, (uintptr_t)current()))
		r = lock_slow(m, WAIT_INTERRUPTIBLE);
	if (r)
		lockcheck_release(m->class, m, LOCKCHECK_SLEEP);
	return r;
}

/* Hand over to the oldest waiter that still waits. Holds waiters.lock. */
static void hand_over(struct mutex *m)
{
	struct blocker *b = &m->waiters;
	struct blocker_node *n = b->head, *last = n ? n->prev : NULL;

	while (n) {
		struct blocker_node *next = n->next;
		bool alone = next == n, end = n == last;

		/* The new owner must see itself as the owner when it wakes. */
		__atomic_store_n(word(m), (uintptr_t)n->thread | (alone ? 0 : HAS_WAITERS),
				 __ATOMIC_RELEASE);
		if (wait_finish(n->thread, WAIT_WOKEN)) {
			blocker_unlink_locked(b, n);
			__atomic_store_n(&n->blocker, NULL, __ATOMIC_RELEASE);
			return;
		}
		/* It gave up and will take its node off itself. */
		n = end ? NULL : next;
	}
	__atomic_store_n(word(m), 0, __ATOMIC_RELEASE);
}

void mutex_unlock(struct mutex *m)
{
	uint64_t irq;

	assert(mutex_is_held(m));
	lockcheck_release(m->class, m, LOCKCHECK_SLEEP);
	if (change(m, (uintptr_t)current(), 0))
		return;
	irq = spin_lock_irq(&m->waiters.lock);
	hand_over(m);
	spin_unlock_irq(&m->waiters.lock, irq);
}
