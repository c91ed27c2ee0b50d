/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Blockers and waits.
 *
 * A wait is a state of the thread (thread->wait): WAITING (plus its mode) from wait_begin() until
 * exactly one party moves it, by compare-and-exchange, to an end: a waker to WOKEN, its timer to
 * TIMEDOUT, a signal to INTERRUPTED. So time-outs and signals never touch a blocker; they end the
 * wait and the thread takes its own nodes off. A wake-up that finds the wait already ended does not
 * count, and the waker goes on to the next node: no wake-up is swallowed by a thread that has given
 * up.
 *
 * A node is on at most one blocker, and node->blocker names it. It changes only under that
 * blocker's lock. Its owner reads it without a lock in order to remove itself: it locks the blocker
 * it read, and looks again. If a waker took the node off meanwhile, node->blocker is NULL or
 * another, and the stale pointer leads to nothing but a lock taken and released. For that
 * the blocker's memory must still be a blocker: owners free blockers after a grace period, and
 * the removal runs inside epoch_enter().
 *
 * A waker's last touch of a node is the store of NULL to node->blocker (release); the owner may
 * reuse the node's memory, usually its stack, as soon as it has seen that (acquire).
 *
 * tests/models/blocker.pml explores the orders of the steps of two waiters, their wakers and a
 * timer.
 *
 * Rejected: time-outs that dequeue the node themselves (they would need the blocker's lock from
 * the timer, and a reference to its owner).
 */
#include "blocker_internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/thread.h>

void blocker_init_class(struct blocker *b, enum lock_class class)
{
	*b = (struct blocker)BLOCKER_INIT(class);
}

void blocker_init(struct blocker *b)
{
	blocker_init_class(b, LOCK_BLOCKER);
}

bool wait_finish(struct thread *t, enum wait_state end)
{
	uint32_t was = __atomic_load_n(&t->wait, __ATOMIC_SEQ_CST);

	do
		if (was < WAIT_WAITING)
			return false;
	while (!__atomic_compare_exchange_n(&t->wait, &was, end, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST));
	thread_unblock(t);
	return true;
}

static bool wake_thread(struct blocker_node *n, uintptr_t key)
{
	return wait_finish(n->thread, WAIT_WOKEN);
}

void blocker_node_init_fn(struct blocker_node *n, blocker_wake_fn wake, uint32_t flags)
{
	n->blocker = NULL;
	n->thread = current();
	n->wake = wake;
	n->flags = flags;
}

void blocker_node_init(struct blocker_node *n)
{
	blocker_node_init_fn(n, wake_thread, 0);
}

void blocker_link_locked(struct blocker *b, struct blocker_node *n)
{
	if (b->head) {
		n->next = b->head;
		n->prev = b->head->prev;
		n->prev->next = n;
		n->next->prev = n;
	} else {
		n->next = n->prev = n;
		__atomic_store_n(&b->head, n, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&n->blocker, b, __ATOMIC_RELAXED);
}

/* Off the list; node->blocker still names b, so the owner still waits for us. */
void blocker_unlink_locked(struct blocker *b, struct blocker_node *n)
{
	if (n->next == n) {
		__atomic_store_n(&b->head, NULL, __ATOMIC_RELAXED);
		return;
	}
	n->next->prev = n->prev;
	n->prev->next = n->next;
	if (b->head == n)
		__atomic_store_n(&b->head, n->next, __ATOMIC_RELAXED);
}

void blocker_add(struct blocker *b, struct blocker_node *n)
{
	uint64_t irq = spin_lock_irq(&b->lock);

	assert(!n->blocker);
	blocker_link_locked(b, n);
	spin_unlock_irq(&b->lock, irq);
	/* The node is on the list before the caller looks at its condition: see blocker_wake. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool blocker_remove(struct blocker_node *n)
{
	struct blocker *b;
	bool removed = false;

	epoch_enter();
	while (!removed && (b = __atomic_load_n(&n->blocker, __ATOMIC_ACQUIRE)) != NULL) {
		uint64_t irq = spin_lock_irq(&b->lock);

		if (__atomic_load_n(&n->blocker, __ATOMIC_RELAXED) == b) {
			blocker_unlink_locked(b, n);
			__atomic_store_n(&n->blocker, NULL, __ATOMIC_RELAXED);
			removed = true;
		}
		spin_unlock_irq(&b->lock, irq);
	}
	epoch_exit();
	return removed;
}

unsigned blocker_wake(struct blocker *b, unsigned count, uintptr_t key)
{
	struct blocker_node *n, *next, *last;
	unsigned woken = 0;
	uint64_t irq;

	/*
	 * Nobody waits: no lock. The fence pairs with the sleeper's, which adds its node and then
	 * looks at its condition; we changed the condition and now look at the list.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&b->head, __ATOMIC_RELAXED))
		return 0;
	irq = spin_lock_irq(&b->lock);
	n = b->head;
	last = n ? n->prev : NULL;
	while (n && woken < count) {
		bool end = n == last, counts = n->wake(n, key);

		next = n->next;
		woken += counts;
		/*
		 * A thread that has given up goes off the list too, though it does not count:
		 * whoever wakes all in order to free the blocker leaves no node behind that names
		 * it.
		 */
		if (!(n->flags & BLOCKER_STAY) && (counts || n->wake == wake_thread)) {
			blocker_unlink_locked(b, n);
			__atomic_store_n(&n->blocker, NULL, __ATOMIC_RELEASE);
		}
		n = end ? NULL : next;
	}
	spin_unlock_irq(&b->lock, irq);
	return woken;
}

