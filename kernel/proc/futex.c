/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes: wait, wake, requeue.
 *
 * A word is known by its key: the object and offset behind shared memory, the address space and
 * address of private memory. Keys hash to buckets: a spinlock and the list of waiters, oldest
 * first. A waiter lies on the stack of its thread.
 *
 *	off -> queued	 by its thread, bucket locked, after it has seen the expected value
 *	queued -> queued elsewhere	by a requeue, both buckets locked
 *	queued -> off	 by a waker (futex_wake_locked), or by its thread (futex_unqueue)
 *
 * No wake-up is lost: the value is read and the waiter queued under one hold of the bucket's lock,
 * and who changes the word takes that lock afterwards in order to wake. None is swallowed: a
 * waiter that has given up (deadline, signal) but is still queued is passed over, because its wait
 * has ended already (thread_wake_wait says so), and the next one is woken. So a waiter is woken and
 * returns 0, or is not, and says why.
 *
 * waiter->bucket changes only under the lock of the bucket it names, so its thread locks what it
 * reads there and looks again. A waker's last touch of a waiter is storing NULL there; the thread
 * reuses its stack once it has seen that.
 *
 * User memory is touched with a bucket locked, hence without sleeping: a word that is not present
 * fails (the fault handler refuses while preemption is off), the locks are dropped, the word is
 * faulted in, and everything begins again. This and the list of robust locks are the two places
 * below linux/ that know addresses of the program: the check and the queueing must be one step.
 *
 * References: a key counts its object; a private key needs none, because its waiters live in the
 * space. A requeue gives the waiter a reference of the new object and takes its old one; whoever
 * requeues holds one of each, so none of these is the last under a spinlock.
 *
 * Locks: FUTEX (two buckets by address), then FUTEX_PI, then what a wake-up takes.
 *
 * Rejected: struct blocker for buckets. It would queue first and look at the word afterwards; a
 * waiter whose word has changed meanwhile could be woken in place of one that really sleeps.
 */
#include "futex_internal.h"

#include <arch/page.h>
#include <arch/usercopy.h>
#include <base/lockcheck.h>
#include <base/random.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <vm/futex_key.h>
#include <vm/object.h>
#include <vm/usercopy.h>

#include <linux/futex.h>

#define BUCKETS 1024

static struct futex_bucket buckets[BUCKETS];
static uint64_t seed; /* [I] offsets are the program's choice */

void futex_init(void)
{
	random_bytes(&seed, sizeof(seed));
	for (unsigned i = 0; i < BUCKETS; i++) {
		spin_init(&buckets[i].lock, LOCK_FUTEX);
		list_init(&buckets[i].waiters);
	}
}

/* --- keys ------------------------------------------------------------------------------------ */

int futex_key_get(uaddr_t addr, bool private, bool write, struct futex_key *k)
{
	struct vm_space *s = current()->space;
	int r;

	*k = (struct futex_key){.where = s, .offset = addr};
	if (addr % sizeof(uint32_t))
		return -EINVAL;
	if (!user_range_ok(addr, sizeof(uint32_t)))
		return -EFAULT;
	if (private)
		return 0;
	r = vm_futex_key(s, addr, write, &k->object, &k->offset);
	if (k->object)
		k->where = k->object;
	else
		k->offset |= 1; /* asked for as shared it is another futex, as on Linux */
	return r;
}

void futex_key_put(struct futex_key *k)
{
	if (k->object)
		vm_object_put(k->object);
	k->object = NULL;
}

bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->where == b->where && a->offset == b->offset;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *k)
{
	return &buckets[hash_u64((uintptr_t)k->where ^ hash_u64(k->offset ^ seed)) % BUCKETS];
}

/* --- the word -------------------------------------------------------------------------------- */

bool futex_peek(uaddr_t addr, uint32_t *value)
{
	return copy_from_user_partial(value, addr, sizeof(*value)) == 0;
}

bool futex_try_change(uaddr_t addr, uint32_t expect, uint32_t value, uint32_t *was)
{
	return arch_user_cmpxchg32((uint32_t *)addr, expect, value, was) == 0;
}

int futex_change_word(uaddr_t addr, uint32_t expect, uint32_t value, uint32_t *was)
{
	lockcheck_might_sleep();
	if (!user_range_ok(addr, sizeof(uint32_t)))
		return -EFAULT;
	return futex_try_change(addr, expect, value, was) ? 0 : -EFAULT;
}

