/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers, keys and permission of System V objects.
 *
 * Each kind (segments, sets of semaphores, queues) has a table. An object gets the next free index
 * of it and a sequence number that counts how often the indices have been gone through; together
 * they are its id, so that an id of something removed does not soon mean something else.
 *
 * Life of an object:
 *
 *	made		the kind's create, under the table's lock, by ipc_get()
 *	found		in the table, by id and unless its key is IPC_PRIVATE by key
 *	removed		o->removed is set and ipc_unlink_locked() called, with both locks held, by
 * the kind; whoever sleeps on it is told by the kind
 *	freed		with the last reference; each call that works with it holds one
 *
 * Look-up by id takes no lock: it reads the index under epoch_enter() and takes a reference, and
 * the caller sees o->removed once it has o->lock. What creates, removes and looks for keys takes
 * the table's mutex, so that two creators of one key cannot both succeed.
 *
 * Locks: IPC_TABLE (sleeps), then IPC_OBJECT (spins). Neither is held across a copy from or to the
 * program.
 *
 * Rejected: one lock for a table, taken by every operation. Programs that use semaphores call
 * semop all the time, and different sets have nothing to do with each other.
 */
#include "ids.h"

#include <base/cred.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <proc/process.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <vfs/inode.h>

#include <linux/capability.h>
#include <linux/ipc.h>

#define PERMISSION_BITS	 0777
#define INDICES_AT_LEAST 64 /* as on Linux, so that indices are not used again at once */
#define INDEX_MASK	 (IPC_INDEX_MAX - 1)

int64_t ipc_now(void)
{
	return (int64_t)(clock_wall_ns() / NSEC_PER_SEC);
}

int32_t ipc_pid(void)
{
	return current()->process ? current()->process->pid : 0;
}

/* --- objects ------------------------------------------------------------------------------ */

void ipc_table_init(struct ipc_table *t)
{
	mutex_init(&t->lock, LOCK_IPC_TABLE);
	t->max_index = -1;
}

void ipc_object_init(struct ipc_object *o, struct ipc_table *t, unsigned mode)
{
	const struct cred *cred = vfs_cred();

	o->refs = 1;
	spin_init(&o->lock, LOCK_IPC_OBJECT);
	o->table = t;
	o->uid = o->cuid = cred->euid;
	o->gid = o->cgid = cred->egid;
	o->mode = mode & PERMISSION_BITS;
}

struct ipc_object *ipc_object_get(struct ipc_object *o)
{
	__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
	return o;
}

void ipc_object_put(struct ipc_object *o)
{
	if (__atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) == 0)
		o->table->free(o);
}

