/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event counters. The count is one atomic word: reads and writes move it by compare-and-exchange
 * and wake after that, so there is no lock, and of two racing readers one sees 0 and waits or gets
 * -EAGAIN.
 */
#include "eventfd.h"

#include "file.h"
#include "poll.h"
#include <base/stats.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	uint64_t count; /* [a] at most COUNT_MAX */
	bool semaphore; /* [I] */
	uint32_t id;	/* [I] */
	struct blocker wait;
	struct epoch_head epoch; /* the blocker's memory */
};

static uint32_t last_id; /* [a] */

static uint64_t count_of(const struct eventfd *e)
{
	return __atomic_load_n(&e->count, __ATOMIC_ACQUIRE);
}

/* What a read gets: 0 if there is nothing. */
static uint64_t take(struct eventfd *e)
{
	uint64_t was = count_of(e), n;

	do
		n = e->semaphore ? min(was, (uint64_t)1) : was;
	while (n && !__atomic_compare_exchange_n(&e->count, &was, was - n, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE));
	return n;
}

static bool put(struct eventfd *e, uint64_t n)
{
	uint64_t was = count_of(e);

	do
		if (n > COUNT_MAX - was)
			return false;
	while (!__atomic_compare_exchange_n(&e->count, &was, was + n, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE));
	return true;
}

static bool nonblocking(struct file *f)
{
	return __atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK;
}

static ssize_t eventfd_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct eventfd *e = f->priv;
	uint64_t n;

	if (iter_left(it) < sizeof(n))
		return -EINVAL;
	while (!(n = take(e))) {
		if (nonblocking(f))
			return -EAGAIN;
		if (WAIT_UNTIL(&e->wait, count_of(e), NEVER, WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
	blocker_wake(&e->wait, ~0U, EPOLLOUT);
	/* As on Linux, a fault loses what was taken. */
	return iter_copy_to(it, &n, sizeof(n)) == sizeof(n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct eventfd *e = f->priv;
	uint64_t n;

	if (iter_left(it) < sizeof(n))
		return -EINVAL;
	if (iter_copy_from(it, &n, sizeof(n)) != sizeof(n))
		return -EFAULT;
	if (n > COUNT_MAX)
		return -EINVAL;
	while (!put(e, n)) {
		if (nonblocking(f))
			return -EAGAIN;
		if (WAIT_UNTIL(&e->wait, n <= COUNT_MAX - count_of(e), NEVER, WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
	blocker_wake(&e->wait, ~0U, EPOLLIN);
	return sizeof(n);
}

static unsigned eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->priv;
	uint64_t count;

	poll_wait(pt, &e->wait);
	count = count_of(e);
	return (count ? EPOLLIN : 0) | (count < COUNT_MAX ? EPOLLOUT : 0);
}

static void eventfd_show_info(struct file *f, struct text *out)
{
	struct eventfd *e = f->priv;

	text_printf(out, "eventfd-count: %16llx\neventfd-id: %u\neventfd-semaphore: %d\n",
		    (unsigned long long)count_of(e), e->id, e->semaphore);
}

static void eventfd_release(struct file *f)
{
	struct eventfd *e = f->priv;

	kfree_deferred(e, epoch);
}

static const struct file_ops eventfd_file_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_EVENT,
	.release = eventfd_release,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.show_info = eventfd_show_info,
};

int eventfd_create(uint64_t count, bool semaphore, unsigned flags, struct file **out)
{
	struct eventfd *e = kzalloc(sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	e->count = count;
	e->semaphore = semaphore;
	e->id = __atomic_fetch_add(&last_id, 1, __ATOMIC_RELAXED);
	blocker_init_class(&e->wait, LOCK_BLOCKER_OUTER);
	r = file_create_event("[eventfd]", O_RDWR | flags, &eventfd_file_ops, e, out);
	if (r)
		kfree(e);
	return r;
}
