/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: which operations an open of a device node gets, by device number. devfs
 * shows a node for each that has a name.
 */
#ifndef VFS_CHARDEV_H
#define VFS_CHARDEV_H

#include "device.h"
#include "file.h"
#include <lib/list.h>

struct chardev {
	const char *name;	    /* [I] below /dev, may hold slashes; NULL: no node */
	dev_t rdev;		    /* [I] */
	uint32_t count;		    /* [I] this and how many minor numbers behind it */
	uint16_t mode;		    /* [I] permission bits of the node */
	const struct file_ops *ops; /* [I] */
	void *priv;		    /* [I] file->priv at open */
	struct list link;	    /* [VFS_MISC] */
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
/* NULL when there is none. Devices live for ever, until drivers bring some that do not. */
const struct chardev *chardev_find(dev_t rdev);

/* All of them; fn must not sleep. */
void chardev_for_each(void (*fn)(const struct chardev *c, void *ctx), void *ctx);

/* devfs sets this once: called for every device there is and every later one. */
void chardev_set_hook(void (*added)(const struct chardev *c));

/* The operations of every character device's inode: open finds the device. */
extern const struct file_ops chardev_file_ops;

#endif