static bool try_get(struct ipc_object *o)
{
	uint32_t refs = __atomic_load_n(&o->refs, __ATOMIC_RELAXED);

	do {
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&o->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

struct ipc_object *ipc_find_index(struct ipc_table *t, int32_t index)
{
	struct ipc_object *o;

	epoch_enter();
	o = radix_find(&t->objects, (uint64_t)index & INDEX_MASK);
	if (o && !try_get(o))
		o = NULL;
	epoch_exit();
	return o;
}

struct ipc_object *ipc_find(struct ipc_table *t, int32_t id)
{
	struct ipc_object *o = id < 0 ? NULL : ipc_find_index(t, id);

	if (o && o->id != id) {
		ipc_object_put(o);
		o = NULL;
	}
	return o;
}

/* --- permission; o->lock held ------------------------------------------------------------- */

bool ipc_owned(const struct ipc_object *o)
{
	const struct cred *cred = vfs_cred();

	return cred->euid == o->uid || cred->euid == o->cuid;
}

bool ipc_permitted(const struct ipc_object *o, unsigned mode)
{
	const struct cred *cred = vfs_cred();
	unsigned wanted = mode >> 6 | mode >> 3 | mode, granted = o->mode;

	if (ipc_owned(o))
		granted >>= 6;
	else if (cred_in_group(cred, o->cgid) || cred_in_group(cred, o->gid))
		granted >>= 3;
	return !(wanted & ~granted & 7) || cred_capable(cred, CAP_IPC_OWNER);
}

void ipc_perm_get(const struct ipc_object *o, struct ipc_perm_info *out)
{
	*out = (struct ipc_perm_info){.key = o->key,
				      .uid = o->uid,
				      .gid = o->gid,
				      .cuid = o->cuid,
				      .cgid = o->cgid,
				      .mode = o->mode,
				      .seq = o->seq};
}

int ipc_perm_set(struct ipc_object *o, uint32_t uid, uint32_t gid, uint32_t mode)
{
	if (uid == UINT32_MAX || gid == UINT32_MAX)
		return -EINVAL;
	o->uid = uid;
	o->gid = gid;
	o->mode = (o->mode & ~(uint32_t)PERMISSION_BITS) | (mode & PERMISSION_BITS);
	return 0;
}

/* --- the table; its lock held ------------------------------------------------------------- */

static struct ipc_object *find_key(struct ipc_table *t, int32_t key)
{
	struct rb_node *n = t->keys.node;

	while (n) {
		struct ipc_object *o = rb_entry(n, struct ipc_object, by_key);

		if (key == o->key)
			return o;
		n = key < o->key ? n->left : n->right;
	}
	return NULL;
}

static void insert_key(struct ipc_table *t, struct ipc_object *o)
{
	struct rb_node **link = &t->keys.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = o->key < rb_entry(parent, struct ipc_object, by_key)->key ? &parent->left
										 : &parent->right;
	}
	rb_link(&o->by_key, parent, link);
	rb_insert_fixup(&o->by_key, &t->keys);
}

/*
 * The next free index, going round in a range that is larger than what is in use.
 * -ENOSPC: none.
 */
static int choose_index(struct ipc_table *t)
{
	uint64_t limit = min(__atomic_load_n(&t->limit, __ATOMIC_RELAXED), (uint64_t)IPC_INDEX_MAX);
	size_t range = (size_t)min(max(t->count * 3ULL / 2, (uint64_t)INDICES_AT_LEAST), limit);
	size_t i;

	if (t->count >= limit)
		return -ENOSPC;
	i = bitmap_find_zero(t->used, range, t->next_index);
	if (i >= range)
		i = bitmap_find_zero(t->used, range, 0);
	return i < range ? (int)i : -ENOSPC;
}

/* Enter o, which nobody knows yet, with its key. */
static int enter(struct ipc_table *t, struct ipc_object *o, int32_t key)
{
	int index = choose_index(t);
	uint16_t seq = t->seq;

	if (index < 0)
		return index;
	if ((uint32_t)index <= t->last_index && t->next_index)
		seq++;
	o->key = key;
	o->seq = seq;
	o->id = seq << IPC_INDEX_BITS | index;
	if (radix_insert(&t->objects, (uint64_t)index, o))
		return -ENOMEM;
	t->seq = seq;
	t->last_index = (uint32_t)index;
	t->next_index = (uint32_t)index + 1;
	bit_set(t->used, (size_t)index);
	if (key != IPC_PRIVATE)
		insert_key(t, o);
	__atomic_store_n(&t->max_index, max(t->max_index, index), __ATOMIC_RELAXED);
	__atomic_store_n(&t->count, t->count + 1, __ATOMIC_RELAXED);
	return 0;
}

static int create(struct ipc_table *t, const struct ipc_request *q)
{
	struct ipc_object *o;
	int r = t->create(q, &o), id;

	if (r)
		return r;
	r = enter(t, o, q->key);
	id = o->id;
	if (!r)
		return id;
	if (t->discard)
		t->discard(o);
	else
		ipc_object_put(o);
	return r;
}

/* The key exists already. */
static int use(struct ipc_table *t, struct ipc_object *o, const struct ipc_request *q)
{
	int r;

	if ((q->flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	spin_lock(&o->lock);
	r = t->fits && !t->fits(o, q) ? -EINVAL : ipc_permitted(o, q->flags) ? o->id : -EACCES;
	spin_unlock(&o->lock);
	return r;
}

int ipc_get(struct ipc_table *t, const struct ipc_request *q)
{
	struct ipc_object *o;
	int r;

	mutex_lock(&t->lock);
	o = q->key == IPC_PRIVATE ? NULL : find_key(t, q->key);
	if (o)
		r = use(t, o, q);
	else if (q->key == IPC_PRIVATE || q->flags & IPC_CREAT)
		r = create(t, q);
	else
		r = -ENOENT;
	mutex_unlock(&t->lock);
	return r;
}

int ipc_look_begin(struct ipc_table *t, int32_t id, bool by_index, bool any,
		   struct ipc_object **out)
{
	struct ipc_object *o = by_index ? ipc_find_index(t, id) : ipc_find(t, id);
	int r;

	if (!o)
		return -EINVAL;
	spin_lock(&o->lock);
	if (!any && !ipc_permitted(o, IPC_MAY_READ))
		r = -EACCES;
	else
		r = o->removed ? -EIDRM : by_index ? o->id : 0;
	*out = o;
	if (r < 0)
		ipc_look_end(o);
	return r;
}

void ipc_look_end(struct ipc_object *o)
{
	spin_unlock(&o->lock);
	ipc_object_put(o);
}

int ipc_control_begin(struct ipc_table *t, int32_t id, struct ipc_object **out)
{
	struct ipc_object *o;
	int r;

	mutex_lock(&t->lock);
	o = ipc_find(t, id); /* in the table, and it stays so while we hold the lock */
	if (!o) {
		mutex_unlock(&t->lock);
		return -EINVAL;
	}
	spin_lock(&o->lock);
	r = ipc_owned(o) || cred_capable(vfs_cred(), CAP_SYS_ADMIN) ? 0 : -EPERM;
	*out = o;
	if (r)
		ipc_control_end(o);
	return r;
}

void ipc_control_end(struct ipc_object *o)
{
	spin_unlock(&o->lock);
	mutex_unlock(&o->table->lock);
	ipc_object_put(o);
}

void ipc_hide_key_locked(struct ipc_object *o)
{
	if (o->key != IPC_PRIVATE)
		rb_erase(&o->by_key, &o->table->keys);
	o->key = IPC_PRIVATE;
}

void ipc_unlink_locked(struct ipc_object *o)
{
	struct ipc_table *t = o->table;
	uint32_t index = (uint32_t)o->id & INDEX_MASK;
	int32_t last = t->max_index;

	o->removed = true;
	ipc_hide_key_locked(o);
	radix_remove(&t->objects, index);
	bit_clear(t->used, index);
	while (last >= 0 && !bit_test(t->used, (size_t)last))
		last--;
	__atomic_store_n(&t->max_index, last, __ATOMIC_RELAXED);
	__atomic_store_n(&t->count, t->count - 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&o->refs, 1, __ATOMIC_RELEASE); /* not the last: see the prototype */
}

void ipc_show(struct ipc_table *t, void (*line)(struct ipc_object *o, struct text *out),
	      struct text *out)
{
	struct ipc_object *o;

	mutex_lock(&t->lock);
	for (uint64_t i = 0; (o = radix_next(&t->objects, &i)) != NULL; i++)
		line(o, out);
	mutex_unlock(&t->lock);
}