bool thread_interrupted(unsigned how)
{
	uint32_t work = __atomic_load_n(&current()->work, __ATOMIC_SEQ_CST);

	if (how == WAIT_INTERRUPTIBLE)
		return work & (THREAD_WORK_SIGNAL | THREAD_WORK_KILL);
	return how == WAIT_KILLABLE && work & THREAD_WORK_KILL;
}

void thread_interrupt(struct thread *t)
{
	bool kill = __atomic_load_n(&t->work, __ATOMIC_SEQ_CST) & THREAD_WORK_KILL;
	uint32_t was = __atomic_load_n(&t->wait, __ATOMIC_SEQ_CST);

	do
		if (was != WAIT_WAITING + WAIT_INTERRUPTIBLE &&
		    !(kill && was == WAIT_WAITING + WAIT_KILLABLE))
			return;
	while (!__atomic_compare_exchange_n(&t->wait, &was, WAIT_INTERRUPTED, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	thread_unblock(t);
}

/* Without the check: blocker_block() comes here with the lock that it is about to release. */
void wait_prepare(unsigned how)
{
	struct thread *t = current();

	t->wait_how = how;
	__atomic_store_n(&t->wait, WAIT_WAITING + how, __ATOMIC_SEQ_CST);
	__atomic_store_n(&t->state, THREAD_SLEEPING, __ATOMIC_SEQ_CST);
}

void wait_begin(unsigned how)
{
	lockcheck_might_sleep();
	wait_prepare(how);
}

void wait_end(void)
{
	struct thread *t = current();

	__atomic_store_n(&t->wait, WAIT_NONE, __ATOMIC_SEQ_CST);
	__atomic_store_n(&t->state, THREAD_RUNNABLE, __ATOMIC_SEQ_CST);
}

void thread_sleep_timer(struct timer *timer)
{
	wait_finish(container_of(timer, struct thread, sleep_timer), WAIT_TIMEDOUT);
}

/* Sleep until the wait has ended; timed: the timer has been armed. */
static int sleep_out(bool timed)
{
	static const int results[] = {
		[WAIT_WOKEN] = 0, [WAIT_TIMEDOUT] = -ETIMEDOUT, [WAIT_INTERRUPTED] = -EINTR};
	struct thread *t = current();
	uint32_t end;

	while ((end = __atomic_load_n(&t->wait, __ATOMIC_SEQ_CST)) >= WAIT_WAITING) {
		schedule();
		/* Another wait's belated thread_unblock may have woken us: sleep on. */
		__atomic_store_n(&t->state, THREAD_SLEEPING, __ATOMIC_SEQ_CST);
	}
	if (timed)
		timer_cancel_sync(&t->sleep_timer);
	wait_end();
	return results[end];
}

int wait_sleep(nsec_t deadline)
{
	struct thread *t = current();
	bool timed = deadline != NEVER;

	/* A signal sent before wait_begin found no wait to end; it has left its mark in t->work. */
	if (thread_interrupted(t->wait_how))
		wait_finish(t, WAIT_INTERRUPTED);
	else if (timed && deadline <= clock_mono_ns())
		wait_finish(t, WAIT_TIMEDOUT);
	else if (timed)
		timer_arm(&t->sleep_timer, deadline);
	return sleep_out(timed);
}

struct wall_sleep {
	struct clock_watcher watcher;
	struct thread *thread;
	nsec_t at;
};

static void arm_wall_sleep(struct clock_watcher *w)
{
	struct wall_sleep *s = container_of(w, struct wall_sleep, watcher);

	timer_arm(&s->thread->sleep_timer, clock_wall_deadline(s->at));
}

int wait_sleep_wall(nsec_t at)
{
	struct wall_sleep s = {.watcher.changed = arm_wall_sleep, .thread = current(), .at = at};
	int r;

	if (at == NEVER)
		return wait_sleep(NEVER);
	if (thread_interrupted(s.thread->wait_how))
		wait_finish(s.thread, WAIT_INTERRUPTED);
	clock_watch(&s.watcher); /* arms the timer, now and whenever the clock is set */
	r = sleep_out(false);
	clock_unwatch(&s.watcher);
	timer_cancel_sync(&s.thread->sleep_timer);
	return r;
}

bool thread_wake_wait(struct thread *t)
{
	return wait_finish(t, WAIT_WOKEN);
}

int blocker_block(struct blocker *b, struct spinlock *lock, uint64_t irq_state, nsec_t deadline,
		  unsigned how)
{
	struct blocker_node n;
	int r;

	blocker_node_init(&n);
	wait_prepare(how);
	blocker_add(b, &n);
	if (lock)
		spin_unlock_irq(lock, irq_state);
	r = wait_sleep(deadline);
	blocker_remove(&n);
	return r;
}

int thread_sleep_until(nsec_t deadline, unsigned how)
{
	int r;

	wait_begin(how);
	r = wait_sleep(deadline);
	return r == -ETIMEDOUT ? 0 : r;
}
