/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/sync.h>. A lock is a few words in the driver's storage, and a record of ours by its
 * address, from init to fini, by which uses before and after that are found. A wait is a condition
 * that the scheduler looks at (task.h), so that a release has nobody to wake.
 */
#include "host.h"
#include "task.h"
#include <banos/sync.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/rbtree.h>
#include <lib/string.h>

enum kind { MUTEX, RWLOCK, SPINLOCK, EVENT };

static const char *const kind_names[] = {"mutex", "read-write lock", "spinlock", "event"};

struct lock {
	struct rb_node node; /* in locks; not of one that has ended and is waited for */
	const void *storage;
	enum kind kind;
	unsigned class;
	uint32_t flags;
	struct task *owner; /* of a mutex, spinlock, or of a writer */
	uint32_t readers;
	uint32_t waiters;
	bool set; /* an event */
};

static struct rb_root locks; /* by storage */

static const char *name_of(const struct lock *l)
{
	return order_name(l->class);
}

/* The call is about this lock; "driver X, f+0x1: banos_mutex_lock of mutex NAME" comes before. */
#define complain(l, text)                                                                 \
	do {                                                                              \
		char where_[WHERE_SIZE];                                                  \
		host_complain("%s: %s of %s %s" text, images_where(api_caller(), where_), \
			      api_name(), kind_names[(l)->kind], name_of(l));             \
	} while (0)

static struct lock *of_node(struct rb_node *n)
{
	return rb_entry(n, struct lock, node);
}

/* The first one at that address or behind it. */
static struct lock *find_from(const void *storage)
{
	struct rb_node *n = locks.node;
	struct lock *found = NULL;

