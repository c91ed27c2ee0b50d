/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes and FIFOs: a ring of pages between readers and writers.
 *
 * A slot holds a piece of one page. Writers append to the last piece while its page has room, so
 * that small writes do not use up slots; readers take from the oldest. head and tail run freely
 * and are masked into the ring.
 *
 * A pipe hangs on an inode (inode->pipe) while descriptions of it exist: pipe_attach makes it
 * with the first, pipe_detach frees it with the last. For a FIFO, opening waits for the other
 * side; the counts of opens (not of open descriptions) tell a waiting opener that the other side
 * came, even if it left again at once.
 *
 * Locks: pipe->lock (PIPE) covers everything in the pipe and is held over copies to and from
 * the program; faults take only locks inside it. Nobody sleeps for data or room with it held.
 * inode->lock, outside of it, covers inode->pipe and pipe->files.
 *
 * After each wake-up the state is examined again under the lock. That is what keeps two readers
 * of one O_NONBLOCK pipe from blocking: the loser finds it empty and gets -EAGAIN.
 * Writes of up to PIPE_BUF bytes go in as a whole or wait.
 *
 * Rejected: a ring of bytes. It has no slots to pass pages through, which splice will want.
 */
#include "pipe_internal.h"

#include "anon.h"
#include "inode.h"
#include "poll.h"
#include <arch/page.h>
#include <asm/ioctls.h>
#include <base/cred.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <vm/usercopy.h>

#define SLOTS_DEFAULT  16
#define SLOTS_MAX_USER 256 /* 1 MiB, as /proc/sys/fs/pipe-max-size says on Linux */
#define SLOTS_MAX      (1 << 16)

/* --- life --------------------------------------------------------------------------------- */

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->slots = SLOTS_DEFAULT;
	p->ring = kcalloc(p->slots, sizeof(p->ring[0]));
	if (!p->ring) {
		kfree(p);
		return NULL;
	}
	mutex_init(&p->lock, LOCK_PIPE);
	mutex_init(&p->splice_lock, LOCK_SPLICE);
	blocker_init_class(&p->read_wait, LOCK_BLOCKER_OUTER);
	blocker_init_class(&p->write_wait, LOCK_BLOCKER_OUTER);
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_put(piece_at(p, p->tail)->page);
	if (p->spare)
		page_put(p->spare);
	kfree(p->ring);
	kfree_deferred(p, epoch);
}

/* One more description of the inode's pipe. NULL: no memory. */
static struct pipe *pipe_attach(struct inode *inode)
{
	rwlock_write_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_alloc();
	if (inode->pipe)
		inode->pipe->files++;
	rwlock_write_unlock(&inode->lock);
	return inode->pipe;
}

static void pipe_detach(struct inode *inode)
{
	struct pipe *p = inode->pipe;

	rwlock_write_lock(&inode->lock);
	if (--p->files == 0)
		inode->pipe = NULL;
	else
		p = NULL;
	rwlock_write_unlock(&inode->lock);
	if (p)
		pipe_free(p);
}

static void count_open(struct pipe *p, unsigned mode)
{
	if (mode & FILE_READ) {
		p->reader_opens++;
		p->readers++;
	}
	if (mode & FILE_WRITE) {
		p->writer_opens++;
		p->writers++;
	}
}

static void count_close(struct pipe *p, unsigned mode)
{
	mutex_lock(&p->lock);
	if (mode & FILE_READ)
		p->readers--;
	if (mode & FILE_WRITE)
		p->writers--;
	mutex_unlock(&p->lock);
	/* The other side may now be at its end; hang-up counts for both kinds of poll. */
	blocker_wake(&p->read_wait, ~0U, 0);
	blocker_wake(&p->write_wait, ~0U, 0);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->priv;

	count_close(p, f->mode);
	pipe_detach(f->inode);
}

static bool pipe_nonblocking(const struct file *f, const struct iter *it)
{
	return LOAD(f->flags) & O_NONBLOCK || it->flags & ITER_NOWAIT;
}

/* --- reading ------------------------------------------------------------------------------ */

