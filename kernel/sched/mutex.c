/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes. The word is the owning thread, or 0, with two bits below:
 *
 *	HAS_WAITERS	threads are on the list
 *	HANDOFF		the oldest of them is the next owner, whoever else comes; only with an owner
 *
 * Free to owned and back, with nobody waiting, is one compare-and-exchange. Who finds it owned
 * looks on for as long as the owner runs on another processor, for it will soon be free then, and a
 * sleep costs more than most things that are done under a mutex. Otherwise, or when somebody else
 * wants the processor, it joins the list and sleeps.
 *
 * An unlock with threads on the list makes the mutex free and wakes the oldest, which takes it when
 * it runs, unless somebody has come first. So the time from the wake-up until it runs is not lost:
 * if the mutex were its own at once, all who come meanwhile would go to sleep as well, and each of
 * them would have to be woken for ever after (a convoy). One that has been woken and looked in vain
 * sets HANDOFF, and the next unlock makes it the owner: from its first look on no newcomer
 * overtakes it, and those on the list never overtake each other.
 *
 * With HAS_WAITERS every unlock, and every change of the list and of HANDOFF, is made under
 * waiters.lock, and who was on the list passes through it before it returns. Hence:
 *
 *  - While the mutex is free and the list is not empty, the oldest on it has been woken and has not
 *    yet looked. If a signal ends its wait it takes the mutex all the same if that is free: no
 * wake-up is lost.
 *  - An unlock does not touch the mutex any more when somebody else may have freed its memory.
 *
 * tests/models/mutex.pml explores the orders of these steps.
 */
#include "blocker_internal.h"
#include "lock_spin.h"

#include <base/lockstat.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <sched/mutex.h>

#define HAS_WAITERS 1UL
#define HANDOFF	    2UL

void mutex_init(struct mutex *m, enum lock_class class)
{
	*m = (struct mutex)MUTEX_INIT(class);
}

bool spin_drivers_not;

static struct thread *owner_of(uintptr_t word)
{
	return (struct thread *)(word & ~(HAS_WAITERS | HANDOFF));
}

static bool change(struct mutex *m, uintptr_t from, uintptr_t to)
{
	return __atomic_compare_exchange_n(&m->word, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* Takes it if it is free, also before those on the list. */
static bool take_free(struct mutex *m)
{
	uintptr_t w = __atomic_load_n(&m->word, __ATOMIC_RELAXED);

	while (!owner_of(w))
		if (__atomic_compare_exchange_n(&m->word, &w, (uintptr_t)current() | w, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

bool mutex_is_held(const struct mutex *m)
{
	return owner_of(READ_ONCE(m->word)) == current();
}

bool mutex_trylock(struct mutex *m)
{
	if (!take_free(m))
		return false;
	lockcheck_acquire(m->class, m, LOCKCHECK_SLEEP | LOCKCHECK_TRY);
	return true;
}

/* Waits awake while that is likely to be short; true if it is ours. */
static bool spin(struct mutex *m, unsigned how)
{
	bool taken;

	if (!spin_is_allowed(m->class))
		return false;
	spin_begin();
	while (!(taken = take_free(m)) && spin_is_worth(owner_of(READ_ONCE(m->word)), how))
		spin_pause();
	spin_end();
	return taken;
}

/* Takes it unless it has an owner, who will see HAS_WAITERS. Holds waiters.lock. */
static bool take_or_mark(struct mutex *m)
{
	while (!take_free(m)) {
		uintptr_t w = READ_ONCE(m->word);

		if (owner_of(w) && (w & HAS_WAITERS || change(m, w, w | HAS_WAITERS)))
			return false;
	}
	return true;
}

/* Off the list, with or without the mutex. Holds waiters.lock. */
static void leave(struct mutex *m, struct blocker_node *n)
{
	blocker_unlink_locked(&m->waiters, n);
	n->blocker = NULL;
	if (!m->waiters.head)
		__atomic_and_fetch(&m->word, ~(HAS_WAITERS | HANDOFF), __ATOMIC_RELAXED);
}

static int sleep_for(struct mutex *m, unsigned how)
{
	uint64_t irq = spin_lock_irq(&m->waiters.lock);
	struct blocker_node n;
	int r = 0;

	blocker_node_init(&n);
	if (!take_or_mark(m)) {
		blocker_link_locked(&m->waiters, &n);
		for (;;) {
			wait_prepare(how);
			spin_unlock_irq(&m->waiters.lock, irq);
			r = wait_sleep(NEVER);
			irq = spin_lock_irq(&m->waiters.lock);
			if (!n.blocker || (m->waiters.head == &n && take_free(m)))
				r = 0;
			else if (!r) {
				/* Others came first. The owner needs the lock that we hold to
				 * unlock. */
				if (m->waiters.head == &n)
					__atomic_or_fetch(&m->word, HANDOFF, __ATOMIC_RELAXED);
				continue;
			}
			if (n.blocker)
				leave(m, &n);
			break;
		}
	}
	spin_unlock_irq(&m->waiters.lock, irq);
	return r;
}

static int lock_slow(struct mutex *m, unsigned how)
{
	uint64_t began = lockstat_begin();
	int r = spin(m, how) ? 0 : sleep_for(m, how);

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

/* Holds waiters.lock; there are waiters, and each will take that lock before it leaves. */
static void unlock_waited(struct mutex *m)
{
	struct blocker_node *n = m->waiters.head;

	if (!(READ_ONCE(m->word) & HANDOFF)) {
		__atomic_store_n(&m->word, HAS_WAITERS, __ATOMIC_RELEASE);
		wait_finish(n->thread, WAIT_WOKEN); /* false: it has been woken, and will look */
		return;
	}
	blocker_unlink_locked(&m->waiters, n);
	__atomic_store_n(&m->word, (uintptr_t)n->thread | (m->waiters.head ? HAS_WAITERS : 0),
			 __ATOMIC_RELEASE);
	n->blocker = NULL;
	wait_finish(n->thread, WAIT_WOKEN);
}

void mutex_unlock(struct mutex *m)
{
	uint64_t irq;

	assert(mutex_is_held(m));
	lockcheck_release(m->class, m, LOCKCHECK_SLEEP);
	while (!change(m, (uintptr_t)current(), 0)) {
		bool waited;

		irq = spin_lock_irq(&m->waiters.lock);
		waited = m->waiters.head != NULL;
		assert(waited || READ_ONCE(m->word) == (uintptr_t)current());
		if (waited)
			unlock_waited(m);
		spin_unlock_irq(&m->waiters.lock, irq);
		if (waited)
			return;
		/* All have given up. It is let go by one step, not under a lock inside it. */
	}
}
