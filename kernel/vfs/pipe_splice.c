/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice, tee and vmsplice: moving pieces of pipes about.
 *
 * From pipe to pipe pieces move, and tee shares their pages; a shared page is never appended to
 * (pipe.c). From a file data is read into fresh pages that become pieces; into a file the pages
 * are written, without a buffer between.
 *
 * Reading and writing the file sleeps and takes locks that come before PIPE, so the pipe is not
 * locked meanwhile. Instead a slot of it is reserved: for the piece that is being read, or for what
 * is left of a piece that was taken out and could not be written whole. So the slot is there
 * when it is needed, whatever others do. Splices out of one pipe keep their order by splice_lock.
 *
 * Rejected: pages of the page cache as pieces. The program could change what it has sent.
 */
#include "pipe_internal.h"

#include <lib/errno.h>
#include <linux/fcntl.h>

static bool nonblocking(const struct file *a, const struct file *b)
{
	return (LOAD(a->flags) | LOAD(b->flags)) & O_NONBLOCK;
}

/* --- waiting ------------------------------------------------------------------------------ */

static bool may_read(struct pipe *p)
{
	return !pipe_empty(p) || !LOAD(p->writers);
}

static bool may_write(struct pipe *p)
{
	return !pipe_full(p) || !LOAD(p->readers);
}

static int wait_data(struct pipe *p, bool nowait)
{
	if (may_read(p))
		return 0;
	if (nowait)
		return -EAGAIN;
	return WAIT_UNTIL(&p->read_wait, may_read(p), NEVER, WAIT_INTERRUPTIBLE);
}

static int wait_room(struct pipe *p, bool nowait)
{
	if (may_write(p))
		return 0;
	if (nowait)
		return -EAGAIN;
	return WAIT_UNTIL(&p->write_wait, may_write(p), NEVER, WAIT_INTERRUPTIBLE);
}

/* --- from a file -------------------------------------------------------------------------- */

/* A slot for the piece to come. -EAGAIN: full; -EPIPE. */
static int reserve(struct pipe *p)
{
	int r = 0;

	mutex_lock(&p->lock);
	if (!p->readers)
		r = -EPIPE;
	else if (pipe_full(p))
		r = -EAGAIN;
	else
		p->reserved++;
	mutex_unlock(&p->lock);
	return r;
}

/* The reserved slot gets the page, or is given back with len 0. */
static void fill_reserved(struct pipe *p, struct page *page, size_t len)
{
	mutex_lock(&p->lock);
	__atomic_store_n(&p->reserved, p->reserved - 1, __ATOMIC_RELEASE);
	if (len) {
		*piece_at(p, p->head) = (struct piece){.page = page, .len = (uint32_t)len};
		__atomic_store_n(&p->head, p->head + 1, __ATOMIC_RELEASE);
	}
	mutex_unlock(&p->lock);
	if (len)
		wake_readers(p);
	else
		wake_writers(p);
}

/* One page's worth. *full: the pipe had no room, whatever it has now; -EAGAIN alone may be the
 * file's. */
static ssize_t read_piece(struct pipe *p, struct file *in, off64_t *pos, size_t len, bool *full)
{
	struct page *page = frame_alloc(0, 0);
	struct iter it;
	ssize_t n;

	if (!page)
		return -ENOMEM;
	n = reserve(p);
	*full = n == -EAGAIN;
	if (!n) {
		iter_init_kernel(&it, page_address(page), min(len, (size_t)PAGE_SIZE));
		n = file_read(in, &it, pos);
		fill_reserved(p, page, n > 0 ? (size_t)n : 0);
	}
	if (n <= 0)
		page_put(page);
	return n;
}

static ssize_t from_file(struct file *in, off64_t *pos, struct file *out, size_t len, bool nowait)
{
	struct pipe *p = out->priv;
	bool full = false;
	size_t done = 0;
	ssize_t n;

	nowait |= LOAD(out->flags) & O_NONBLOCK;
	do {
		size_t want = min(len - done, (size_t)PAGE_SIZE);

		n = read_piece(p, in, pos, want, &full);
		if (full && !done) {
			n = wait_room(p, nowait);
			if (n)
				break;
			continue;
		}
		if (n > 0)
			done += (size_t)n;
		if (n < (ssize_t)want)
			break;
	} while (done < len);
	return done ? (ssize_t)done : n;
}

/* --- into a file -------------------------------------------------------------------------- */

/* Take up to len bytes of the first piece out; its slot stays reserved. False: empty. */
static bool take_piece(struct pipe *p, struct piece *out)
{
	bool have;

	mutex_lock(&p->lock);
	have = !pipe_empty(p);
	if (have) {
		*out = *piece_at(p, p->tail);
		__atomic_store_n(&p->reserved, p->reserved + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&p->tail, p->tail + 1, __ATOMIC_RELEASE);
	}
	mutex_unlock(&p->lock);
	return have;
}

/* The slot is free again, or holds what is left of the piece. */
static void return_piece(struct pipe *p, const struct piece *rest)
{
	mutex_lock(&p->lock);
	__atomic_store_n(&p->reserved, p->reserved - 1, __ATOMIC_RELEASE);
	if (rest->len) {
		*piece_at(p, p->tail - 1) = *rest;
		__atomic_store_n(&p->tail, p->tail - 1, __ATOMIC_RELEASE);
	}
	mutex_unlock(&p->lock);
	if (rest->len) {
		wake_readers(p);
	} else {
		page_put(rest->page);
		wake_writers(p);
	}
}

