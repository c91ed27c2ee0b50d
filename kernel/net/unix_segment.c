/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segments: the bytes of one datagram or one write, copied once in and once out.
 *
 * The program's bytes are copied into a segment that nobody else sees yet, with no lock held; so a
 * page fault in the sender's buffer delays only the sender. Few bytes lie behind the structure
 * itself; more lie in single page frames, because large blocks may not be had.
 *
 * A segment charges its memory to the sender until it is freed, and SO_SNDBUF limits the sum. A
 * sender that has reached the limit sleeps on its own write_wait until three quarters have been
 * taken, so that reader and writer work in long turns.
 */
#include "unix.h"

#include <arch/page.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <vfs/poll.h>

#define INLINE_MAX 1800 /* bytes behind the structure: still one slab object */

/* --- memory ------------------------------------------------------------------------------- */

static char *inline_bytes(struct segment *seg)
{
	return (char *)(seg + 1);
}

static void free_pages(struct segment *seg)
{
	for (uint32_t i = 0; i < seg->pages; i++)
		page_put(seg->page[i]);
}

static struct segment *allocate(size_t n)
{
	uint32_t pages = n > INLINE_MAX ? (uint32_t)((n + PAGE_SIZE - 1) / PAGE_SIZE) : 0;
	size_t size = sizeof(struct segment) + (pages ? pages * sizeof(struct page *) : n);
	struct segment *seg = kmalloc(size);

	if (!seg)
		return NULL;
	*seg = (struct segment){.charge = (uint32_t)(size + pages * PAGE_SIZE), .len = (uint32_t)n};
	for (; seg->pages < pages; seg->pages++) {
		seg->page[seg->pages] = frame_alloc(0, 0);
		if (!seg->page[seg->pages]) {
			free_pages(seg);
			kfree(seg);
			return NULL;
		}
	}
	return seg;
}

static bool fill(struct segment *seg, struct iter *it)
{
	size_t left = seg->len;

	if (!seg->pages)
		return iter_copy_from(it, inline_bytes(seg), left) == left;
	for (uint32_t i = 0; i < seg->pages; i++) {
		size_t part = min(left, (size_t)PAGE_SIZE);

		if (iter_copy_from(it, page_address(seg->page[i]), part) < part)
			return false;
		left -= part;
	}
	return true;
}

int segment_create(struct unix_socket *u, struct net_message *m, size_t n, struct segment **out)
{
	struct segment *seg = allocate(n);

	if (!seg)
		return -ENOBUFS;
	if (!fill(seg, m->data)) {
		free_pages(seg);
		kfree(seg);
		return -EFAULT;
	}
	seg->sender = unix_get(u);
	seg->has_creds = m->has_creds;
	seg->creds = m->creds;
	list_init(&seg->rights_link);
	__atomic_fetch_add(&u->charged, seg->charge, __ATOMIC_RELAXED);
	*out = seg;
	return 0;
}

