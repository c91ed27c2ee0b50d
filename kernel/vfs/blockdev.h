/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are block devices. */
#ifndef VFS_BLOCKDEV_H
#define VFS_BLOCKDEV_H

#include "file.h"

struct block_device;

/* The operations of every block device's inode: open finds the device. */
extern const struct file_ops blockdev_file_ops;

/* The device behind an open file, or NULL: it is none. It stays as long as the file. */
struct block_device *blockdev_of(struct file *f);
/* What only the device's driver can answer; arg as in ioctl(2). */
int64_t blockdev_driver_ioctl(struct file *f, unsigned cmd, uint64_t arg);
/* linux/ sets this once: the ioctls of block devices. */
void blockdev_set_ioctl(int64_t (*fn)(struct file *f, unsigned cmd, uint64_t arg));

#endif
