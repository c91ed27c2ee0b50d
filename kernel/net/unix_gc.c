/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files in flight, and the collection of cycles.
 *
 * A file that was sent and not yet received is held by a segment in a queue. If the file is a
 * socket, its own queue may hold further ones, and a socket may sit in its own queue, directly or
 * through others. When nothing outside such a ring refers to it any more, counting references never
 * frees it. The collector finds these rings by trial deletion:
 *
 *	candidates	sockets all of whose references come from segments: the file's reference
 *			count is not above in_flight
 *	inside		for each candidate: how many of those segments are in queues of candidates
 *	roots		candidates with in_flight > inside: somebody else's queue holds them, and
 *			that somebody is alive, being no candidate
 *	alive		roots, and what the queues of living candidates hold, and so on
 *	garbage		the rest: their queues are emptied, which closes them one after another
 * The cost is proportional to the sockets in flight and what they hold, not to the sockets there
 * are. A listener's queue is that of its embryos, whose contents nobody else can reach.
 *
 * Why that is exact: UNIX_GC, a mutex, is held while a segment with files enters or leaves a queue
 * (together with the change of in_flight) and over the whole search. A reference to a candidate
 * can only be got out of a queue, and both taking it out and peeking at it take the mutex. (A peek
 * without it, and a close of the socket whose queue it was right behind, would make two sockets
 * candidates of which one has a descriptor: its reader would lose segments that it is copying.)
 * Descriptors that come and go during the search belong to sockets that are no candidates, or
 * were none when it began.
 *
 * When: a socket's last descriptor is closed while any socket is in flight, as on Linux; and a
 * send finds twice as many in flight as survived the last search, so that rings which nobody
 * notices do not pile up. The search is a work item, and runs once for many requests; after one
 * that took long the next waits ten times as long, because whoever sends or receives files waits
 * for it.
 *
 * Limits: the files a user (by real uid) has in flight are counted, and -ETOOMANYREFS beyond
 * RLIMIT_NOFILE keeps a program from hiding any number of files in queues.
 *
 * Rejected: strongly connected components kept up to date with every send. It finds rings without
 * a search, and pays for it whenever a descriptor is sent.
 */
#include "unix.h"

#include <base/cred.h>
#include <base/panic.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <sched/work.h>
#include <vfs/file.h>
#include <vfs/inode.h>

#define FIRST_SEARCH 64 /* sockets in flight before sends look for rings */
#define PAUSE_FACTOR 10 /* a pause after a search, in terms of its own time */
#define PAUSE_MAX    NSEC_PER_SEC

enum mark { MARK_NONE, MARK_CANDIDATE, MARK_ALIVE };

/* Files in flight of one user. */
struct unix_user {
	struct rb_node node; /* [UNIX_GC] by uid */
	uint32_t uid;	     /* [I] */
	uint64_t count;	     /* [UNIX_GC] freed at 0 */
};

static struct mutex gc_lock = MUTEX_INIT(LOCK_UNIX_GC);
static struct list flying = LIST_INIT(flying); /* [gc_lock] sockets in flight */
static uint32_t flying_count;		       /* [gc_lock; a] */
static uint32_t search_at = FIRST_SEARCH;      /* [gc_lock; a] */
static struct rb_root users;		       /* [gc_lock] */
static nsec_t search_after;		       /* [a] not before this time */
static struct work gc_work;
static struct timer gc_timer; /* submits the work at the end of the pause */

void unix_gc_lock(void)
{
	mutex_lock(&gc_lock);
}

void unix_gc_unlock(void)
{
	mutex_unlock(&gc_lock);
}

/* --- users -------------------------------------------------------------------------------- */

/* The user's record, made if need be, or NULL. Holds gc_lock. */
static struct unix_user *user_find(uint32_t uid)
{
	struct rb_node **at = &users.node, *parent = NULL;
	struct unix_user *user;

	while (*at) {
		parent = *at;
		user = rb_entry(parent, struct unix_user, node);
		if (user->uid == uid)
			return user;
		at = uid < user->uid ? &parent->left : &parent->right;
	}
	user = kzalloc(sizeof(*user));
	if (!user)
		return NULL;
	user->uid = uid;
	rb_link(&user->node, parent, at);
	rb_insert_fixup(&user->node, &users);
	return user;
}

