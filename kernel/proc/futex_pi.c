/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes that are locks with an owner: FUTEX_LOCK_PI and its kin. The word holds the owner's
 * thread number; who finds it taken comes here, and the kernel hands the lock from owner to owner
 * while anybody waits. That ownership is exact; no priority is lent to the owner.
 *
 * While somebody waits, a struct futex_pi says whose the lock is. It is made by the first waiter,
 * counted by its waiters, and lies on the owner's list (proc_thread->pi_held), so that a thread
 * that ends can hand over what it holds.
 *
 *	taken, nobody waits -> waited for	the first waiter (join_locked)
 *	owner A -> owner B	futex_unlock_pi by A writes B's number into the word and wakes B; or
 *				A ends, and B writes it when it wakes (w->died), since only its own
 *				address space surely has the word
 *	waited for -> taken	the last waiter leaves or is the new owner
 *
 * Waiters are on their bucket's list like all others, with w->pi set; the oldest one is next.
 *
 * Locks: the bucket's (FUTEX), then PROC_TREE where a thread is looked for, then pi_lock
 * (FUTEX_PI), which covers owners and their lists. Against an owner that ends meanwhile: it sets
 * pi_left, under pi_lock, when its list is empty for good; from then on it is no owner, and the
 * word either has changed or names nobody (-ESRCH).
 */
#include "futex_internal.h"
#include "proc_internal.h"

#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/thread.h>

#include <linux/futex.h>

struct futex_pi {
	struct proc_thread *owner;   /* [pi_lock] NULL: none, and no waiter that goes on waiting */
	struct list owner_link;	     /* [pi_lock] in owner->pi_held */
	struct futex_bucket *bucket; /* [I] */
	unsigned waiters;	     /* [bucket->lock] */
};

struct pi_waiter {
	struct futex_waiter w;
	bool died; /* [bucket->lock] the lock is ours, and its owner ended */
};

enum { QUEUED = 1, LOOK_AGAIN = 2 };

static struct spinlock pi_lock = SPINLOCK_INIT(LOCK_FUTEX_PI);

static void set_owner(struct futex_pi *pi, struct proc_thread *owner)
{
	if (pi->owner)
		list_del(&pi->owner_link);
	pi->owner = owner;
	if (owner)
		list_add_tail(&pi->owner_link, &owner->pi_held);
}

static void disown(struct futex_pi *pi)
{
	uint64_t irq = spin_lock_irq(&pi_lock);

	set_owner(pi, NULL);
	spin_unlock_irq(&pi_lock, irq);
}

/* One waiter less. Bucket locked. */
static void drop_locked(struct futex_pi *pi)
{
	if (--pi->waiters)
		return;
	disown(pi);
	kfree(pi);
}

/* The first waiter for the word: *pi is what it waits for. Bucket locked. */
static struct futex_waiter *first_waiter(struct futex_bucket *b, const struct futex_key *k)
{
	struct futex_waiter *w;

	list_for_each_entry(w, &b->waiters, link)
		if (futex_key_equal(&w->key, k))
			return w;
	return NULL;
}

