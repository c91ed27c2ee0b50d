/* SPDX-License-Identifier: BSD-2-Clause */
/* null, zero, full, random, urandom. */
#include "devices.h"

#include <base/random.h>
#include <lib/errno.h>
#include <linux/fs.h>
#include <vfs/chardev.h>
#include <vm/object.h>

static ssize_t read_end(struct file *f, struct iter *it, off64_t *pos)
{
	return 0;
}

static ssize_t read_zero(struct file *f, struct iter *it, off64_t *pos)
{
	size_t want = iter_left(it), done = iter_zero(it, want);

	return done || !want ? (ssize_t)done : -EFAULT;
}

static ssize_t write_away(struct file *f, struct iter *it, off64_t *pos)
{
	size_t n = iter_left(it);

	iter_advance(it, n);
	return (ssize_t)n;
}

static ssize_t write_full(struct file *f, struct iter *it, off64_t *pos)
{
	return -ENOSPC;
}

static off64_t seek_nowhere(struct file *f, off64_t offset, int whence)
{
	return 0;
}

/* Shared or private, a mapping of zeros is fresh memory. */
static int map_zero(struct file *f, uint64_t offset, uint64_t len, unsigned prot, bool shared,
		    struct vm_object **out)
{
	uint64_t size;

	if (add_overflow(offset, len, &size))
		return -EINVAL;
	*out = vm_object_create_anon(size);
	return *out ? 0 : -ENOMEM;
}

static ssize_t read_random(struct file *f, struct iter *it, off64_t *pos)
{
	uint8_t chunk[256];
	ssize_t done = 0;

	while (iter_left(it)) {
		size_t n = min(iter_left(it), sizeof(chunk)), copied;

		random_bytes(chunk, n);
		copied = iter_copy_to(it, chunk, n);
		done += (ssize_t)copied;
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

static ssize_t write_random(struct file *f, struct iter *it, off64_t *pos)
{
	uint8_t chunk[256];
	ssize_t done = 0;

	while (iter_left(it)) {
		size_t n = min(iter_left(it), sizeof(chunk));
		size_t copied = iter_copy_from(it, chunk, n);

		random_add(chunk, copied);
		done += (ssize_t)copied;
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

/* Streams, so that readers of one description do not wait for each other's position. */
static const struct file_ops null_ops = {
	.flags = FILE_OPS_STREAM, .read = read_end, .write = write_away, .llseek = seek_nowhere};
static const struct file_ops zero_ops = {.flags = FILE_OPS_STREAM,
					 .read = read_zero,
					 .write = write_away,
					 .llseek = seek_nowhere,
					 .mmap = map_zero};
static const struct file_ops full_ops = {
	.flags = FILE_OPS_STREAM, .read = read_zero, .write = write_full, .llseek = seek_nowhere};
static const struct file_ops random_ops = {.flags = FILE_OPS_STREAM,
					   .read = read_random,
					   .write = write_random,
					   .llseek = seek_nowhere};

int mem_devices_init(void)
{
	static const struct {
		const char *name;
		unsigned minor;
		const struct file_ops *ops;
	} list[] = {{"null", 3, &null_ops},
		    {"zero", 5, &zero_ops},
		    {"full", 7, &full_ops},
		    {"random", 8, &random_ops},
		    {"urandom", 9, &random_ops}};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(list) && !r; i++)
		r = chardev_register(list[i].name, DEV_MAKE(1, list[i].minor), 0666, list[i].ops,
				     NULL);
	return r;
}
