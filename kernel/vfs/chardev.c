/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of character devices: a tree by number. Lock: VFS_MISC, under which an open that
 * has found a device that may go takes a reference to it.
 */
#include "chardev.h"

#include "inode.h"
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

static struct spinlock lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static struct rb_root devices;			      /* [lock] by number; ranges do not overlap */
static int (*added_hook)(const struct chardev *c);    /* [lock] */
static void (*removed_hook)(const struct chardev *c); /* [lock] */

static struct chardev *of_node(struct rb_node *n)
{
	return rb_entry(n, struct chardev, node);
}

static uint64_t end_of(const struct chardev *c)
{
	return (uint64_t)c->rdev + c->count;
}

static struct chardev *find_locked(dev_t rdev)
{
	struct rb_node *n = devices.node;

	while (n) {
		struct chardev *c = of_node(n);

		if (rdev < c->rdev)
			n = n->left;
		else if (rdev >= end_of(c))
			n = n->right;
		else
			return c;
	}
	return NULL;
}

/* False: one of the numbers is taken. */
static bool insert_locked(struct chardev *c)
{
	struct rb_node **at = &devices.node, *parent = NULL;

	while (*at) {
		struct chardev *other = of_node(parent = *at);

		if (end_of(c) <= other->rdev)
			at = &parent->left;
		else if (c->rdev >= end_of(other))
			at = &parent->right;
		else
			return false;
	}
	rb_link(&c->node, parent, at);
	rb_insert_fixup(&c->node, &devices);
	return true;
}

int chardev_add(struct chardev *c)
{
	int (*tell)(const struct chardev *);
	bool inserted;
	int r;

	spin_lock(&lock);
	inserted = insert_locked(c);
	tell = added_hook;
	spin_unlock(&lock);
	if (!inserted)
		return -EEXIST;
	r = tell ? tell(c) : 0;
	if (!r)
		return 0;
	spin_lock(&lock);
	rb_erase(&c->node, &devices);
	spin_unlock(&lock);
	return r;
}

void chardev_remove(struct chardev *c)
{
	void (*tell)(const struct chardev *);

	spin_lock(&lock);
	rb_erase(&c->node, &devices);
	tell = removed_hook;
	spin_unlock(&lock);
	if (tell)
		tell(c);
}

const struct chardev *chardev_find(dev_t rdev)
{
	const struct chardev *c;

	spin_lock(&lock);
	c = find_locked(rdev);
	spin_unlock(&lock);
	return c;
}

/* A device for ever. */
static int add_copy(const struct chardev *c)
{
	struct chardev *copy = kmemdup(c, sizeof(*c));
	int r = copy ? chardev_add(copy) : -ENOMEM;

	if (r)
		kfree(copy);
	return r;
}

int chardev_register(const char *name, dev_t rdev, uint16_t mode, const struct file_ops *ops,
		     void *priv)
{
	return add_copy(&(struct chardev){
		.name = name, .rdev = rdev, .count = 1, .mode = mode, .ops = ops, .priv = priv});
}

int chardev_register_range(dev_t rdev, uint32_t count, const struct file_ops *ops)
{
	return add_copy(&(struct chardev){.rdev = rdev, .count = count, .ops = ops});
}

/* Once at boot, before there are devices that go. */
void chardev_set_hooks(int (*added)(const struct chardev *c),
		       void (*removed)(const struct chardev *c))
{
	struct rb_node *n;

	spin_lock(&lock);
	added_hook = added;
	removed_hook = removed;
	n = rb_first(&devices);
	spin_unlock(&lock);
	for (; n; n = rb_next(n))
		added(of_node(n));
}

void chardev_for_each(void (*fn)(const struct chardev *c, void *ctx), void *ctx)
{
	struct rb_node *n;

	spin_lock(&lock);
	rb_for_each(n, &devices)
		fn(of_node(n), ctx);
	spin_unlock(&lock);
}

struct name_search {
	const char *name;
	bool taken;
};

static void compare_name(const struct chardev *c, void *ctx)
{
	struct name_search *s = ctx;

	s->taken |= c->name && strcmp(c->name, s->name) == 0;
}

bool chardev_name_taken(const char *name)
{
	struct name_search s = {.name = name};

	chardev_for_each(compare_name, &s);
	return s.taken;
}

static int chardev_open(struct inode *inode, struct file *f)
{
	const struct chardev *c;
	int r = -ENXIO;

	spin_lock(&lock);
	c = find_locked(inode->rdev);
	if (c && (!c->hold || c->hold(c->priv))) {
		f->ops = c->ops;
		f->priv = c->priv;
		r = 0;
	}
	spin_unlock(&lock);
	if (r)
		return r;
	return f->ops->open ? f->ops->open(inode, f) : 0;
}

const struct file_ops chardev_file_ops = {.open = chardev_open};
