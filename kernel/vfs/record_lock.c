/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks on ranges of files: POSIX's, owned by a table of descriptors, and those of open file
 * descriptions. The two differ in the owner only, and in that a wait for the latter is never a
 * deadlock.
 *
 * What one owner has locked in an inode are disjoint ranges in a tree by position, neighbours of
 * one type joined; owners are in a tree by name. A new range cuts what the owner had there (the
 * middle of a range leaves two pieces), takes in what it touches of its own type, and is put in.
 * A conflict is looked for in each other owner's tree, so it costs owners times the logarithm
 * of their ranges.
 *
 * Waiting: a request that conflicts is a node on locks->record_wait. Whoever frees a range, or
 * makes it shared, wakes that blocker with the range as its key, and only waiters whose range it
 * touches leave and try again.
 *
 * Deadlocks: who waits is entered in `waits`, by owner, with the owner it waits for. Before that
 * the chain from the latter is followed for at most DEADLOCK_STEPS steps; if it comes back to us
 * the answer is -EDEADLK. The wake-up cuts the edge at once, not the woken thread later, or
 * the owner that has just let go would find a deadlock that is none.
 *
 * Locks: locks->lock over every look at and change of the trees, and over a waiter's becoming one
 * (no wake-up is lost); inside it waits_lock, over search and entry (two waits that would close a
 * circle together do not pass each other), and the blocker. Ranges are allocated before and freed
 * after.
 */
#include "filelock_internal.h"

#include "file.h"
#include "inode.h"
#include <base/panic.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <mem/slab.h>

#define WAIT_BUCKETS   64
#define DEADLOCK_STEPS 10 /* as many as Linux goes */

/* One wait of one thread; on its stack. */
struct record_waiter {
	struct blocker_node node; /* on locks->record_wait */
	struct blocker wake;	  /* the thread sleeps here */
	uint32_t woken;		  /* [a] */
	const struct record_lock *lock;
	struct list link;	/* [locks->lock] in locks->record_waiters */
	struct hlist_node hash; /* [waits_lock] */
	uint64_t blocked_by;	/* [a] the owner that is in the way; 0: no longer */
};

/* The key of a wake-up. */
struct range {
	uint64_t start, end;
};

static struct hlist_head waits[WAIT_BUCKETS]; /* [waits_lock] by lock->owner */
static struct spinlock waits_lock = SPINLOCK_INIT(LOCK_FILE_LOCK_WAITS);
static uint64_t last_owner; /* [a] */

/* Odd: an address of a file is never that. */
uint64_t record_lock_owner_new(void)
{
	return __atomic_add_fetch(&last_owner, 2, __ATOMIC_RELAXED) - 1;
}

uint64_t record_lock_owner_of(const struct file *f)
{
	return (uintptr_t)f;
}

static bool may_deadlock(uint64_t owner)
{
	return owner & 1;
}

/* --- owners ------------------------------------------------------------------------------- */

/* All of what follows up to "waiting" is called with locks->lock held. */

static struct record_owner *owner_find(struct file_locks *locks, uint64_t owner)
{
	struct rb_node *n = locks->owners.node;

	while (n) {
		struct record_owner *o = rb_entry(n, struct record_owner, node);

		if (o->owner == owner)
			return o;
		n = owner < o->owner ? n->left : n->right;
	}
	return NULL;
}

static void owner_insert(struct file_locks *locks, struct record_owner *o)
{
	struct rb_node **link = &locks->owners.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = o->owner < rb_entry(parent, struct record_owner, node)->owner
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&o->node, parent, link);
	rb_insert_fixup(&o->node, &locks->owners);
}

/* --- ranges of one owner ------------------------------------------------------------------ */

static struct record_range *range_of(struct rb_node *n)
{
	return n ? rb_entry(n, struct record_range, node) : NULL;
}

/* The first range that ends at or behind `at`. */
static struct record_range *range_first(struct record_owner *o, uint64_t at)
{
	struct rb_node *n = o->ranges.node, *best = NULL;

	while (n) {
		if (range_of(n)->end >= at) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return range_of(best);
}

static void range_insert(struct record_owner *o, struct record_range *r)
{
	struct rb_node **link = &o->ranges.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = r->start < range_of(parent)->start ? &parent->left : &parent->right;
	}
	rb_link(&r->node, parent, link);
	rb_insert_fixup(&r->node, &o->ranges);
}

/* What a change needs at most, allocated before, and what is left over and taken out. */
struct spare {
	struct record_owner *owner;
	struct record_range *ranges;
};

static struct record_range *spare_take(struct spare *s)
{
	struct record_range *r = s->ranges;

	s->ranges = r->next;
	return r;
}

static void spare_give(struct spare *s, struct record_range *r)
{
	r->next = s->ranges;
	s->ranges = r;
}

static void spare_free(struct spare *s)
{
	kfree(s->owner);
	while (s->ranges)
		kfree(spare_take(s));
}

