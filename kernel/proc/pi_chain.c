/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who owns and who waits for the locks of futex_pi.c, and the priorities that waiters lend.
 *
 * A lock (struct futex_pi) has its waiters in a tree, the most important first, among equals the
 * one that has waited longest. A thread has the locks it owns, and others wait for, in another
 * tree, by their first waiter's priority. So the priority lent to a thread is that of the first
 * waiter of the first lock: real-time priorities only, since all others are equal here.
 *
 * When a waiter comes, goes or changes, the owner may be lent another priority; if it waits for a
 * lock itself, it takes another place among those waiters, and so on along the chain (refresh).
 * A chain that leads back to where it began is a deadlock, refused before anybody joins it, so
 * there are no circles to run in. One lock (FUTEX_PI) covers all chains: only threads that wait
 * come here, and a chain of locks of its own would have to be taken in no order at all.
 *
 * Rejected: lending by sorting on demand (a walk over all waiters at each change).
 */
#include "pi_chain.h"

#include "proc_internal.h"

#include <lib/errno.h>

#define DEPTH_MAX 1024 /* of a chain, as /proc/sys/kernel/max_lock_depth says on Linux */

static struct spinlock pi_lock = SPINLOCK_INIT(LOCK_FUTEX_PI);

/* --- the two trees; FUTEX_PI held ------------------------------------------------------------- */

static struct pi_waiter *first_of(const struct futex_pi *pi)
{
	struct rb_node *n = rb_first(&pi->waiters);

	return n ? rb_entry(n, struct pi_waiter, node) : NULL;
}

static unsigned priority_of(const struct futex_pi *pi)
{
	const struct pi_waiter *first = first_of(pi);

	return first ? first->priority : 0;
}

static void waiter_insert(struct futex_pi *pi, struct pi_waiter *p)
{
	struct rb_node **link = &pi->waiters.node, *parent = NULL;

	p->priority = READ_ONCE(p->w.thread->sched.rt_priority);
	while (*link) {
		parent = *link;
		link = p->priority > rb_entry(parent, struct pi_waiter, node)->priority
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&p->node, parent, link);
	rb_insert_fixup(&p->node, &pi->waiters);
}

static void held_insert(struct futex_pi *pi)
{
	struct rb_root *held = &proc_thread(pi->owner)->pi_held;
	struct rb_node **link = &held->node, *parent = NULL;

	pi->priority = priority_of(pi);
	while (*link) {
		parent = *link;
		link = pi->priority > rb_entry(parent, struct futex_pi, held)->priority
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&pi->held, parent, link);
	rb_insert_fixup(&pi->held, held);
}

static void held_erase(struct futex_pi *pi)
{
	rb_erase(&pi->held, &proc_thread(pi->owner)->pi_held);
}

static struct futex_pi *first_held(struct thread *t)
{
	struct rb_node *n = rb_first(&proc_thread(t)->pi_held);

	return n ? rb_entry(n, struct futex_pi, held) : NULL;
}

/* --- lending; FUTEX_PI held ---------------------------------------------------------------------
 */

/* What t holds is wanted more or less than before. */
static void refresh(struct thread *t)
{
	for (unsigned depth = 0; t && depth < DEPTH_MAX; depth++) {
		struct futex_pi *pi = first_held(t);
		struct pi_waiter *p = proc_thread(t)->pi_waits;

		thread_lend_priority(t, pi ? pi->priority : 0);
		if (!p || p->priority == READ_ONCE(t->sched.rt_priority))
			return;
		pi = p->w.pi;
		rb_erase(&p->node, &pi->waiters);
		waiter_insert(pi, p);
		t = pi->owner;
		if (!t || priority_of(pi) == pi->priority)
			return;
		held_erase(pi);
		held_insert(pi);
	}
}

/* pi has other waiters now. */
static void waiters_changed(struct futex_pi *pi)
{
	if (!pi->owner || priority_of(pi) == pi->priority)
		return;
	held_erase(pi);
	held_insert(pi);
	refresh(pi->owner);
}

static void set_owner(struct futex_pi *pi, struct thread *owner)
{
	struct thread *was = pi->owner;

	if (was)
		held_erase(pi);
	pi->owner = owner;
	if (owner) {
		held_insert(pi);
		refresh(owner);
	}
	if (was)
		refresh(was);
}

/* Would `me` wait for itself, behind the owner? */
static bool leads_back(struct thread *owner, const struct thread *me)
{
	for (unsigned depth = 0; owner; depth++) {
		const struct pi_waiter *p = proc_thread(owner)->pi_waits;

		if (owner == me || depth == DEPTH_MAX)
			return true;
		owner = p ? p->w.pi->owner : NULL;
	}
	return false;
}

/* --- what futex_pi.c calls ----------------------------------------------------------------------
 */

int pi_attach_owner(struct futex_pi *pi, int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(tid);
	int r = -ESRCH;

	/* In the table it has its proc_data. */
	if (t) {
		spin_lock(&pi_lock);
		if (!proc_thread(t)->pi_left) {
			set_owner(pi, t);
			r = 0;
		}
		spin_unlock(&pi_lock);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

int pi_join(struct futex_pi *pi, struct pi_waiter *p)
{
	uint64_t irq = spin_lock_irq(&pi_lock);
	bool back = leads_back(pi->owner, p->w.thread);

	if (!back) {
		waiter_insert(pi, p);
		p->queued = true;
		p->w.pi = pi;
		proc_thread(p->w.thread)->pi_waits = p;
		waiters_changed(pi);
	}
	spin_unlock_irq(&pi_lock, irq);
	return back ? -EDEADLK : 0;
}

static void leave_locked(struct futex_pi *pi, struct pi_waiter *p)
{
	if (!p->queued)
		return;
	rb_erase(&p->node, &pi->waiters);
	p->queued = false;
	proc_thread(p->w.thread)->pi_waits = NULL;
}

void pi_leave(struct pi_waiter *p)
{
	uint64_t irq = spin_lock_irq(&pi_lock);

	leave_locked(p->w.pi, p);
	waiters_changed(p->w.pi);
	spin_unlock_irq(&pi_lock, irq);
}

void pi_grant(struct pi_waiter *p)
{
	uint64_t irq = spin_lock_irq(&pi_lock);

	leave_locked(p->w.pi, p);
	set_owner(p->w.pi, p->w.thread);
	spin_unlock_irq(&pi_lock, irq);
}

void pi_disown(struct futex_pi *pi)
{
	uint64_t irq = spin_lock_irq(&pi_lock);

	set_owner(pi, NULL);
	spin_unlock_irq(&pi_lock, irq);
}

struct pi_waiter *pi_first_waiter(struct futex_pi *pi)
{
	uint64_t irq = spin_lock_irq(&pi_lock);
	struct pi_waiter *p = first_of(pi);

	spin_unlock_irq(&pi_lock, irq);
	return p;
}

struct futex_pi *pi_first_held(struct futex_bucket **bucket)
{
	struct proc_thread *d = proc_thread(current());
	uint64_t irq = spin_lock_irq(&pi_lock);
	struct futex_pi *pi = first_held(current());

	if (pi)
		*bucket = pi->bucket;
	else
		d->pi_left = d->leaving; /* after exec it may own again */
	spin_unlock_irq(&pi_lock, irq);
	return pi;
}

void futex_priority_changed(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	if (thread_find_locked(t->tid) == t) {
		spin_lock(&pi_lock);
		refresh(t);
		spin_unlock(&pi_lock);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
}