void segment_free(struct segment *seg)
{
	struct unix_socket *u = seg->sender;
	uint64_t limit = __atomic_load_n(&u->s.send_limit, __ATOMIC_RELAXED);
	uint64_t was = __atomic_fetch_sub(&u->charged, seg->charge, __ATOMIC_ACQ_REL);

	assert(!seg->user);
	if (was * 4 > limit && (was - seg->charge) * 4 <= limit)
		socket_wake_write(&u->s, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	unix_put(u);
	net_rights_put(seg->rights);
	free_pages(seg);
	kfree(seg);
}

size_t segment_copy(struct segment *seg, size_t offset, struct iter *it, size_t n)
{
	size_t done = 0, at = seg->start + offset;

	if (!seg->pages)
		return iter_copy_to(it, inline_bytes(seg) + at, n);
	while (done < n) {
		size_t in_page = at % PAGE_SIZE, part = min(n - done, PAGE_SIZE - in_page), got;

		got = iter_copy_to(it, (char *)page_address(seg->page[at / PAGE_SIZE]) + in_page,
				   part);
		done += got;
		at += got;
		if (got < part)
			break;
	}
	return done;
}

/* --- limits ------------------------------------------------------------------------------- */

bool unix_writable(const struct unix_socket *u)
{
	return (uint64_t)__atomic_load_n(&u->charged, __ATOMIC_ACQUIRE) * 4 <=
	       __atomic_load_n(&u->s.send_limit, __ATOMIC_RELAXED);
}

static bool below_limit(const struct unix_socket *u)
{
	return __atomic_load_n(&u->charged, __ATOMIC_ACQUIRE) <
	       __atomic_load_n(&u->s.send_limit, __ATOMIC_RELAXED);
}

static bool send_ended(const struct unix_socket *u)
{
	return (unix_shut(u) & NET_SHUT_SEND) || __atomic_load_n(&u->s.error, __ATOMIC_RELAXED);
}

int unix_wait_to_send(struct unix_socket *u, nsec_t deadline)
{
	int r;

	for (;;) {
		r = socket_take_error(&u->s);
		if (r)
			return r;
		if (unix_shut(u) & NET_SHUT_SEND)
			return -EPIPE;
		if (below_limit(u))
			return 0;
		if (!deadline)
			return -EAGAIN;
		r = WAIT_UNTIL(&u->s.write_wait, below_limit(u) || send_ended(u), deadline,
			       WAIT_INTERRUPTIBLE);
		if (r)
			return r == -ETIMEDOUT ? -EAGAIN : r;
	}
}

/* --- queues ------------------------------------------------------------------------------- */

/* Messages say who sent them if either side wants it, or the receiver is not known yet. */
static void add_creds(struct segment *seg, struct unix_socket *to)
{
	if (seg->has_creds)
		return;
	seg->has_creds = socket_flag(&seg->sender->s, SOCKET_PASS_CREDS) ||
			 socket_flag(&to->s, SOCKET_PASS_CREDS) || !to->s.file;
	if (seg->has_creds)
		unix_creds_current(&seg->creds);
}

void segment_queue(struct segment *seg, struct unix_socket *to)
{
	add_creds(seg, to);
	if (seg->rights)
		unix_rights_added(seg, to);
	list_add_tail(&seg->link, &to->queue);
	__atomic_store_n(&to->queued, to->queued + 1, __ATOMIC_RELEASE);
}

void segment_unqueue(struct segment *seg, struct unix_socket *from)
{
	list_del(&seg->link);
	__atomic_store_n(&from->queued, from->queued - 1, __ATOMIC_RELEASE);
}

/* With the front held still by read_lock. */
void segment_control(struct segment *seg, struct unix_socket *u, struct net_message *m)
{
	if (!seg->rights || m->rights)
		return;
	if (m->flags & MSG_PEEK) {
		/* A reference that comes up in the middle of a search would not be seen by it. */
		unix_gc_lock();
		m->rights = net_rights_clone(seg->rights);
		unix_gc_unlock();
		if (!m->rights)
			m->result |= MSG_CTRUNC;
		return;
	}
	unix_gc_lock();
	unix_rights_removed(seg);
	m->rights = seg->rights;
	seg->rights = NULL;
	unix_gc_unlock();
}

void unix_move_peek(struct unix_socket *u, size_t n, bool forward)
{
	int32_t at = __atomic_load_n(&u->s.peek_offset, __ATOMIC_RELAXED);

	if (at < 0)
		return;
	/* It may have been set anew, to anything, since it was looked at. */
	if (forward)
		at = (int32_t)min((uint64_t)at + n, (uint64_t)INT32_MAX);
	else
		at = (int32_t)((uint64_t)at - min((uint64_t)at, (uint64_t)n));
	__atomic_store_n(&u->s.peek_offset, at, __ATOMIC_RELAXED);
}