/* For one new range, and for the second piece of one that is cut in the middle. */
static int spare_fill(struct spare *s)
{
	*s = (struct spare){.owner = kzalloc(sizeof(*s->owner))};
	for (int i = 0; s->owner && i < 2; i++) {
		struct record_range *r = kzalloc(sizeof(*r));

		if (!r)
			break;
		spare_give(s, r);
		if (i == 1)
			return 0;
	}
	spare_free(s);
	*s = (struct spare){0}; /* the caller frees it in any case */
	return -ENOLCK;
}

/* Take [l->start, l->end] out of r, which overlaps it and is of another type. */
static void range_cut(struct record_owner *o, struct record_range *r, const struct record_lock *l,
		      struct spare *s)
{
	struct record_range *right;

	if (r->start < l->start && r->end > l->end) {
		right = spare_take(s);
		*right = *r;
		right->start = l->end + 1;
		r->end = l->start - 1;
		range_insert(o, right);
	} else if (r->start < l->start) {
		r->end = l->start - 1;
	} else if (r->end > l->end) {
		r->start = l->end + 1; /* stays at its place in the order */
	} else {
		rb_erase(&r->node, &o->ranges);
		spare_give(s, r);
	}
}

/* Give the owner's range the type of l. */
static void ranges_apply(struct record_owner *o, const struct record_lock *l, struct spare *s)
{
	struct record_lock all = *l; /* grows by what it touches */
	struct record_range *r, *next, *fresh;
	uint64_t from = l->start ? l->start - 1 : 0;

	for (r = range_first(o, from); r && r->start <= l->end + 1; r = next) {
		next = range_of(rb_next(&r->node));
		if (r->type == l->type) {
			all.start = min(all.start, r->start);
			all.end = max(all.end, r->end);
			rb_erase(&r->node, &o->ranges);
			spare_give(s, r);
		} else if (r->start <= l->end && r->end >= l->start) {
			range_cut(o, r, l, s);
		}
	}
	if (l->type == FLOCK_NONE)
		return;
	fresh = spare_take(s);
	*fresh = (struct record_range){
		.start = all.start, .end = all.end, .pid = l->pid, .type = l->type};
	range_insert(o, fresh);
}

static void apply(struct file_locks *locks, const struct record_lock *l, struct spare *s)
{
	struct record_owner *o = owner_find(locks, l->owner);

	if (!o) {
		if (l->type == FLOCK_NONE)
			return;
		o = s->owner;
		s->owner = NULL;
		o->owner = l->owner;
		owner_insert(locks, o);
	}
	ranges_apply(o, l, s);
	if (rb_empty(&o->ranges)) {
		rb_erase(&o->node, &locks->owners);
		kfree(s->owner);
		s->owner = o;
	}
}

/* A range of another owner that is in the way of l. */
static struct record_range *conflict(struct file_locks *locks, const struct record_lock *l,
				     uint64_t *owner)
{
	struct rb_node *n;

	rb_for_each(n, &locks->owners) {
		struct record_owner *o = rb_entry(n, struct record_owner, node);
		struct record_range *r = range_first(o, l->start);

		if (o->owner == l->owner)
			continue;
		for (; r && r->start <= l->end; r = range_of(rb_next(&r->node))) {
			if (l->type == FLOCK_EXCLUSIVE || r->type == FLOCK_EXCLUSIVE) {
				*owner = o->owner;
				return r;
			}
		}
	}
	return NULL;
}

/* A range of l's owner that l touches. */
static struct record_range *own(struct file_locks *locks, const struct record_lock *l)
{
	struct record_owner *o = owner_find(locks, l->owner);
	struct record_range *r = o ? range_first(o, l->start) : NULL;

	return r && r->start <= l->end ? r : NULL;
}

/* --- waiting ------------------------------------------------------------------------------ */

static bool waiter_wake(struct blocker_node *node, uintptr_t key)
{
	struct record_waiter *w = container_of(node, struct record_waiter, node);
	const struct range *freed = (const struct range *)key;

	if (freed->start > w->lock->end || freed->end < w->lock->start)
		return false;
	__atomic_store_n(&w->blocked_by, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&w->woken, 1, __ATOMIC_RELEASE);
	blocker_wake_one(&w->wake);
	return true;
}

static void wake_range(struct file_locks *locks, uint64_t start, uint64_t end)
{
	struct range freed = {start, end};

	blocker_wake(&locks->record_wait, ~0U, (uintptr_t)&freed);
}

static struct hlist_head *bucket_of(uint64_t owner)
{
	return &waits[owner / 2 % WAIT_BUCKETS];
}

/* Whom `owner` waits for, 0 if for nobody. Holds: waits_lock. */
static uint64_t waits_for(uint64_t owner)
{
	struct record_waiter *w;

	hlist_for_each_entry(w, bucket_of(owner), hash) {
		uint64_t other = __atomic_load_n(&w->blocked_by, __ATOMIC_ACQUIRE);

		if (w->lock->owner == owner && other)
			return other;
	}
	return 0;
}