/* Up to len bytes of a piece that was taken out, which goes back. *whole: the file took them all.
 */
static ssize_t write_piece(struct pipe *p, struct piece *piece, struct file *out, off64_t *pos,
			   size_t len, bool *whole)
{
	size_t want = min(len, (size_t)piece->len);
	struct iter it;
	ssize_t n;

	iter_init_kernel(&it, (char *)page_address(piece->page) + piece->offset, want);
	n = file_write(out, &it, pos);
	*whole = n == (ssize_t)want;
	if (n > 0) {
		piece->offset += (uint32_t)n;
		piece->len -= (uint32_t)n;
	}
	return_piece(p, piece);
	return n;
}

/* Nothing is there, and nothing will come. Whoever writes last leaves afterwards. */
static bool ended(struct pipe *p)
{
	return !LOAD(p->writers) && pipe_empty(p);
}

static ssize_t into_file(struct file *in, struct file *out, off64_t *pos, size_t len, bool nowait)
{
	struct pipe *p = in->priv;
	struct piece piece;
	bool whole = true;
	size_t done = 0;
	ssize_t n = 0;

	nowait |= LOAD(in->flags) & O_NONBLOCK;
	if (mutex_lock_interruptible(&p->splice_lock))
		return -EINTR;
	while (done < len && n >= 0 && whole) {
		if (take_piece(p, &piece)) {
			n = write_piece(p, &piece, out, pos, len - done, &whole);
			done += n > 0 ? (size_t)n : 0;
		} else if (done || ended(p)) {
			break;
		} else {
			/* A reader may be quicker than we are when data comes: look again. */
			n = wait_data(p, nowait);
		}
	}
	mutex_unlock(&p->splice_lock);
	return done ? (ssize_t)done : n;
}

/* --- from pipe to pipe -------------------------------------------------------------------- */

static void lock_both(struct pipe *a, struct pipe *b)
{
	bool a_first = (uintptr_t)a < (uintptr_t)b;

	mutex_lock(a_first ? &a->lock : &b->lock);
	mutex_lock(a_first ? &b->lock : &a->lock);
}

static void unlock_both(struct pipe *a, struct pipe *b)
{
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

/* n bytes of `from`, which keeps its page, at the end of b. Locks held; b has a slot. */
static void share_piece(const struct piece *from, struct pipe *b, size_t n)
{
	struct piece *to = piece_at(b, b->head);

	*to = *from;
	to->len = (uint32_t)n;
	page_get(to->page);
	__atomic_store_n(&b->head, b->head + 1, __ATOMIC_RELEASE);
}

static size_t move_locked(struct pipe *a, struct pipe *b, size_t len)
{
	size_t done = 0;

	while (done < len && !pipe_empty(a) && !pipe_full(b)) {
		struct piece *from = piece_at(a, a->tail);
		size_t n = min(len - done, (size_t)from->len);

		share_piece(from, b, n);
		from->offset += (uint32_t)n;
		from->len -= (uint32_t)n;
		if (!from->len)
			pipe_piece_drop(a);
		done += n;
	}
	return done;
}

static size_t tee_locked(struct pipe *a, struct pipe *b, size_t len)
{
	size_t done = 0;

	for (uint32_t i = a->tail; done < len && i != a->head && !pipe_full(b); i++) {
		size_t n = min(len - done, (size_t)piece_at(a, i)->len);

		share_piece(piece_at(a, i), b, n);
		done += n;
	}
	return done;
}

static ssize_t between(struct file *in, struct file *out, size_t len, bool nowait,
		       size_t (*transfer)(struct pipe *a, struct pipe *b, size_t len))
{
	struct pipe *a = in->priv, *b = out->priv;
	size_t done = 0;
	ssize_t r;

	if (a == b)
		return -EINVAL;
	nowait |= nonblocking(in, out);
	do {
		r = wait_data(a, nowait);
		if (!r)
			r = wait_room(b, nowait);
		if (r)
			return r;
		lock_both(a, b);
		if (!b->readers)
			r = -EPIPE;
		else
			done = transfer(a, b, len);
		/* Another reader or writer may have been faster: wait again. */
		if (!r && !done && (!pipe_empty(a) || a->writers))
			r = -EAGAIN;
		unlock_both(a, b);
	} while (r == -EAGAIN);
	if (done) {
		wake_readers(b);
		wake_writers(a);
	}
	return r ? r : (ssize_t)done;
}

/* --- operations --------------------------------------------------------------------------- */

ssize_t pipe_splice(struct file *in, off64_t *in_pos, struct file *out, off64_t *out_pos,
		    size_t len, bool nowait)
{
	if (file_is_pipe(in) && file_is_pipe(out))
		return between(in, out, len, nowait, move_locked);
	if (file_is_pipe(in))
		return into_file(in, out, out_pos, len, nowait);
	return from_file(in, in_pos, out, len, nowait);
}

ssize_t pipe_tee(struct file *in, struct file *out, size_t len, bool nowait)
{
	if (!file_is_pipe(in) || !file_is_pipe(out))
		return -EINVAL;
	return between(in, out, len, nowait, tee_locked);
}

ssize_t pipe_write_some(struct file *f, struct iter *it, bool nowait)
{
	struct pipe *p = f->priv;
	ssize_t n;

	nowait |= LOAD(f->flags) & O_NONBLOCK;
	it->flags |= ITER_NOWAIT;
	while ((n = file_write(f, it, NULL)) == -EAGAIN && !nowait) {
		n = wait_room(p, false);
		if (n)
			break;
	}
	return n;
}