/* The piece is used up. */
void pipe_piece_drop(struct pipe *p)
{
	struct page *page = piece_at(p, p->tail)->page;

	if (!p->spare && page->refs == 1)
		p->spare = page;
	else
		page_put(page);
	__atomic_store_n(&p->tail, p->tail + 1, __ATOMIC_RELEASE);
}

/* What is there, up to what is wanted. *fault: the program's memory ended it. */
static size_t take(struct pipe *p, struct iter *it, bool *fault)
{
	size_t done = 0;

	while (!pipe_empty(p) && iter_left(it) && !*fault) {
		struct piece *b = piece_at(p, p->tail);
		size_t n = min((size_t)b->len, iter_left(it));
		size_t copied = iter_copy_to(it, (char *)page_address(b->page) + b->offset, n);

		*fault = copied < n;
		done += copied;
		b->offset += (uint32_t)copied;
		b->len -= (uint32_t)copied;
		if (b->len == 0)
			pipe_piece_drop(p);
	}
	return done;
}

static ssize_t pipe_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct pipe *p = f->priv;
	bool fault = false;
	ssize_t r = 0;
	size_t done;

	if (!iter_left(it))
		return 0;
	for (;;) {
		mutex_lock(&p->lock);
		done = take(p, it, &fault);
		if (!done && !fault && p->writers) /* else the end: 0 */
			r = pipe_nonblocking(f, it) ? -EAGAIN : -EINTR;
		else
			r = done ? (ssize_t)done : fault ? -EFAULT : 0;
		mutex_unlock(&p->lock);
		if (r != -EINTR)
			break;
		if (WAIT_UNTIL(&p->read_wait, !pipe_empty(p) || !LOAD(p->writers), NEVER,
			       WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
	if (done) {
		wake_writers(p);
		inode_accessed(f->inode);
	}
	return r;
}

/* --- writing ------------------------------------------------------------------------------ */

/* How many bytes the last piece's page still takes. */
static size_t tail_room(struct pipe *p)
{
	struct piece *last = piece_at(p, p->head - 1);

	/* A page that others hold (spliced) must not change. */
	if (pipe_empty(p) || last->page->refs != 1)
		return 0;
	return PAGE_SIZE - last->offset - last->len;
}

static struct page *page_for_piece(struct pipe *p)
{
	struct page *page = p->spare;

	p->spare = NULL;
	return page ? page : frame_alloc(0, 0);
}

static ssize_t append(struct pipe *p, struct iter *it)
{
	struct piece *last = piece_at(p, p->head - 1);
	size_t n = min(tail_room(p), iter_left(it));
	size_t copied =
		iter_copy_from(it, (char *)page_address(last->page) + last->offset + last->len, n);

	last->len += (uint32_t)copied;
	return copied < n && !copied ? -EFAULT : (ssize_t)copied;
}

static ssize_t fill_slot(struct pipe *p, struct iter *it)
{
	struct page *page = page_for_piece(p);
	size_t n = min((size_t)PAGE_SIZE, iter_left(it)), copied;

	if (!page)
		return -ENOMEM;
	copied = iter_copy_from(it, page_address(page), n);
	if (!copied) {
		p->spare = page;
		return -EFAULT;
	}
	*piece_at(p, p->head) = (struct piece){.page = page, .len = (uint32_t)copied};
	__atomic_store_n(&p->head, p->head + 1, __ATOMIC_RELEASE);
	return (ssize_t)copied;
}

/*
 * Put in what fits: bytes, -EAGAIN when nothing does, -EFAULT, -ENOMEM. whole: all or nothing
 * (a fault half way is the program's own doing).
 */
static ssize_t put(struct pipe *p, struct iter *it, bool whole)
{
	ssize_t done = 0, n = 1;

	if (whole && pipe_full(p) && tail_room(p) < iter_left(it))
		return -EAGAIN;
	/* A whole write that fits neither the page nor would be split goes to a fresh page. */
	if (tail_room(p) && (!whole || tail_room(p) >= iter_left(it))) {
		n = append(p, it);
		if (n > 0)
			done = n;
	}
	while (n > 0 && iter_left(it) && !pipe_full(p)) {
		n = fill_slot(p, it);
		if (n > 0)
			done += n;
	}
	if (done)
		return done;
	return n < 0 ? n : -EAGAIN;
}

static ssize_t put_once(struct pipe *p, struct iter *it, bool whole)
{
	ssize_t n;

	mutex_lock(&p->lock);
	n = p->readers ? put(p, it, whole) : -EPIPE;
	mutex_unlock(&p->lock);
	if (n > 0)
		wake_readers(p);
	return n;
}

/* With a free slot every write makes progress, a whole one too: it fits into a page. */
static bool may_progress(struct pipe *p)
{
	return !pipe_full(p) || !LOAD(p->readers);
}

static ssize_t pipe_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct pipe *p = f->priv;
	bool whole = iter_left(it) <= PIPE_BUF;
	ssize_t done = 0, n = 0;

	while (iter_left(it)) {
		n = put_once(p, it, whole);
		if (n > 0) {
			done += n;
			whole = false; /* only a fault splits it: the rest has no claim */
			continue;
		}
		if (n != -EAGAIN || pipe_nonblocking(f, it))
			break;
		if (WAIT_UNTIL(&p->write_wait, may_progress(p), NEVER, WAIT_INTERRUPTIBLE)) {
			n = -EINTR;
			break;
		}
	}
	if (done)
		inode_touch(f->inode, TOUCH_MTIME | TOUCH_CTIME);
	return done ? done : n;
}

/* --- poll, ioctl, size -------------------------------------------------------------------- */

static unsigned pipe_events(struct file *f)
{
	struct pipe *p = f->priv;
	unsigned events = 0;

	if (f->mode & FILE_READ) {
		if (!pipe_empty(p))
			events |= EPOLLIN | EPOLLRDNORM;
		/* A FIFO opened without waiting has no hang-up before its first writer. */
		if (!LOAD(p->writers) && f->pos != (off64_t)LOAD(p->writer_opens))
			events |= EPOLLHUP;
	}
	if (f->mode & FILE_WRITE) {
		if (!pipe_full(p))
			events |= EPOLLOUT | EPOLLWRNORM;
		if (!LOAD(p->readers))
			events |= EPOLLERR;
	}
	return events;
}

static unsigned pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->priv;

	if (pt && f->mode & FILE_READ)
		poll_wait(pt, &p->read_wait);
	if (pt && f->mode & FILE_WRITE)
		poll_wait(pt, &p->write_wait);
	return pipe_events(f);
}