/* Enter that w waits for `other`, unless that closes a circle: -EDEADLK. Holds: locks->lock. */
static int waits_enter(struct record_waiter *w, uint64_t other)
{
	uint64_t at = other;
	int r = 0;

	hlist_init(&w->hash);
	w->blocked_by = other;
	if (!may_deadlock(w->lock->owner))
		return 0;
	spin_lock(&waits_lock);
	for (int i = 0; at && i < DEADLOCK_STEPS && !r; i++) {
		at = waits_for(at);
		if (at == w->lock->owner)
			r = -EDEADLK;
	}
	if (!r)
		hlist_add_head(&w->hash, bucket_of(w->lock->owner));
	spin_unlock(&waits_lock);
	return r;
}

static void waiter_done(struct file_locks *locks, struct record_waiter *w)
{
	blocker_remove(&w->node);
	spin_lock(&waits_lock);
	hlist_del(&w->hash);
	spin_unlock(&waits_lock);
	spin_lock(&locks->lock);
	list_del(&w->link);
	spin_unlock(&locks->lock);
}

/* Become a waiter. Holds: locks->lock, which goes. */
static int wait_for(struct file_locks *locks, const struct record_lock *l, uint64_t other)
{
	struct record_waiter w = {.lock = l};
	int r = waits_enter(&w, other);

	if (r) {
		spin_unlock(&locks->lock);
		return r;
	}
	blocker_init(&w.wake);
	blocker_node_init_fn(&w.node, waiter_wake, 0);
	blocker_add(&locks->record_wait, &w.node);
	list_add_tail(&w.link, &locks->record_waiters);
	spin_unlock(&locks->lock);
	r = WAIT_UNTIL(&w.wake, __atomic_load_n(&w.woken, __ATOMIC_ACQUIRE), NEVER,
		       WAIT_INTERRUPTIBLE);
	waiter_done(locks, &w);
	return r;
}

/* --- operations --------------------------------------------------------------------------- */

/* Who lets go of everything leaves no pieces, so that always works. */
static bool needs_spare(const struct record_lock *l)
{
	return l->type != FLOCK_NONE || l->start || l->end != RECORD_LOCK_EOF;
}

int record_lock_set(struct file *f, const struct record_lock *l, bool wait)
{
	struct file_locks *locks =
		l->type == FLOCK_NONE ? file_locks_of(f->inode) : file_locks_get(f->inode);
	uint64_t other;
	struct spare s = {0};
	int r;

	if (!locks)
		return l->type == FLOCK_NONE ? 0 : -ENOLCK;
	r = needs_spare(l) ? spare_fill(&s) : 0;
	while (!r) {
		spin_lock(&locks->lock);
		if (l->type == FLOCK_NONE || !conflict(locks, l, &other)) {
			apply(locks, l, &s);
			spin_unlock(&locks->lock);
			break;
		}
		if (wait) {
			r = wait_for(locks, l, other);
		} else {
			spin_unlock(&locks->lock);
			r = -EAGAIN;
		}
	}
	spare_free(&s);
	/* Also what was exclusive and is shared now. */
	if (!r && l->type != FLOCK_EXCLUSIVE)
		wake_range(locks, l->start, l->end);
	return r;
}

bool record_lock_test(struct file *f, const struct record_lock *l, struct record_lock *found)
{
	struct file_locks *locks = file_locks_of(f->inode);
	struct record_range *r;
	uint64_t owner = l->owner;

	if (!locks)
		return false;
	spin_lock(&locks->lock);
	r = l->type == FLOCK_NONE ? own(locks, l) : conflict(locks, l, &owner);
	if (r)
		*found = (struct record_lock){.owner = owner,
					      .start = r->start,
					      .end = r->end,
					      .pid = r->pid,
					      .type = r->type};
	spin_unlock(&locks->lock);
	return r != NULL;
}

void record_locks_close(struct file *f, uint64_t owner)
{
	struct file_locks *locks = file_locks_of(f->inode);
	struct spare s = {0};
	struct record_range *r;
	struct rb_node *n;

	if (!locks)
		return;
	spin_lock(&locks->lock);
	s.owner = owner_find(locks, owner);
	if (s.owner) {
		rb_erase(&s.owner->node, &locks->owners);
		while ((n = rb_first(&s.owner->ranges)) != NULL) {
			r = range_of(n);
			rb_erase(n, &s.owner->ranges);
			spare_give(&s, r);
		}
	}
	spin_unlock(&locks->lock);
	if (!s.owner)
		return;
	spare_free(&s);
	wake_range(locks, 0, RECORD_LOCK_EOF);
}

void record_locks_show(struct file_locks *locks, struct text *out, unsigned *id)
{
	struct record_waiter *w;
	struct rb_node *n, *m;

	rb_for_each(n, &locks->owners) {
		struct record_owner *o = rb_entry(n, struct record_owner, node);

		rb_for_each(m, &o->ranges) {
			struct record_range *r = range_of(m);

			file_lock_show_line(out, (*id)++, false,
					    may_deadlock(o->owner) ? "POSIX " : "OFDLCK", r->type,
					    r->pid, locks->inode, r->start, r->end);
		}
	}
	list_for_each_entry(w, &locks->record_waiters, link)
		file_lock_show_line(
			out, (*id)++, true, may_deadlock(w->lock->owner) ? "POSIX " : "OFDLCK",
			w->lock->type, w->lock->pid, locks->inode, w->lock->start, w->lock->end);
}
