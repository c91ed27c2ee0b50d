/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices as such: which there are, who uses them, and how they go.
 *
 *	made	     banos_x_block_register() has filled it in
 *	published    open finds it by its number, but waits until its node is in /dev
 *	withdrawn    nobody finds it any more: the driver unregisters it
 *	gone	     no callback of the driver's runs; everything asked of it is -ENODEV. Programs
 *		     that have it open keep the memory until they close it.
 *
 * The references of a device are those of its pages' object (cache.c), because programs that map it
 * keep that: the registration holds one, and so does each open. An open also holds the driver
 * (owner_hold), which therefore is not removed while it lasts; the unregistration gives those holds
 * back, so that a driver whose device has vanished can go while programs have it open.
 *
 * Locks: `registry` (BLOCK_LIST) covers the tree of devices; under it an open takes its reference.
 * device->open_lock (BLOCK_OPEN) is held over the first start and the last writing back and stop;
 * the unregistration takes it only when all requests have been ended, so that it does not wait for
 * a device that is silent.
 */
#include "internal.h"

#include <banos/export.h>
#include <base/log.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>

static struct spinlock registry = SPINLOCK_INIT(LOCK_BLOCK_LIST);
static struct rb_root devices;				   /* [registry] by minor number */
static DECLARE_BITMAP(minors, BLOCK_MINORS);		   /* [registry] in use */
static int (*added_hook)(const struct block_device *d);	   /* [I] set at boot */
static void (*removed_hook)(const struct block_device *d); /* [I] */
/* Opens wait here for a node to be made: rare, so one for all suffices. */
static struct blocker nodes_made = BLOCKER_INIT(LOCK_BLOCKER);

/* From the choice of a name to the node, and until the node of one that goes is gone. */
static struct mutex naming = MUTEX_INIT(LOCK_DRIVER_NAMES);

void block_set_hooks(int (*added)(const struct block_device *d),
		     void (*removed)(const struct block_device *d))
{
	added_hook = added;
	removed_hook = removed;
}

static struct Banos_X_Block *of_node(struct rb_node *n)
{
	return rb_entry(n, struct Banos_X_Block, node);
}

static void get(struct Banos_X_Block *b)
{
	vm_object_get(&b->cache.object);
}

static void put(struct Banos_X_Block *b)
{
	vm_object_put(&b->cache.object);
}

bool block_is_there(const struct block_device *d)
{
	const struct Banos_X_Block *b = container_of(d, struct Banos_X_Block, dev);

	return !__atomic_load_n(&b->dead, __ATOMIC_ACQUIRE);
}

/* --- names and numbers ----------------------------------------------------------------------- */

static bool name_taken_locked(const char *name)
{
	struct rb_node *n;

	rb_for_each(n, &devices)
		if (strcmp(of_node(n)->dev.name, name) == 0)
			return true;
	return false;
}

/* "disk%u" becomes the first that is free. 0, -EEXIST. */
static int choose_name_locked(struct block_device *d, const char *wanted)
{
	const char *number = strchr(wanted, '%');

	for (unsigned i = 0; i < BLOCK_MINORS; i++) {
		if (number)
			format(d->name, sizeof(d->name), "%.*s%u%s", (int)(number - wanted), wanted,
			       i, number + 2);
		else
			strlcpy(d->name, wanted, sizeof(d->name));
		if (!name_taken_locked(d->name))
			return 0;
		if (!number)
			break;
	}
	return -EEXIST;
}

static void insert_locked(struct Banos_X_Block *b)
{
	struct rb_node **at = &devices.node, *parent = NULL;

	while (*at) {
		parent = *at;
		at = b->dev.minor < of_node(parent)->dev.minor ? &parent->left : &parent->right;
	}
	rb_link(&b->node, parent, at);
	rb_insert_fixup(&b->node, &devices);
}

static int insert(struct Banos_X_Block *b, const char *wanted)
{
	int r;

	spin_lock(&registry);
	r = choose_name_locked(&b->dev, wanted);
	b->dev.minor = (uint32_t)bitmap_find_zero(minors, BLOCK_MINORS, 0);
	if (!r && b->dev.minor == BLOCK_MINORS)
		r = -ENOSPC;
	if (!r) {
		bit_set(minors, b->dev.minor);
		insert_locked(b);
	}
	spin_unlock(&registry);
	return r;
}

static void erase(struct Banos_X_Block *b)
{
	spin_lock(&registry);
	rb_erase(&b->node, &devices);
	bit_clear(minors, b->dev.minor);
	spin_unlock(&registry);
}

int block_publish(struct Banos_X_Block *b, const char *wanted)
{
	int r;

	r = block_show_make(b);
	if (r)
		return r;
	mutex_lock(&naming);
	r = insert(b, wanted);
	/* From here on others may have it open: nothing that fails may follow. */
	if (r)
		block_show_forget(b);
	else
		block_show_add(b);
	mutex_unlock(&naming);
	return r;
}

int block_make_node(struct Banos_X_Block *b)
{
	int r;

	mutex_lock(&naming);
	r = added_hook ? added_hook(&b->dev) : 0;
	mutex_unlock(&naming);
	__atomic_store_n(&b->making, r ? BLOCK_NOT_MADE : BLOCK_MADE, __ATOMIC_RELEASE);
	blocker_wake_all(&nodes_made);
	return r;
}

struct Banos_X_Block *block_next(struct Banos_X_Block *after)
{
	struct rb_node *n, *best = NULL;
	uint32_t from = after ? after->dev.minor + 1 : 0;