/* Make the thread that the word names the owner of pi. 0, -ESRCH. Bucket locked. */
static int attach_owner(struct futex_pi *pi, int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(tid);
	int r = -ESRCH;

	/* In the table it has its proc_data. */
	if (t) {
		spin_lock(&pi_lock);
		if (!proc_thread(t)->pi_left) {
			set_owner(pi, proc_thread(t));
			r = 0;
		}
		spin_unlock(&pi_lock);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

/* Wait behind those that wait already, or be the first. Bucket locked. */
static int join_locked(struct futex_bucket *b, struct futex_waiter *w, struct futex_pi **fresh,
		       int32_t owner)
{
	struct futex_waiter *first = first_waiter(b, &w->key);
	struct futex_pi *pi = first ? first->pi : *fresh;
	int r;

	if (READ_ONCE(pi->owner) == proc_thread(current()))
		return -EDEADLK;
	/* Ownerless: fresh, or all that are on the list have given up. */
	if (!READ_ONCE(pi->owner)) {
		pi->bucket = b;
		r = attach_owner(pi, owner);
		if (r)
			return r;
	}
	if (!first)
		*fresh = NULL;
	pi->waiters++;
	w->pi = pi;
	futex_queue_locked(b, w);
	return QUEUED;
}

/*
 * Take the lock, or queue: 0, QUEUED, LOOK_AGAIN, -EFAULT (to be faulted in), or an error. Bucket
 * locked. fresh: a state for the first waiter; NULL inside: taken, or do not wait.
 */
static int take_or_join_locked(struct futex_bucket *b, struct futex_waiter *w, uaddr_t addr,
			       bool try, struct futex_pi **fresh)
{
	uint32_t tid = (uint32_t)current()->tid, value, was;
	struct futex_waiter *first = first_waiter(b, &w->key);
	int r;

	if (!futex_peek(addr, &value))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) == tid)
		return -EDEADLK;
	if (first && !first->pi)
		return -EINVAL; /* a waiter of another kind */
	if (!(value & FUTEX_TID_MASK) && !(first && READ_ONCE(first->pi->owner))) {
		if (!futex_try_change(addr, value, (value & FUTEX_OWNER_DIED) | tid, &was))
			return -EFAULT;
		return was == value ? 0 : LOOK_AGAIN;
	}
	if (!(value & FUTEX_WAITERS)) {
		if (!futex_try_change(addr, value, value | FUTEX_WAITERS, &was))
			return -EFAULT;
		if (was != value)
			return LOOK_AGAIN;
	}
	if (try)
		return -EAGAIN;
	r = join_locked(b, w, fresh, (int32_t)(value & FUTEX_TID_MASK));
	/* An owner that has just ended may have left the word changed. */
	if (r == -ESRCH && futex_peek(addr, &was) && was != (value | FUTEX_WAITERS))
		r = LOOK_AGAIN;
	return r;
}

/* The lock came to us from an owner that ended: the word must say so. */
static int take_from_dead(uaddr_t addr)
{
	uint32_t value, was;

	for (unsigned tries = 0; tries < 1000; tries++) {
		if (futex_fault_in(addr, true) || !futex_peek(addr, &value))
			return -EFAULT;
		if (futex_change_word(addr, value,
				      FUTEX_OWNER_DIED | FUTEX_WAITERS | (uint32_t)current()->tid,
				      &was))
			return -EFAULT;
		if (was == value)
			return 0;
	}
	return -EINVAL; /* it is the program that changes the word of a lock it waits for */
}

/* The sleep ended with r: was the lock given to us? */
static int settle(struct futex_bucket *b, struct pi_waiter *p, uaddr_t addr, int r)
{
	bool ours;

	spin_lock(&b->lock);
	ours = !p->w.bucket;
	if (!ours) {
		list_del(&p->w.link);
		drop_locked(p->w.pi);
	}
	spin_unlock(&b->lock);
	if (ours)
		return p->died ? take_from_dead(addr) : 0;
	return r;
}

static int lock_with_key(struct pi_waiter *p, uaddr_t addr, bool try,
			 const struct futex_deadline *d)
{
	struct futex_bucket *b = futex_bucket_of(&p->w.key);
	struct futex_pi *fresh = try ? NULL : kzalloc(sizeof(*fresh));
	int r;

	if (!try && !fresh)
		return -ENOMEM;
	do {
		wait_begin(WAIT_INTERRUPTIBLE);
		spin_lock(&b->lock);
		r = take_or_join_locked(b, &p->w, addr, try, &fresh);
		spin_unlock(&b->lock);
		if (r == QUEUED)
			break;
		wait_end();
		if (r == -EFAULT && !futex_fault_in(addr, true))
			r = LOOK_AGAIN;
		if (r == LOOK_AGAIN && thread_interrupted(WAIT_KILLABLE))
			r = -EINTR;
	} while (r == LOOK_AGAIN);
	kfree(fresh);
	return r == QUEUED ? settle(b, p, addr, futex_sleep(d)) : r;
}

int futex_lock_pi(uaddr_t addr, bool private, bool try, const struct futex_deadline *d)
{
	struct pi_waiter p = {.w = {.thread = current()}};
	int r = futex_key_get(addr, private, true, &p.w.key);

	if (!r)
		r = lock_with_key(&p, addr, try, d);
	futex_key_put(&p.w.key);
	return r;
}

