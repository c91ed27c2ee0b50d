/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ioctls of block devices: Linux's numbers decoded into calls of block/. Reached through a
 * hook, as those of terminals.
 */
#include "block_ioctl.h"

#include <arch/page.h>
#include <base/cred.h>
#include <block/block.h>
#include <block/cache.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched/thread.h>
#include <vfs/blockdev.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

#define SECTOR_SHIFT 9

static int64_t erase(struct file *f, struct block_device *d, enum block_op op, uaddr_t arg)
{
	uint64_t range[2], end;

	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (copy_from_user(range, arg, sizeof(range)))
		return -EFAULT;
	if ((range[0] | range[1]) & ((1UL << d->shift) - 1) ||
	    add_overflow(range[0], range[1], &end) || end > block_device_bytes(d) || !range[1])
		return -EINVAL;
	if (op == BLOCK_DISCARD && !(d->features & BLOCK_HAS_DISCARD))
		return -EOPNOTSUPP;
	return block_cache_erase(d->cache, op, range[0], end);
}

static int64_t flush_buffers(struct block_device *d)
{
	if (!cred_capable(current()->cred, CAP_SYS_ADMIN))
		return -EACCES;
	block_cache_sync(d->cache);
	block_cache_shrink(d->cache);
	return 0;
}

static int64_t put_int(uaddr_t arg, uint32_t value)
{
	return put_user(arg, value);
}

static int64_t put_long(uaddr_t arg, uint64_t value)
{
	return put_user(arg, value);
}

static int64_t block_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct block_device *d = blockdev_of(f);

	switch (cmd) {
	case BLKGETSIZE64:
		return put_long(arg, block_device_bytes(d));
	case BLKGETSIZE:
		return put_long(arg, block_device_bytes(d) >> SECTOR_SHIFT);
	case BLKSSZGET:
		return put_int(arg, 1U << d->shift);
	case BLKPBSZGET:
		return put_int(arg, 1U << d->physical_shift);
	case BLKBSZGET:
		return put_int(arg, PAGE_SIZE);
	case BLKROGET:
		return put_int(arg, !!(d->features & BLOCK_READ_ONLY));
	case BLKFLSBUF:
		return flush_buffers(d);
	case BLKDISCARD:
		return erase(f, d, BLOCK_DISCARD, arg);
	case BLKZEROOUT:
		return erase(f, d, BLOCK_ZEROES, arg);
	case BLKRRPART: /* there are no partitions */
		return -EINVAL;
	}
	return blockdev_driver_ioctl(f, cmd, arg);
}

void block_ioctl_init(void)
{
	blockdev_set_ioctl(block_ioctl);
}
