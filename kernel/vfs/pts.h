/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where terminals that come and go get their names: devpts registers what it can do, tty/ calls
 * it. Neither sees the other.
 */
#ifndef VFS_PTS_H
#define VFS_PTS_H

#include "device.h"
#include <base/types.h>

struct pts_ops {
	/* Show terminal `index`, device rdev, owned by the caller: 0 or -ENOMEM. May sleep. */
	int (*add)(uint32_t index, dev_t rdev);
	/* It is gone: its inode has no links (nlink 0) from now on. May sleep. */
	void (*remove)(uint32_t index);
};

/* Once, at boot, by devpts. */
void pts_register(const struct pts_ops *ops);
int pts_add(uint32_t index, dev_t rdev);
void pts_remove(uint32_t index);

#endif
