/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of character devices. */
#include "chardev.h"

#include "inode.h"
#include <base/spinlock.h>
#include <lib/errno.h>
#include <mem/slab.h>

static struct spinlock lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static struct list devices = LIST_INIT(devices); /* [lock]; only ever appended to */
static void (*hook)(const struct chardev *c);	 /* [lock] */

static struct chardev *find_locked(dev_t rdev)
{
	struct chardev *c;

	list_for_each_entry(c, &devices, link) {
		if (DEV_MAJOR(c->rdev) == DEV_MAJOR(rdev) &&
		    DEV_MINOR(rdev) - DEV_MINOR(c->rdev) < c->count)
			return c;
	}
	return NULL;
}

const struct chardev *chardev_find(dev_t rdev)
{
	struct chardev *c;

	spin_lock(&lock);
	c = find_locked(rdev);
	spin_unlock(&lock);
	return c;
}

/* Takes c over, which came from the heap; NULL: no memory. */
static int add(struct chardev *c)
{
	void (*tell)(const struct chardev *) = NULL;
	bool exists;

	if (!c)
		return -ENOMEM;
	spin_lock(&lock);
	exists = find_locked(c->rdev);
	if (!exists) {
		list_add_tail(&c->link, &devices);
		tell = hook;
	}
	spin_unlock(&lock);
	if (exists) {
		kfree(c);
		return -EEXIST;
	}
	if (tell)
		tell(c);
	return 0;
}

int chardev_register(const char *name, dev_t rdev, uint16_t mode, const struct file_ops *ops,
		     void *priv)
{
	struct chardev c = {
		.name = name, .rdev = rdev, .count = 1, .mode = mode, .ops = ops, .priv = priv};

	return add(kmemdup(&c, sizeof(c)));
}

int chardev_register_range(dev_t rdev, uint32_t count, const struct file_ops *ops)
{
	struct chardev c = {.rdev = rdev, .count = count, .ops = ops};

	return add(kmemdup(&c, sizeof(c)));
}

void chardev_set_hook(void (*added)(const struct chardev *c))
{
	struct list *at, *end;

	/* Devices before `end` are told here, later ones by chardev_register. */
	spin_lock(&lock);
	hook = added;
	end = devices.prev;
	spin_unlock(&lock);
	for (at = &devices; at != end;) {
		at = at->next;
		added(list_entry(at, struct chardev, link));
	}
}

void chardev_for_each(void (*fn)(const struct chardev *c, void *ctx), void *ctx)
{
	struct chardev *c;

	spin_lock(&lock);
	list_for_each_entry(c, &devices, link)
		fn(c, ctx);
	spin_unlock(&lock);
}

static int chardev_open(struct inode *inode, struct file *f)
{
	const struct chardev *c = chardev_find(inode->rdev);

	if (!c)
		return -ENXIO;
	f->ops = c->ops;
	f->priv = c->priv;
	return c->ops->open ? c->ops->open(inode, f) : 0;
}

const struct file_ops chardev_file_ops = {.open = chardev_open};
