/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: which operations an open of a device node gets, by device number. devfs
 * shows a node for each that has a name.
 */
#ifndef VFS_CHARDEV_H
#define VFS_CHARDEV_H

#include "device.h"
#include "file.h"
#include <lib/rbtree.h>

struct owner;

struct chardev {
	const char *name;	    /* [I] below /dev, may hold slashes; NULL: no node */
	dev_t rdev;		    /* [I] */
	uint32_t count;		    /* [I] this and how many minor numbers behind it */
	uint16_t mode;		    /* [I] permission bits of the node */
	uint32_t uid, gid;	    /* [I] of the node */
	const struct file_ops *ops; /* [I] */
	void *priv;		    /* [I] file->priv at open */
	/*
	 * [I] For devices that come and go: take a reference to priv for an open that has found the
	 * device, or say that it is going. ops->open, which is called next, owns the reference,
	 * also when it fails. Context: a spinlock is held. NULL: the device stays for ever.
	 */
	bool (*hold)(void *priv);
	struct rb_node node; /* [VFS_MISC] by number */
};

/*
 * Device (major, minor) with these operations, and /dev/NAME. An open file starts with f->ops =
 * ops and f->priv = priv, then ops->open runs. ops that read or write no position set
 * FILE_OPS_STREAM. name and ops must stay. 0, -EEXIST, -ENOMEM. Context: process.
 */
int chardev_register(const char *name, dev_t rdev, uint16_t mode, const struct file_ops *ops,
		     void *priv);
/* The same for `count` minor numbers from rdev on, without nodes; open looks at inode->rdev. */
int chardev_register_range(dev_t rdev, uint32_t count, const struct file_ops *ops);

/*
 * The caller's own structure, which stays until chardev_remove(). 0 or -EEXIST, or why there can be
 * no node: -EEXIST, too, if something else has its name. Opens may have found it all the same
 * before that is known. Context: process.
 */
int chardev_add(struct chardev *c);
/* Nobody finds it any more, and its node is gone. Context: process. */
void chardev_remove(struct chardev *c);

/* NULL when there is none. Only for devices that stay. */
const struct chardev *chardev_find(dev_t rdev);

/* Is there a node of that name? By looking at all. Context: process. */
bool chardev_name_taken(const char *name);

/* All of them, by number; fn must not sleep. */
void chardev_for_each(void (*fn)(const struct chardev *c, void *ctx), void *ctx);

/*
 * devfs sets these once: called for every device there is and every later one, which is not added
 * after all if that is an error; and when one goes.
 */
void chardev_set_hooks(int (*added)(const struct chardev *c),
		       void (*removed)(const struct chardev *c));

/* The operations of every character device's inode: open finds the device. */
extern const struct file_ops chardev_file_ops;

#endif