/* --- giving it away -------------------------------------------------------------------------- */

/* w, which still waited, has the lock now: it is off the list and will run. Bucket locked. */
static void grant_locked(struct futex_waiter *w, bool died)
{
	struct futex_pi *pi = w->pi;
	uint64_t irq = spin_lock_irq(&pi_lock);

	set_owner(pi, proc_thread(w->thread));
	spin_unlock_irq(&pi_lock, irq);
	container_of(w, struct pi_waiter, w)->died = died;
	list_del(&w->link);
	/* Its thread takes our lock before it goes on: settle(). */
	w->bucket = NULL;
	drop_locked(pi);
}

/*
 * To the first that still waits. 0, -EFAULT (to be faulted in), -EAGAIN (the word is not *value any
 * more). With nobody left the word is 0. Bucket locked.
 */
static int hand_over_locked(struct futex_bucket *b, const struct futex_key *k, uaddr_t addr,
			    uint32_t value)
{
	struct futex_waiter *w, *next;
	uint32_t was, to;

	list_for_each_entry_safe(w, next, &b->waiters, link) {
		if (!futex_key_equal(&w->key, k))
			continue;
		to = FUTEX_WAITERS | (uint32_t)w->thread->tid;
		if (!futex_try_change(addr, value, to, &was))
			return -EFAULT;
		if (was != value)
			return -EAGAIN;
		value = to;
		if (thread_wake_wait(w->thread)) {
			grant_locked(w, false);
			return 0;
		}
	}
	if (!futex_try_change(addr, value, 0, &was))
		return -EFAULT;
	if (was != value)
		return -EAGAIN;
	w = first_waiter(b, k);
	if (w)
		disown(w->pi); /* all on the list have given up, and are about to leave */
	return 0;
}

static int unlock_locked(struct futex_bucket *b, const struct futex_key *k, uaddr_t addr)
{
	struct futex_waiter *first = first_waiter(b, k);
	uint32_t value;

	if (!futex_peek(addr, &value))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != (uint32_t)current()->tid)
		return -EPERM;
	if (first && (!first->pi || READ_ONCE(first->pi->owner) != proc_thread(current())))
		return -EINVAL;
	return hand_over_locked(b, k, addr, value);
}

int futex_unlock_pi(uaddr_t addr, bool private)
{
	struct futex_bucket *b;
	struct futex_key key;
	int r = futex_key_get(addr, private, true, &key);

	b = futex_bucket_of(&key);
	while (!r) {
		spin_lock(&b->lock);
		r = unlock_locked(b, &key, addr);
		spin_unlock(&b->lock);
		if (!r)
			break;
		if (r == -EFAULT)
			r = futex_fault_in(addr, true);
		else if (r == -EAGAIN)
			r = thread_interrupted(WAIT_KILLABLE) ? -EINTR : 0;
	}
	futex_key_put(&key);
	return r;
}

/* The owner of pi ends. Bucket locked. */
static void bequeath_locked(struct futex_bucket *b, struct futex_pi *pi)
{
	struct futex_waiter *w;

	list_for_each_entry(w, &b->waiters, link)
		if (w->pi == pi && thread_wake_wait(w->thread)) {
			grant_locked(w, true);
			return;
		}
	disown(pi);
}

void futex_thread_leaves(void)
{
	struct proc_thread *d = proc_thread(current());
	struct futex_bucket *b;
	struct futex_pi *pi;
	uint64_t irq;
	bool still;

	for (;;) {
		irq = spin_lock_irq(&pi_lock);
		pi = list_first_entry_or_null(&d->pi_held, struct futex_pi, owner_link);
		if (!pi)
			d->pi_left = d->leaving; /* after exec it may own again */
		b = pi ? pi->bucket : NULL;
		spin_unlock_irq(&pi_lock, irq);
		if (!pi)
			return;
		/* The last waiter may free it before we have the bucket. */
		spin_lock(&b->lock);
		irq = spin_lock_irq(&pi_lock);
		still = list_first_entry_or_null(&d->pi_held, struct futex_pi, owner_link) == pi &&
			pi->bucket == b;
		spin_unlock_irq(&pi_lock, irq);
		if (still)
			bequeath_locked(b, pi);
		spin_unlock(&b->lock);
	}
}