int futex_fault_in(uaddr_t addr, bool write)
{
	uint32_t v;

	/* An exchange that changes nothing is a write nevertheless. */
	return write ? futex_change_word(addr, 0, 0, &v) : get_user(v, addr);
}

/* --- waiters --------------------------------------------------------------------------------- */

void futex_queue_locked(struct futex_bucket *b, struct futex_waiter *w)
{
	struct list *before = &b->waiters;
	unsigned priority = READ_ONCE(w->thread->sched.rt_priority);
	struct futex_waiter *other;

	/* Real-time threads first, by priority; there are few of them. All others by age. A
	 * priority that changes meanwhile is a matter of the next wait, as on Linux. */
	if (priority) {
		list_for_each_entry(other, &b->waiters, link) {
			before = &other->link;
			if (READ_ONCE(other->thread->sched.rt_priority) < priority)
				break;
			before = &b->waiters;
		}
	}
	list_add_tail(&w->link, before);
	__atomic_store_n(&w->bucket, b, __ATOMIC_RELAXED);
}

bool futex_unqueue(struct futex_waiter *w)
{
	struct futex_bucket *b;
	bool queued = false;

	while (!queued && (b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE)) != NULL) {
		spin_lock(&b->lock);
		if (__atomic_load_n(&w->bucket, __ATOMIC_RELAXED) == b) {
			list_del(&w->link);
			w->bucket = NULL;
			queued = true;
		}
		spin_unlock(&b->lock);
	}
	return queued;
}

bool futex_wake_locked(struct futex_bucket *b, struct futex_waiter *w)
{
	if (!thread_wake_wait(w->thread))
		return false;
	list_del(&w->link);
	__atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
	return true;
}

int futex_sleep(const struct futex_deadline *d)
{
	return d->realtime ? wait_sleep_wall(d->at) : wait_sleep(d->at);
}

/* --- wait ------------------------------------------------------------------------------------ */

/*
 * Queue w if the word has the value. 0: queued, and the wait has begun; -EAGAIN: another value;
 * -EFAULT: to be faulted in.
 */
static int queue_if(struct futex_waiter *w, uaddr_t addr, uint32_t value)
{
	struct futex_bucket *b = futex_bucket_of(&w->key);
	uint32_t now;
	int r = 0;

	spin_lock(&b->lock);
	if (!futex_peek(addr, &now))
		r = -EFAULT;
	else if (now != value)
		r = -EAGAIN;
	else
		futex_queue_locked(b, w);
	spin_unlock(&b->lock);
	return r;
}

int futex_wait(uaddr_t addr, bool private, uint32_t value, const struct futex_deadline *d,
	       uint32_t bitset)
{
	struct futex_waiter w = {.thread = current(), .bitset = bitset};
	int r;

	if (!bitset)
		return -EINVAL;
	r = futex_key_get(addr, private, false, &w.key);
	if (r)
		return r;
	for (;;) {
		/* Before it is queued, so that a waker finds a wait to end. */
		wait_begin(WAIT_INTERRUPTIBLE);
		r = queue_if(&w, addr, value);
		if (!r)
			break;
		wait_end();
		if (r == -EFAULT)
			r = futex_fault_in(addr, false);
		if (r)
			goto out;
	}
	r = futex_sleep(d);
	if (!futex_unqueue(&w))
		r = 0;
out:
	futex_key_put(&w.key);
	return r;
}

/* --- wake ------------------------------------------------------------------------------------ */

/* Holds b->lock. -EINVAL: somebody waits for a lock with an owner there. */
static int wake_matching(struct futex_bucket *b, const struct futex_key *k, int count,
			 uint32_t bitset)
{
	struct futex_waiter *w, *next;
	int woken = 0;

	list_for_each_entry_safe(w, next, &b->waiters, link) {
		if (!futex_key_equal(&w->key, k))
			continue;
		if (w->pi)
			return -EINVAL;
		if (w->bitset & bitset && futex_wake_locked(b, w) && ++woken >= count)
			break;
	}
	return woken;
}

int futex_wake(uaddr_t addr, bool private, int count, uint32_t bitset)
{
	struct futex_bucket *b;
	struct futex_key key;
	int r;

	if (!bitset)
		return -EINVAL;
	r = futex_key_get(addr, private, false, &key);
	if (r)
		return r;
	b = futex_bucket_of(&key);
	spin_lock(&b->lock);
	r = wake_matching(b, &key, count, bitset);
	spin_unlock(&b->lock);
	futex_key_put(&key);
	return r;
}