	spin_lock(&registry);
	for (n = devices.node; n;) {
		bool here = of_node(n)->dev.minor >= from;

		best = here ? n : best;
		n = here ? n->left : n->right;
	}
	if (best)
		get(of_node(best));
	spin_unlock(&registry);
	if (after)
		put(after);
	return best ? of_node(best) : NULL;
}

/* --- use ------------------------------------------------------------------------------------- */

static struct Banos_X_Block *find_and_hold(uint32_t minor)
{
	struct rb_node *n;
	struct Banos_X_Block *b = NULL;

	spin_lock(&registry);
	for (n = devices.node; n && of_node(n)->dev.minor != minor;)
		n = minor < of_node(n)->dev.minor ? n->left : n->right;
	if (n && owner_hold(of_node(n)->object.owner)) {
		b = of_node(n);
		get(b);
	}
	spin_unlock(&registry);
	return b;
}

static int call_start(struct Banos_X_Block *b)
{
	struct gate_pass pass;
	int r;

	if (!b->ops.start)
		return 0;
	if (!gate_enter(&b->gate, &pass))
		return -ENXIO;
	r = BLOCK_CALL(b, start, b->ctx);
	gate_leave(&pass);
	return r < -DRIVER_MAX_ERRNO ? -EIO : min(r, 0);
}

static void call_stop(struct Banos_X_Block *b)
{
	struct gate_pass pass;

	if (!b->ops.stop || !gate_enter(&b->gate, &pass))
		return;
	GATE_CALL_VOID(b->object.owner, "stop", b->ops.stop(b->ctx));
	gate_leave(&pass);
}

static int open_held(struct Banos_X_Block *b)
{
	int r = 0;

	mutex_lock(&b->open_lock);
	if (b->gone)
		r = -ENXIO;
	else if (!b->opens)
		r = call_start(b);
	if (!r)
		b->opens++;
	mutex_unlock(&b->open_lock);
	return r;
}

/* Until its node is there: without one nobody gets in, so that its end waits for nobody. */
static int await_node(struct Banos_X_Block *b)
{
	if (WAIT_UNTIL(&nodes_made, __atomic_load_n(&b->making, __ATOMIC_ACQUIRE) != BLOCK_MAKING,
		       NEVER, WAIT_INTERRUPTIBLE))
		return -EINTR;
	return __atomic_load_n(&b->making, __ATOMIC_ACQUIRE) == BLOCK_MADE ? 0 : -ENXIO;
}

int block_open(uint32_t major, uint32_t minor, struct block_device **out)
{
	struct Banos_X_Block *b = major == BLOCK_MAJOR ? find_and_hold(minor) : NULL;
	int r;

	if (!b)
		return -ENXIO;
	r = await_node(b);
	if (!r)
		r = owner_await_start(b->object.owner);
	if (!r)
		r = open_held(b);
	if (r) {
		owner_drop(b->object.owner);
		put(b);
		return r;
	}
	*out = &b->dev;
	return 0;
}

/* What could not be written is lost now, and nobody is left to be told but the log. */
static void last_close(struct Banos_X_Block *b)
{
	int r = block_cache_sync(&b->cache);

	if (r)
		log_error("block %s: closed with data that could not be written: %s", b->dev.name,
			  errno_name(r));
	block_cache_forget(&b->cache);
	call_stop(b);
}

void block_close(struct block_device *d)
{
	struct Banos_X_Block *b = block_of(d);
	bool holds;

	mutex_lock(&b->open_lock);
	if (b->opens == 1)
		last_close(b);
	b->opens--;
	holds = !b->gone;
	mutex_unlock(&b->open_lock);
	if (holds)
		owner_drop(b->object.owner);
	put(b);
}

int64_t block_ctl(struct block_device *d, uint32_t operation, struct Banos_Io *io,
		  int64_t (*end)(struct Banos_Io *io, int64_t result, struct owner *owner))
{
	struct Banos_X_Block *b = block_of(d);
	struct gate_pass pass;
	int64_t r;

	if (!b->ops.ctl)
		return -ENOTTY;
	if (!gate_enter(&b->gate, &pass))
		return -ENODEV;
	r = end(io, BLOCK_CALL(b, ctl, b->ctx, operation, io), b->object.owner);
	gate_leave(&pass);
	return r;
}

void block_sync_all(void)
{
	struct Banos_X_Block *b = NULL;

	while ((b = block_next(b)) != NULL)
		block_cache_sync(&b->cache);
}

/* --- the end --------------------------------------------------------------------------------- */

/* The holds that opens have of the driver are ours to give back from here on. */
static uint32_t mark_gone(struct Banos_X_Block *b)
{
	uint32_t opens;

	mutex_lock(&b->open_lock);
	b->gone = true;
	opens = b->opens;
	mutex_unlock(&b->open_lock);
	return opens;
}

void block_withdraw(struct Banos_X_Block *b)
{
	uint32_t opens;

	if (b->withdrawn)
		return;
	b->withdrawn = true;
	mutex_lock(&naming);
	erase(b);
	block_show_remove(b);
	if (removed_hook)
		removed_hook(&b->dev);
	mutex_unlock(&naming);
	queues_refuse(b);
	gate_shut(&b->gate);
	queues_kill(b);
	opens = mark_gone(b);
	while (opens--)
		owner_drop(b->object.owner);
}

void block_end(struct Banos_X_Block *b)
{
	block_withdraw(b);
	work_queue_destroy(b->thread);
	owner_remove(&b->object);
	put(b);
}

void block_free(struct Banos_X_Block *b)
{
	queues_free(b);
	gate_fini(&b->gate);
	kfree_deferred(b, epoch);
}
