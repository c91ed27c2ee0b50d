/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices as files: the pages of the device (block/cache.h), read, written and mapped.
 *
 * All nodes of one number lead to the same pages. stat shows size 0, as on Linux; where the file
 * ends lseek tells. There is no O_DIRECT. An open for writing of a device that only reads is
 * -EACCES.
 *
 * An error of writing back comes to whoever syncs next, once for each open file: the file remembers
 * how many errors there had been when it last looked. What nobody has been told yet comes to a file
 * that is opened afterwards, too.
 */
#include "blockdev.h"

#include "banos_io.h"
#include "inode.h"
#include <banos/io.h>
#include <base/owner.h>
#include <block/block.h>
#include <block/cache.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <mem/slab.h>
#include <vm/space.h>

struct block_file {
	struct block_device *device; /* [I] open */
	struct block_readahead ahead;
	uint32_t errors; /* [a] of the device that this file has been told */
};

static int64_t (*ioctl_hook)(struct file *f, unsigned cmd, uint64_t arg);

void blockdev_set_ioctl(int64_t (*fn)(struct file *f, unsigned cmd, uint64_t arg))
{
	ioctl_hook = fn;
}

static struct block_cache *cache_of(struct file *f)
{
	return ((struct block_file *)f->priv)->device->cache;
}

static int check(struct file *f, const struct block_device *d)
{
	if (f->flags & O_DIRECT)
		return -EINVAL;
	return f->mode & FILE_WRITE && d->features & BLOCK_READ_ONLY ? -EACCES : 0;
}

static int blockdev_open(struct inode *inode, struct file *f)
{
	struct block_file *bf = kzalloc(sizeof(*bf));
	int r;

	if (!bf)
		return -ENOMEM;
	r = block_open(DEV_MAJOR(inode->rdev), DEV_MINOR(inode->rdev), &bf->device);
	if (r)
		goto out_free;
	r = check(f, bf->device);
	if (r)
		goto out_close;
	bf->errors = block_cache_error_begin(bf->device->cache);
	f->priv = bf;
	return 0;

out_close:
	block_close(bf->device);
out_free:
	kfree(bf);
	return r;
}

static void blockdev_release(struct file *f)
{
	struct block_file *bf = f->priv;

	block_close(bf->device);
	kfree(bf);
}

static int blockdev_fsync(struct file *f, bool data_only)
{
	struct block_file *bf = f->priv;

	block_cache_sync(cache_of(f));
	return block_cache_error_since(cache_of(f), &bf->errors);
}

static ssize_t blockdev_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct block_file *bf = f->priv;
	ssize_t n = block_cache_read(bf->device->cache, it, (uint64_t)*pos, &bf->ahead);

	if (n > 0)
		*pos += n;
	return n;
}

static ssize_t blockdev_write(struct file *f, struct iter *it, off64_t *pos)
{
	unsigned flags = __atomic_load_n(&f->flags, __ATOMIC_RELAXED);
	ssize_t n;
	int r;

	if (flags & O_APPEND || it->flags & ITER_APPEND)
		return -ENOSPC; /* at the end there is never room */
	n = block_cache_write(cache_of(f), it, (uint64_t)*pos);
	if (n <= 0)
		return n;
	*pos += n;
	r = flags & O_DSYNC ? blockdev_fsync(f, true) : 0;
	return r ? r : n;
}

static off64_t blockdev_llseek(struct file *f, off64_t offset, int whence)
{
	struct block_file *bf = f->priv;
	off64_t size = (off64_t)block_device_bytes(bf->device);

	return file_llseek_size(f, offset, whence, size, size);
}

static int blockdev_mmap(struct file *f, struct vm_map_args *a)
{
	a->object = vm_object_get(&cache_of(f)->object);
	return 0;
}

static int64_t blockdev_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	return ioctl_hook ? ioctl_hook(f, cmd, arg) : -ENOTTY;
}

static int64_t end_of_ctl(struct Banos_Io *io, int64_t result, struct owner *owner)
{
	return banos_io_end(io, result, owner, NULL, NULL);
}

int64_t blockdev_driver_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct Banos_Io io;

	iter_init_user(&io.memory, arg, _IOC_DIR(cmd) ? _IOC_SIZE(cmd) : 0);
	banos_io_begin(&io, &io.memory, banos_io_mode(f));
	io.argument = arg;
	return block_ctl(((struct block_file *)f->priv)->device, cmd, &io, end_of_ctl);
}

static const struct file_ops open_ops = {
	.release = blockdev_release,
	.read = blockdev_read,
	.write = blockdev_write,
	.llseek = blockdev_llseek,
	.ioctl = blockdev_ioctl,
	.mmap = blockdev_mmap,
	.fsync = blockdev_fsync,
};

/* The others need f->priv. */
static int open_first(struct inode *inode, struct file *f)
{
	int r = blockdev_open(inode, f);

	if (!r)
		f->ops = &open_ops;
	return r;
}

const struct file_ops blockdev_file_ops = {.open = open_first};

struct block_device *blockdev_of(struct file *f)
{
	return f->ops == &open_ops ? ((struct block_file *)f->priv)->device : NULL;
}