/* --- two words ------------------------------------------------------------------------------- */

static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

static int get_two(uaddr_t addr, uaddr_t addr2, bool private, bool write2, struct futex_key k[2])
{
	int r = futex_key_get(addr, private, false, &k[0]);

	if (r)
		return r;
	r = futex_key_get(addr2, private, write2, &k[1]);
	if (r)
		futex_key_put(&k[0]);
	return r;
}

static void move(struct futex_waiter *w, struct futex_bucket *to, const struct futex_key *k)
{
	list_del(&w->link);
	w->key = *k;
	if (k->object)
		vm_object_get(k->object);
	futex_queue_locked(to, w);
}

/* Both buckets locked. *moved: how many references of the old key are ours to drop. */
static int requeue_locked(struct futex_bucket *b, struct futex_bucket *b2,
			  const struct futex_key k[2], int wake, int requeue, int *moved)
{
	struct futex_waiter *w, *next, *last;
	int woken = 0;

	*moved = 0;
	if (list_empty(&b->waiters))
		return 0;
	/* Those that are moved go to the end, perhaps of the same list. */
	last = list_last_entry(&b->waiters, struct futex_waiter, link);
	for (w = list_first_entry(&b->waiters, struct futex_waiter, link);; w = next) {
		bool end = w == last;

		next = list_next_entry(w, link);
		if (futex_key_equal(&w->key, &k[0])) {
			if (w->pi)
				return -EINVAL;
			if (woken < wake) {
				woken += futex_wake_locked(b, w);
			} else if (*moved < requeue) {
				move(w, b2, &k[1]);
				++*moved;
			} else {
				break;
			}
		}
		if (end)
			break;
	}
	return woken + *moved;
}

int futex_requeue(uaddr_t addr, uaddr_t addr2, bool private, int wake, int requeue,
		  const uint32_t *expect)
{
	struct futex_bucket *b, *b2;
	struct futex_key k[2];
	int r, moved = 0;
	uint32_t now;

	if (wake < 0 || requeue < 0)
		return -EINVAL;
	r = get_two(addr, addr2, private, false, k);
	if (r)
		return r;
	b = futex_bucket_of(&k[0]);
	b2 = futex_bucket_of(&k[1]);
	for (;;) {
		bool there;

		lock_two(b, b2);
		there = !expect || futex_peek(addr, &now);
		if (there)
			r = expect && now != *expect
				    ? -EAGAIN
				    : requeue_locked(b, b2, k, wake, requeue, &moved);
		unlock_two(b, b2);
		if (there)
			break;
		r = futex_fault_in(addr, false);
		if (r)
			break;
	}
	for (int i = 0; i < moved && k[0].object; i++)
		vm_object_put(k[0].object); /* not the last: k has one */
	futex_key_put(&k[0]);
	futex_key_put(&k[1]);
	return r;
}

/* --- wake after an operation ----------------------------------------------------------------- */

struct word_op {
	unsigned op, cmp;
	int32_t arg, cmp_arg;
};

static int decode_op(uint32_t encoded, struct word_op *o)
{
	o->op = encoded >> 28 & 7;
	o->cmp = encoded >> 24 & 15;
	o->arg = (int32_t)(encoded << 8) >> 20;
	o->cmp_arg = (int32_t)(encoded << 20) >> 20;
	if (encoded >> 28 & FUTEX_OP_OPARG_SHIFT)
		o->arg = (int32_t)(1U << (o->arg & 31));
	return o->op > FUTEX_OP_XOR ? -ENOSYS : 0;
}

static uint32_t apply_op(const struct word_op *o, uint32_t old)
{
	uint32_t arg = (uint32_t)o->arg;

	switch (o->op) {
	case FUTEX_OP_SET:
		return arg;
	case FUTEX_OP_ADD:
		return old + arg;
	case FUTEX_OP_OR:
		return old | arg;
	case FUTEX_OP_ANDN:
		return old & ~arg;
	default:
		return old ^ arg;
	}
}