static void user_add(struct unix_user *user, int64_t n)
{
	user->count += (uint64_t)n;
	if (!user->count) {
		rb_erase(&user->node, &users);
		kfree(user);
	}
}

static bool too_many(const struct unix_user *user, const struct cred *c)
{
	if (!current()->process || user->count <= process_limit(process_current(), RLIMIT_NOFILE))
		return false;
	return !cred_capable(c, CAP_SYS_RESOURCE) && !cred_capable(c, CAP_SYS_ADMIN);
}

/* --- in and out of flight ----------------------------------------------------------------- */

static struct unix_socket *unix_of_file(const struct file *f)
{
	struct socket *s = socket_of(f);

	return s && s->family == AF_UNIX ? unix_of(s) : NULL;
}

int unix_rights_prepare(struct segment *seg)
{
	const struct cred *c = vfs_cred();
	struct unix_user *user;
	int r = 0;

	mutex_lock(&gc_lock);
	user = user_find(c->uid);
	if (!user) {
		r = -ENOMEM;
	} else if (too_many(user, c)) {
		r = -ETOOMANYREFS;
	} else {
		user_add(user, seg->rights->count);
		seg->user = user;
	}
	mutex_unlock(&gc_lock);
	return r;
}

void unix_rights_added(struct segment *seg, struct unix_socket *u)
{
	list_add_tail(&seg->rights_link, &u->rights);
	for (uint32_t i = 0; i < seg->rights->count; i++) {
		struct unix_socket *sent = unix_of_file(seg->rights->files[i]);

		if (!sent || sent->in_flight++)
			continue;
		list_add_tail(&sent->in_flight_link, &flying);
		__atomic_store_n(&flying_count, flying_count + 1, __ATOMIC_RELAXED);
	}
}

static void landed(struct unix_socket *u)
{
	assert(u->in_flight);
	if (--u->in_flight)
		return;
	list_del(&u->in_flight_link);
	__atomic_store_n(&flying_count, flying_count - 1, __ATOMIC_RELAXED);
}

void unix_rights_removed(struct segment *seg)
{
	bool queued = !list_empty(&seg->rights_link);

	list_del(&seg->rights_link);
	for (uint32_t i = 0; queued && i < seg->rights->count; i++) {
		struct unix_socket *sent = unix_of_file(seg->rights->files[i]);

		if (sent)
			landed(sent);
	}
	user_add(seg->user, -(int64_t)seg->rights->count);
	seg->user = NULL;
}

void unix_rights_cancel(struct segment *seg)
{
	if (!seg->user)
		return;
	mutex_lock(&gc_lock);
	unix_rights_removed(seg);
	mutex_unlock(&gc_lock);
}

/* --- the search; gc_lock held ------------------------------------------------------------- */

typedef void (*visit_fn)(struct unix_socket *held, struct list *work);

static void visit_queue(struct unix_socket *u, visit_fn fn, struct list *work)
{
	struct segment *seg;

	list_for_each_entry(seg, &u->rights, rights_link) {
		for (uint32_t i = 0; i < seg->rights->count; i++) {
			struct unix_socket *held = unix_of_file(seg->rights->files[i]);

			if (held)
				fn(held, work);
		}
	}
}

/* Every socket that u's queue, or its embryos' queues, hold. */
static void visit_held(struct unix_socket *u, visit_fn fn, struct list *work)
{
	struct unix_socket *e;

	visit_queue(u, fn, work);
	/* Nobody accepts from a candidate; who connects to it brings an empty queue. */
	spin_lock(&u->lock);
	list_for_each_entry(e, &u->embryos, embryo_link)
		visit_queue(e, fn, work);
	spin_unlock(&u->lock);
}

static void count_inside(struct unix_socket *held, struct list *work)
{
	held->inside++;
}

static void make_alive(struct unix_socket *held, struct list *work)
{
	if (held->mark != MARK_CANDIDATE)
		return;
	held->mark = MARK_ALIVE;
	list_add_tail(&held->mark_link, work);
}

static void mark_candidates(void)
{
	struct unix_socket *u;

	list_for_each_entry(u, &flying, in_flight_link) {
		u->inside = 0;
		u->mark = __atomic_load_n(&u->s.file->refs, __ATOMIC_ACQUIRE) > u->in_flight
				  ? MARK_NONE
				  : MARK_CANDIDATE;
	}
	list_for_each_entry(u, &flying, in_flight_link) {
		if (u->mark == MARK_CANDIDATE)
			visit_held(u, count_inside, NULL);
	}
}