static int64_t pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pipe *p = f->priv;
	uint32_t bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (uint32_t i = p->tail; i != p->head; i++)
		bytes += piece_at(p, i)->len;
	mutex_unlock(&p->lock);
	return put_user(arg, bytes);
}

static const struct file_ops pipe_file_ops = {
	.flags = FILE_OPS_STREAM,
	.release = pipe_release,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
};

bool file_is_pipe(const struct file *f)
{
	return f->ops == &pipe_file_ops;
}

ssize_t pipe_get_size(struct file *f)
{
	struct pipe *p = f->priv;

	return file_is_pipe(f) ? (ssize_t)(LOAD(p->slots) * PAGE_SIZE) : -EBADF;
}

static int resize(struct pipe *p, uint32_t slots)
{
	uint32_t used = p->head - p->tail;
	struct piece *ring;

	if (used + p->reserved > slots)
		return -EBUSY;
	ring = kcalloc(slots, sizeof(ring[0]));
	if (!ring)
		return -ENOMEM;
	for (uint32_t i = 0; i < used; i++)
		ring[i] = *piece_at(p, p->tail + i);
	kfree(p->ring);
	p->ring = ring;
	p->slots = slots;
	p->tail = 0;
	p->head = used;
	return 0;
}

ssize_t pipe_set_size(struct file *f, size_t bytes)
{
	struct pipe *p = f->priv;
	uint32_t slots = 1;
	int r;

	if (!file_is_pipe(f))
		return -EBADF;
	if (bytes > SLOTS_MAX * PAGE_SIZE)
		return -EINVAL;
	while (slots * PAGE_SIZE < bytes)
		slots *= 2;
	if (slots > SLOTS_MAX_USER && slots > p->slots &&
	    !cred_capable(vfs_cred(), CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&p->lock);
	r = resize(p, slots);
	mutex_unlock(&p->lock);
	if (r)
		return r;
	wake_writers(p);
	return (ssize_t)(slots * PAGE_SIZE);
}

/* --- pipe(2) ------------------------------------------------------------------------------ */

static int open_end(struct inode *inode, struct pipe *p, unsigned flags, struct file **out)
{
	char name[32];
	int r;

	format(name, sizeof(name), "pipe:[%llu]", (unsigned long long)inode->ino);
	r = file_create_anon(inode_get(inode), name, flags, &pipe_file_ops, p, out);
	if (r)
		return r;
	pipe_attach(inode);
	mutex_lock(&p->lock);
	count_open(p, (*out)->mode);
	mutex_unlock(&p->lock);
	return 0;
}

int pipe_create(unsigned flags, struct file *ends[2])
{
	struct inode *inode = anon_inode_create(S_IFIFO | 0600);
	struct pipe *p;
	int r;

	if (!inode)
		return -ENOMEM;
	p = pipe_attach(inode); /* held while both ends are made */
	r = p ? open_end(inode, p, O_RDONLY | flags, &ends[0]) : -ENOMEM;
	if (!r) {
		/* Not a FIFO: a hang-up shows from the start. */
		p->unnamed = true;
		ends[0]->pos = -1;
		r = open_end(inode, p, O_WRONLY | flags, &ends[1]);
		if (r)
			file_put(ends[0]);
	}
	if (p)
		pipe_detach(inode);
	inode_put(inode);
	return r;
}

/* --- FIFOs -------------------------------------------------------------------------------- */

/* Wait until the other side has been opened since `seen`. */
static int wait_partner(struct pipe *p, const uint32_t *opens, uint32_t seen)
{
	return WAIT_UNTIL(&p->read_wait, LOAD(*opens) != seen, NEVER, WAIT_INTERRUPTIBLE) ? -EINTR
											  : 0;
}

static int fifo_join(struct file *f, struct pipe *p)
{
	bool nonblock = f->flags & O_NONBLOCK;
	uint32_t partner_opens, partners;
	bool reader = (f->mode & (FILE_READ | FILE_WRITE)) == FILE_READ;
	bool writer = (f->mode & (FILE_READ | FILE_WRITE)) == FILE_WRITE;
	int r = 0;

	mutex_lock(&p->lock);
	/* Through /proc/PID/fd, no end of a pipe waits for another: it was open once. */
	if (p->unnamed) {
		count_open(p, f->mode);
		f->pos = -1;
		mutex_unlock(&p->lock);
		return 0;
	}
	if (writer && nonblock && !p->readers) {
		mutex_unlock(&p->lock);
		return -ENXIO;
	}
	partners = reader ? p->writers : p->readers;
	partner_opens = reader ? p->writer_opens : p->reader_opens;
	count_open(p, f->mode);
	/* No hang-up is reported to this reader until a writer has come. */
	f->pos = reader && !partners ? (off64_t)p->writer_opens : -1;
	mutex_unlock(&p->lock);
	blocker_wake(&p->read_wait, ~0U, 0);
	if (partners || nonblock || (!reader && !writer))
		return 0;
	r = wait_partner(p, reader ? &p->writer_opens : &p->reader_opens, partner_opens);
	if (r)
		count_close(p, f->mode);
	else
		f->pos = -1;
	return r;
}

static int fifo_open(struct inode *inode, struct file *f)
{
	struct pipe *p = pipe_attach(inode);
	int r;

	if (!p)
		return -ENOMEM;
	f->priv = p;
	r = fifo_join(f, p);
	if (r) {
		pipe_detach(inode);
		return r;
	}
	f->ops = &pipe_file_ops;
	return 0;
}

const struct file_ops fifo_file_ops = {.flags = FILE_OPS_STREAM, .open = fifo_open};

int pipe_init(void)
{
	return anon_init();
}