static int compare_op(const struct word_op *o, uint32_t was)
{
	int32_t old = (int32_t)was;

	switch (o->cmp) {
	case FUTEX_OP_CMP_EQ:
		return old == o->cmp_arg;
	case FUTEX_OP_CMP_NE:
		return old != o->cmp_arg;
	case FUTEX_OP_CMP_LT:
		return old < o->cmp_arg;
	case FUTEX_OP_CMP_GE:
		return old >= o->cmp_arg;
	case FUTEX_OP_CMP_LE:
		return old <= o->cmp_arg;
	case FUTEX_OP_CMP_GT:
		return old > o->cmp_arg;
	default:
		return -ENOSYS;
	}
}

/* Change the word without sleeping: 0, -EFAULT (not present), -EAGAIN (others change it, too). */
static int change_word(uaddr_t addr, const struct word_op *o, uint32_t *old)
{
	uint32_t was;

	if (!futex_peek(addr, old))
		return -EFAULT;
	for (unsigned tries = 0; tries < 100; tries++) {
		if (!futex_try_change(addr, *old, apply_op(o, *old), &was))
			return -EFAULT;
		if (was == *old)
			return 0;
		*old = was;
	}
	return -EAGAIN;
}

int futex_wake_op(uaddr_t addr, uaddr_t addr2, bool private, int wake, int wake2, uint32_t op)
{
	struct futex_bucket *b, *b2;
	struct futex_key k[2];
	struct word_op o;
	uint32_t old;
	int r = get_two(addr, addr2, private, true, k), more;

	if (r)
		return r;
	r = decode_op(op, &o);
	b = futex_bucket_of(&k[0]);
	b2 = futex_bucket_of(&k[1]);
	while (!r) {
		lock_two(b, b2);
		r = change_word(addr2, &o, &old);
		if (!r) {
			more = compare_op(&o, old);
			r = more < 0 ? more : wake_matching(b, &k[0], wake, ~0U);
			if (r >= 0 && more > 0) {
				more = wake_matching(b2, &k[1], wake2, ~0U);
				r = more < 0 ? more : r + more;
			}
			unlock_two(b, b2);
			break;
		}
		unlock_two(b, b2);
		if (r == -EFAULT)
			r = futex_fault_in(addr2, true);
		else
			r = thread_interrupted(WAIT_KILLABLE) ? -EINTR : 0;
	}
	futex_key_put(&k[0]);
	futex_key_put(&k[1]);
	return r;
}

/* --- several words --------------------------------------------------------------------------- */

/* Take off the first n: the index of the last one that was woken, or -1. */
static int unqueue_many(struct futex_waiter *w, unsigned n)
{
	int woken = -1;

	for (unsigned i = 0; i < n; i++)
		if (!futex_unqueue(&w[i]))
			woken = (int)i;
	return woken;
}

/* 0: all are queued and the wait has begun. Else *woken is an index, or -1 and the error why. */
static int queue_many(struct futex_waiter *w, const struct futex_wait_item *items, unsigned n,
		      int *woken)
{
	unsigned i;
	int r;

	for (;;) {
		wait_begin(WAIT_INTERRUPTIBLE);
		for (i = 0, r = 0; i < n && !r; i++)
			r = queue_if(&w[i], items[i].addr, items[i].value);
		*woken = -1;
		if (!r)
			return 0;
		wait_end();
		i--; /* this one is not queued */
		*woken = unqueue_many(w, i);
		if (*woken >= 0 || r != -EFAULT)
			return r;
		r = futex_fault_in(items[i].addr, false);
		if (r)
			return r;
	}
}

int futex_wait_many(const struct futex_wait_item *items, unsigned n, const struct futex_deadline *d)
{
	struct futex_waiter *w = kcalloc(n, sizeof(*w));
	unsigned keys = 0;
	int r = 0, woken = -1;

	if (!w)
		return -ENOMEM;
	for (; keys < n && !r; keys++) {
		w[keys].thread = current();
		w[keys].bitset = FUTEX_BITSET_MATCH_ANY;
		r = futex_key_get(items[keys].addr, items[keys].private, false, &w[keys].key);
	}
	if (r)
		keys--;
	else
		r = queue_many(w, items, n, &woken);
	if (!r) {
		r = futex_sleep(d);
		woken = unqueue_many(w, n);
		r = woken >= 0 ? woken : r;
	} else if (woken >= 0) {
		r = woken;
	}
	while (keys)
		futex_key_put(&w[--keys].key);
	kfree(w);
	return r;
}