static void mark_alive(void)
{
	struct list work = LIST_INIT(work);
	struct unix_socket *u;

	list_for_each_entry(u, &flying, in_flight_link) {
		if (u->in_flight > u->inside)
			make_alive(u, &work);
	}
	while (!list_empty(&work)) {
		u = list_first_entry(&work, struct unix_socket, mark_link);
		list_del(&u->mark_link);
		visit_held(u, make_alive, &work);
	}
}

/* --- emptying the garbage ----------------------------------------------------------------- */

/* The segments of u that carry files, out of its queue and onto `out`. */
static void take_rights(struct unix_socket *u, struct list *out)
{
	struct segment *seg, *next;

	list_for_each_entry_safe(seg, next, &u->rights, rights_link) {
		spin_lock(&u->lock);
		segment_unqueue(seg, u);
		spin_unlock(&u->lock);
		unix_rights_removed(seg);
		list_add_tail(&seg->link, out);
	}
}

/*
 * u's embryos are taken, too: u is closed in a moment, and would release them then. Nobody else
 * changes the list but by adding to it.
 */
static void take_garbage(struct unix_socket *u, struct list *out, struct list *embryos)
{
	struct list mine = LIST_INIT(mine);
	struct unix_socket *e;

	take_rights(u, out);
	spin_lock(&u->lock);
	list_splice_tail(&u->embryos, &mine);
	if (!list_empty(&mine))
		__atomic_store_n(&u->queued, 0, __ATOMIC_RELEASE);
	spin_unlock(&u->lock);
	list_for_each_entry(e, &mine, embryo_link)
		take_rights(e, out);
	list_splice_tail(&mine, embryos);
}

static void close_garbage(struct list *segments, struct list *embryos)
{
	while (!list_empty(embryos)) {
		struct unix_socket *e = list_first_entry(embryos, struct unix_socket, embryo_link);

		list_del(&e->embryo_link);
		e->s.ops->release(&e->s);
		unix_put(e);
	}
	while (!list_empty(segments)) {
		struct segment *seg = list_first_entry(segments, struct segment, link);

		list_del(&seg->link);
		segment_free(seg);
	}
}

static void search(struct work *w)
{
	struct list garbage = LIST_INIT(garbage), segments = LIST_INIT(segments);
	struct list embryos = LIST_INIT(embryos);
	nsec_t start = clock_mono_ns(), end;
	struct unix_socket *u;

	mutex_lock(&gc_lock);
	mark_candidates();
	mark_alive();
	list_for_each_entry(u, &flying, in_flight_link) {
		if (u->mark == MARK_CANDIDATE)
			list_add_tail(&u->mark_link, &garbage);
	}
	while (!list_empty(&garbage)) {
		u = list_first_entry(&garbage, struct unix_socket, mark_link);
		list_del(&u->mark_link);
		take_garbage(u, &segments, &embryos);
	}
	__atomic_store_n(&search_at, max(2 * flying_count, (uint32_t)FIRST_SEARCH),
			 __ATOMIC_RELAXED);
	mutex_unlock(&gc_lock);
	end = clock_mono_ns();
	__atomic_store_n(&search_after, end + min(PAUSE_FACTOR * (end - start), (nsec_t)PAUSE_MAX),
			 __ATOMIC_RELAXED);
	/* The files of these segments are what kept the garbage. */
	close_garbage(&segments, &embryos);
}

void unix_gc_hint(bool closed)
{
	uint32_t n = __atomic_load_n(&flying_count, __ATOMIC_RELAXED);

	nsec_t after;

	if (!n || (!closed && n < __atomic_load_n(&search_at, __ATOMIC_RELAXED)))
		return;
	after = __atomic_load_n(&search_after, __ATOMIC_RELAXED);
	if (clock_mono_ns() >= after)
		work_submit(&gc_work);
	else
		timer_arm(&gc_timer, after);
}

static void pause_over(struct timer *t)
{
	work_submit(&gc_work);
}

void unix_gc_init(void)
{
	work_init_for(&gc_work, work_release_queue, search);
	timer_init(&gc_timer, pause_over);
}

void unix_gc_flush(void)
{
	timer_cancel_sync(&gc_timer);
	work_submit(&gc_work);
	work_flush(&gc_work);
}
