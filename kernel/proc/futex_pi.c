/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes that are locks with an owner: FUTEX_LOCK_PI and its kin. The word holds the owner's
 * thread number; who finds it taken comes here, and the kernel hands the lock from owner to owner
 * while anybody waits.
 *
 * While somebody waits, a struct futex_pi says whose the lock is. It is made by the first waiter
 * and counted by its waiters. Who is next, and the priority that waiters lend to the owner, is
 * the matter of pi_chain.c; words, buckets and sleeping are ours.
 *
 *	taken, nobody waits -> waited for	the first waiter (join_locked)
 *	owner A -> owner B	futex_unlock_pi by A writes B's number into the word and wakes B; or
 *				A ends, and B writes it when it wakes (w->died), since only its own
 *				address space surely has the word
 *	waited for -> taken	the last waiter leaves or is the new owner
 *
 * Waiters are on their bucket's list like all others, with w->pi set.
 *
 * Locks: the bucket's (FUTEX), then PROC_TREE where a thread is looked for, then FUTEX_PI. Against
 * an owner that ends meanwhile: it sets pi_left, under FUTEX_PI, when it holds nothing for good;
 * from then on it is no owner, and the word either has changed or names nobody (-ESRCH).
 */
#include "futex_internal.h"
#include "pi_chain.h"
#include "proc_internal.h"

#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/thread.h>

#include <linux/futex.h>

enum { QUEUED = 1, LOOK_AGAIN = 2 };

/* One waiter less. Bucket locked. */
static void drop_locked(struct futex_pi *pi)
{
	if (--pi->count)
		return;
	pi_disown(pi);
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

/* Wait with those that wait already, or be the first. Bucket locked. */
static int join_locked(struct futex_bucket *b, struct pi_waiter *p, struct futex_pi **fresh,
		       int32_t owner)
{
	struct futex_waiter *first = first_waiter(b, &p->w.key);
	struct futex_pi *pi = first ? first->pi : *fresh;
	int r = 0;

	/* Ownerless: fresh, or all that are on the list have given up. */
	if (!READ_ONCE(pi->owner)) {
		pi->bucket = b;
		r = pi_attach_owner(pi, owner);
	}
	if (!r)
		r = pi_join(pi, p);
	if (r) {
		if (!first)
			pi_disown(pi);
		return r;
	}
	if (!first)
		*fresh = NULL;
	pi->count++;
	futex_queue_locked(b, &p->w);
	return QUEUED;
}

/*
 * Take the lock, or queue: 0, QUEUED, LOOK_AGAIN, -EFAULT (to be faulted in), or an error. Bucket
 * locked. fresh: a state for the first waiter; NULL inside: taken, or do not wait.
 */
static int take_or_join_locked(struct futex_bucket *b, struct pi_waiter *p, uaddr_t addr, bool try,
			       struct futex_pi **fresh)
{
	uint32_t tid = (uint32_t)current()->tid, value, was;
	struct futex_waiter *first = first_waiter(b, &p->w.key);
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
	r = join_locked(b, p, fresh, (int32_t)(value & FUTEX_TID_MASK));
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

/* Bucket locked. */
static void leave_list(struct pi_waiter *p)
{
	list_del(&p->w.link);
	pi_leave(p);
	drop_locked(p->w.pi);
}

/* The sleep ended with r, and with it the time in which the lock can be given to us: was it? */
static int settle(struct futex_bucket *b, struct pi_waiter *p, uaddr_t addr, int r)
{
	bool given, inherited;

	spin_lock(&b->lock);
	given = !p->w.bucket;
	inherited = p->died;
	if (!given && !inherited)
		leave_list(p);
	spin_unlock(&b->lock);
	if (!inherited)
		return given ? 0 : r;
	r = take_from_dead(addr);
	spin_lock(&b->lock);
	leave_list(p);
	spin_unlock(&b->lock);
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
		r = take_or_join_locked(b, p, addr, try, &fresh);
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

/* p, which still waited, has the lock now and will run. Bucket locked. */
static void grant_locked(struct pi_waiter *p, bool died)
{
	struct futex_pi *pi = p->w.pi;

	pi_grant(p);
	p->died = died;
	/* An heir stays on the list, and who comes meanwhile joins it, until it has written the
	 * word. */
	if (died)
		return;
	list_del(&p->w.link);
	/* Its thread takes our lock before it goes on: settle(). */
	p->w.bucket = NULL;
	drop_locked(pi);
}

/*
 * To the first that still waits. 0, -EFAULT (to be faulted in), -EAGAIN (the word is not *value any
 * more). With nobody left the word is 0. pi: NULL if nobody waits. Bucket locked.
 */
static int hand_over_locked(struct futex_pi *pi, uaddr_t addr, uint32_t value)
{
	struct pi_waiter *p;
	uint32_t was, to;

	while (pi && (p = pi_first_waiter(pi)) != NULL) {
		to = FUTEX_WAITERS | (uint32_t)p->w.thread->tid;
		if (!futex_try_change(addr, value, to, &was))
			return -EFAULT;
		if (was != value)
			return -EAGAIN;
		value = to;
		if (thread_wake_wait(p->w.thread)) {
			grant_locked(p, false);
			return 0;
		}
		pi_leave(p); /* it has given up, and goes when it has the bucket */
	}
	if (!futex_try_change(addr, value, 0, &was))
		return -EFAULT;
	if (was != value)
		return -EAGAIN;
	if (pi)
		pi_disown(pi);
	return 0;
}

static int unlock_locked(struct futex_bucket *b, const struct futex_key *k, uaddr_t addr)
{
	struct futex_waiter *first = first_waiter(b, k);
	struct futex_pi *pi;
	uint32_t value;

	if (!futex_peek(addr, &value))
		return -EFAULT;
	if ((value & FUTEX_TID_MASK) != (uint32_t)current()->tid)
		return -EPERM;
	pi = first ? first->pi : NULL;
	if (first && !pi)
		return -EINVAL; /* a waiter of another kind */
	/* Ownerless: all that are on the list have given up, and are about to leave. */
	if (pi && !READ_ONCE(pi->owner))
		pi = NULL;
	if (pi && READ_ONCE(pi->owner) != current())
		return -EINVAL;
	return hand_over_locked(pi, addr, value);
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
static void bequeath_locked(struct futex_pi *pi)
{
	struct pi_waiter *p;

	while ((p = pi_first_waiter(pi)) != NULL) {
		if (thread_wake_wait(p->w.thread)) {
			grant_locked(p, true);
			return;
		}
		pi_leave(p);
	}
	pi_disown(pi);
}

void futex_thread_leaves(void)
{
	struct futex_bucket *b, *again;
	struct futex_pi *pi;

	while ((pi = pi_first_held(&b)) != NULL) {
		/* The last waiter may free it before we have the bucket. */
		spin_lock(&b->lock);
		if (pi_first_held(&again) == pi && again == b)
			bequeath_locked(pi);
		spin_unlock(&b->lock);
	}
}
