/* SPDX-License-Identifier: BSD-2-Clause */
/* The events of an inotify instance: queued by inotify.c, read by the program. */
#include "inotify_internal.h"

#include <asm/ioctls.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <mem/slab.h>
#include <vm/usercopy.h>

/* --- in ---------------------------------------------------------------------------- */

static bool same_event(const struct event *a, const struct event *b)
{
	return a->number == b->number && a->mask == b->mask && a->len == b->len &&
	       memcmp(a->name, b->name, a->len) == 0;
}

void inotify_event_free(struct inotify *in, struct event *e)
{
	if (e != &in->overflow)
		kfree(e);
}

/* Put in, unless the last one says the same. False: e was not used. Holds: in->lock. */
static bool push(struct inotify *in, struct event *e)
{
	struct event *last =
		list_empty(&in->events) ? NULL : list_last_entry(&in->events, struct event, link);

	if (last && e && same_event(last, e))
		return false;
	if (!e || in->count >= INOTIFY_QUEUE_MAX) {
		if (in->overflowed)
			return false;
		in->overflowed = true;
		list_add_tail(&in->overflow.link, &in->events);
	} else {
		list_add_tail(&e->link, &in->events);
	}
	__atomic_store_n(&in->count, in->count + 1, __ATOMIC_RELEASE);
	return e && e->link.next;
}

void inotify_queue(struct inotify *in, int32_t number, uint32_t mask, uint32_t cookie,
		   const char *name, size_t len)
{
	struct event *e = kzalloc(sizeof(*e) + len + 1);
	bool used;

	if (e) {
		e->number = number;
		e->mask = mask;
		e->cookie = cookie;
		e->len = (uint32_t)len;
		memcpy(e->name, name, len);
	}
	spin_lock(&in->lock);
	used = push(in, e);
	spin_unlock(&in->lock);
	if (!used)
		kfree(e);
	blocker_wake(&in->wait, ~0U, EPOLLIN | EPOLLRDNORM);
}

/* --- out ----------------------------------------------------------------------------- */

/* The name in an event is padded to whole headers, with at least one 0. */
static size_t name_space(const struct event *e)
{
	return e->len ? ALIGN_UP((size_t)e->len + 1, sizeof(struct inotify_event)) : 0;
}

static size_t event_size(const struct event *e)
{
	return sizeof(struct inotify_event) + name_space(e);
}

/* The first event if it fits: NULL with *r 0 (none) or -EINVAL (too large). */
static struct event *take_event(struct inotify *in, size_t room, int *r)
{
	struct event *e;

	*r = 0;
	spin_lock(&in->lock);
	e = list_first_entry_or_null(&in->events, struct event, link);
	if (e && event_size(e) > room) {
		*r = -EINVAL;
		e = NULL;
	}
	if (e) {
		list_del(&e->link);
		__atomic_store_n(&in->count, in->count - 1, __ATOMIC_RELEASE);
		if (e == &in->overflow)
			in->overflowed = false;
	}
	spin_unlock(&in->lock);
	return e;
}

static bool copy_event(const struct event *e, struct iter *it)
{
	struct inotify_event head = {.wd = e->number,
				     .mask = e->mask,
				     .cookie = e->cookie,
				     .len = (uint32_t)name_space(e)};
	size_t pad = name_space(e) - e->len;

	return iter_copy_to(it, &head, sizeof(head)) == sizeof(head) &&
	       iter_copy_to(it, e->name, e->len) == e->len && iter_zero(it, pad) == pad;
}

/* What is there and fits: bytes, 0 if there is nothing. */
static ssize_t read_events(struct inotify *in, struct iter *it)
{
	ssize_t done = 0;
	struct event *e;
	bool copied;
	int r;

	while ((e = take_event(in, iter_left(it), &r)) != NULL) {
		size_t size = event_size(e);

		copied = copy_event(e, it);
		inotify_event_free(in, e);
		if (!copied)
			return -EFAULT;
		done += (ssize_t)size;
	}
	return done ? done : r;
}

ssize_t inotify_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct inotify *in = f->priv;
	ssize_t n;

	while (!(n = read_events(in, it))) {
		if (__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK)
			return -EAGAIN;
		if (WAIT_UNTIL(&in->wait, __atomic_load_n(&in->count, __ATOMIC_ACQUIRE), NEVER,
			       WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
	return n;
}

unsigned inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *in = f->priv;

	poll_wait(pt, &in->wait);
	return __atomic_load_n(&in->count, __ATOMIC_ACQUIRE) ? EPOLLIN | EPOLLRDNORM : 0;
}

int64_t inotify_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct inotify *in = f->priv;
	struct event *e;
	uint32_t bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	spin_lock(&in->lock);
	list_for_each_entry(e, &in->events, link)
		bytes += (uint32_t)event_size(e);
	spin_unlock(&in->lock);
	return put_user(arg, bytes);
}
