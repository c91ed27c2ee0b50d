/* SPDX-License-Identifier: BSD-2-Clause */
/* null, zero, full, random, urandom. */
#include "devices.h"

#include <base/cred.h>
#include <base/random.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <sched/thread.h>
#include <vfs/chardev.h>
#include <vm/object.h>
#include <vm/space.h>
#include <vm/usercopy.h>

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
static int map_zero(struct file *f, struct vm_map_args *a)
{
	uint64_t size;

	if (add_overflow(a->offset, a->length, &size))
		return -EINVAL;
	a->object = vm_object_create_anon(size);
	return a->object ? 0 : -ENOMEM;
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
		if (thread_interrupted(WAIT_INTERRUPTIBLE))
			break;
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
		if (thread_interrupted(WAIT_INTERRUPTIBLE))
			break;
	}
	return done;
}

/* Bits of entropy are not counted: the generator is seeded before the first program runs. */
#define ENTROPY_BITS 256

/* What struct rand_pool_info begins with; the bytes follow. */
struct pool_head {
	int bits, size;
};

static int64_t add_entropy(uint64_t arg)
{
	struct pool_head head;
	struct iter it;
	ssize_t n;

	if (get_user(head, arg))
		return -EFAULT;
	if (head.bits < 0)
		return -EINVAL;
	if (head.size < 0)
		return -EFAULT; /* no such memory */
	iter_init_user(&it, arg + sizeof(head), (size_t)head.size);
	n = write_random(NULL, &it, NULL);
	return n == head.size ? 0 : -EFAULT;
}

static int64_t ioctl_random(struct file *f, unsigned cmd, uint64_t arg)
{
	int bits = ENTROPY_BITS;

	if (cmd == RNDGETENTCNT)
		return put_user(arg, bits) ? -EFAULT : 0;
	if (cmd != RNDADDTOENTCNT && cmd != RNDADDENTROPY && cmd != RNDZAPENTCNT &&
	    cmd != RNDCLEARPOOL && cmd != RNDRESEEDCRNG)
		return -EINVAL;
	if (!cred_capable(current()->cred, CAP_SYS_ADMIN))
		return -EPERM;
	if (cmd == RNDADDENTROPY)
		return add_entropy(arg);
	if (cmd == RNDADDTOENTCNT) {
		if (get_user(bits, arg))
			return -EFAULT;
		return bits < 0 ? -EINVAL : 0;
	}
	return 0;
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
					   .ioctl = ioctl_random,
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