	while (n) {
		if ((uintptr_t)of_node(n)->storage >= (uintptr_t)storage) {
			found = of_node(n);
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

static struct lock *find(const void *storage)
{
	struct lock *l = find_from(storage);

	return l && l->storage == storage ? l : NULL;
}

static void insert(struct lock *l)
{
	struct rb_node **at = &locks.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = (uintptr_t)l->storage < (uintptr_t)of_node(parent)->storage ? &parent->left
										 : &parent->right;
	}
	rb_link(&l->node, parent, at);
	rb_insert_fixup(&l->node, &locks);
}

/* Who waits still looks at it: then it is there, but nobody finds it. */
static void drop(struct lock *l)
{
	rb_erase(&l->node, &locks);
	if (!l->waiters)
		free(l);
}

static struct lock *lock_new(const void *storage, enum kind kind, const char *name)
{
	struct lock *l = find(storage);

	if (l)
		drop(l);
	l = host_alloc(sizeof(*l));
	l->storage = storage;
	l->kind = kind;
	l->class = order_class(name ? name : "without a name");
	insert(l);
	return l;
}

/* Whatever is wrong with it, there is a lock to go on with. */
static struct lock *get(void *storage, enum kind kind)
{
	struct lock *l = find(storage);
	char where[WHERE_SIZE];

	if (l && l->kind == kind)
		return l;
	host_complain("%s: %s of a %s %s", images_where(api_caller(), where), api_name(),
		      kind_names[kind],
		      l ? "that was made something else by its init"
			: "before its init or after its fini");
	return lock_new(storage, kind, "without init");
}

static void fini(void *storage, enum kind kind)
{
	struct lock *l = get(storage, kind);

	if (l->owner || l->readers)
		complain(l, ", which is held");
	if (l->waiters)
		complain(l, ", which somebody waits for");
	drop(l);
}

void sync_check_left(uintptr_t image, const char *name)
{
	struct lock *l;

	while ((l = find_from((const void *)image)) != NULL &&
	       images_contain(image, (uintptr_t)l->storage)) {
		host_complain("driver %s: its %s %s goes without fini", name, kind_names[l->kind],
			      name_of(l));
		drop(l);
	}
}

void sync_check_freed(const void *memory, size_t size)
{
	char where[WHERE_SIZE];
	struct lock *l;

	while ((l = find_from(memory)) != NULL &&
	       (uintptr_t)l->storage - (uintptr_t)memory < size) {
		host_complain("%s: frees memory with the %s %s in it, which goes without fini",
			      images_where(api_caller(), where), kind_names[l->kind], name_of(l));
		drop(l);
	}
}

/* --- holding --------------------------------------------------------------------------------- */

static void hold(struct lock *l)
{
	struct task *t = task_self();

	if (t->held_count < TASK_HELD_MAX)
		t->held[t->held_count++] =
			(struct task_held){.lock = l->storage, .class = l->class};
}

static void let_go(struct lock *l)
{
	struct task *t = task_self();
	unsigned i = t->held_count;

	while (i > 0 && t->held[i - 1].lock != l->storage)
		i--;
	if (!i)
		return;
	t->held_count--;
	memmove(&t->held[i - 1], &t->held[i], (t->held_count - (i - 1)) * sizeof(t->held[0]));
}

static bool holds(const struct lock *l)
{
	const struct task *t = task_self();

	for (unsigned i = 0; i < t->held_count; i++)
		if (t->held[i].lock == l->storage)
			return true;
	return false;
}

static bool is_free(const void *on)
{
	const struct lock *l = on;

	return !l->owner && !l->readers;
}

static bool has_no_writer(const void *on)
{
	return !((const struct lock *)on)->owner;
}

static int take(struct lock *l, bool (*ready)(const void *on), bool interruptible)
{
	int r;

	if (holds(l))
		complain(l, ", which the caller holds: it waits for itself");
	order_check(task_self(), l->class);
	l->waiters++;
	r = task_wait(ready, l, NEVER, interruptible, "%s %s%s%s", kind_names[l->kind], name_of(l),
		      l->owner ? ", which is held by " : "", l->owner ? l->owner->name : "");
	l->waiters--;
	if (r)
		return r;
	hold(l);
	return 0;
}

/* False: it is not the caller's to release. */
static bool give(struct lock *l)
{
	if (l->owner ? l->owner != task_self() : !l->readers || !holds(l)) {
		complain(l, ", which the caller does not hold");
		return false;
	}
	let_go(l);
	return true;
}

/* --- mutexes --------------------------------------------------------------------------------- */

void banos_mutex_init(Banos_Mutex *m, const char *name)
{
	lock_new(m, MUTEX, name);
}

static int mutex_take(Banos_Mutex *m, bool interruptible)
{
	struct lock *l = get(m, MUTEX);
	int r = take(l, is_free, interruptible);

	if (r)
		return r;
	l->owner = task_self();
	l->owner->driver_locks++;
	return 0;
}

void banos_mutex_lock(Banos_Mutex *m)
{
	mutex_take(m, false);
}

int32_t banos_mutex_lock_interruptible(Banos_Mutex *m)
{
	return mutex_take(m, true);
}

int32_t banos_mutex_trylock(Banos_Mutex *m)
{
	struct lock *l = get(m, MUTEX);

	if (!is_free(l))
		return 0;
	hold(l);
	l->owner = task_self();
	l->owner->driver_locks++;
	return 1;
}

void banos_mutex_unlock(Banos_Mutex *m)
{
	struct lock *l = get(m, MUTEX);

	if (!give(l))
		return;
	task_self()->driver_locks--;
	l->owner = NULL;
}

void banos_mutex_fini(Banos_Mutex *m)
{
	fini(m, MUTEX);
}

/* --- read-write locks ------------------------------------------------------------------------ */

void banos_rwlock_init(Banos_Rwlock *r, const char *name)
{
	lock_new(r, RWLOCK, name);
}

void banos_rwlock_read_lock(Banos_Rwlock *r)
{
	struct lock *l = get(r, RWLOCK);

	take(l, has_no_writer, false);
	l->readers++;
	task_self()->driver_locks++;
}

void banos_rwlock_read_unlock(Banos_Rwlock *r)
{
	struct lock *l = get(r, RWLOCK);

	if (!give(l))
		return;
	task_self()->driver_locks--;
	l->readers--;
}

void banos_rwlock_write_lock(Banos_Rwlock *r)
{
	struct lock *l = get(r, RWLOCK);

	take(l, is_free, false);
	l->owner = task_self();
	l->owner->driver_locks++;
}

void banos_rwlock_write_unlock(Banos_Rwlock *r)
{
	struct lock *l = get(r, RWLOCK);

	if (!give(l))
		return;
	task_self()->driver_locks--;
	l->owner = NULL;
}

void banos_rwlock_fini(Banos_Rwlock *r)
{
	fini(r, RWLOCK);
}

/* --- spinlocks ------------------------------------------------------------------------------- */

void banos_spin_init(Banos_Spinlock *s, const char *name)
{
	lock_new(s, SPINLOCK, name);
}

/* From here on the task keeps its processor, also while it waits. */
uint64_t banos_spin_lock(Banos_Spinlock *s)
{
	struct lock *l = get(s, SPINLOCK);

	task_self()->spins++;
	take(l, is_free, false);
	l->owner = task_self();
	return task_self()->spins;
}

void banos_spin_unlock(Banos_Spinlock *s, uint64_t token)
{
	struct lock *l = get(s, SPINLOCK);

	if (!give(l))
		return;
	if (token != task_self()->spins)
		complain(l, ", with another lock's token");
	l->owner = NULL;
	task_self()->spins--;
}

void banos_spin_fini(Banos_Spinlock *s)
{
	fini(s, SPINLOCK);
}

/* --- events ---------------------------------------------------------------------------------- */

int32_t banos_event_init(Banos_Event *e, const char *name, uint32_t flags)
{
	if (flags & ~BANOS_EVENT_AUTO)
		return -EINVAL;
	lock_new(e, EVENT, name)->flags = flags;
	return 0;
}

void banos_event_set(Banos_Event *e)
{
	get(e, EVENT)->set = true;
}

void banos_event_reset(Banos_Event *e)
{
	get(e, EVENT)->set = false;
}

static bool is_set(const void *on)
{
	return ((const struct lock *)on)->set;
}

int32_t banos_event_wait(Banos_Event *e, uint64_t timeout_ns, uint32_t flags)
{
	struct lock *l = get(e, EVENT);
	nsec_t deadline = timeout_ns >= NEVER - task_now() ? NEVER : task_now() + timeout_ns;
	int r = 0;

	if (flags & ~BANOS_WAIT_INTERRUPTIBLE)
		return -EINVAL;
	if (!l->set && !timeout_ns)
		return -ETIMEDOUT;
	l->waiters++;
	if (!l->set)
		r = task_wait(is_set, l, deadline, flags & BANOS_WAIT_INTERRUPTIBLE, "event %s",
			      name_of(l));
	l->waiters--;
	if (r)
		return r;
	if (l->flags & BANOS_EVENT_AUTO)
		l->set = false;
	return 0;
}

void banos_event_fini(Banos_Event *e)
{
	fini(e, EVENT);
}
