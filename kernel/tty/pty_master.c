/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The master of a pseudo-terminal: the file that /dev/ptmx opens. It reads what the slave's
 * programs write and what is echoed, and writes what they read, as hands on a keyboard would.
 *
 * Reading takes from the slave's output ring under output_lock, a piece at a time, and copies
 * without it. In packet mode a read gives either one byte of status, or a zero and data. When the
 * slave has been closed, and everything is read, -EIO.
 *
 * Writing pushes into the discipline under both locks. What finds no room goes to the backlog;
 * while something is there all goes there, so that the order stays. The backlog is emptied by
 * whoever makes room, under the same locks.
 */
#include "pty.h"
#include <asm/ioctls.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <mem/slab.h>
#include <proc/signal.h>
#include <vfs/chardev.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/mount.h>
#include <vfs/poll.h>
#include <vfs/super.h>

#define CHUNK	     256 /* bytes on the stack on their way to or from the program */
#define BACKLOG_MASK (PTY_BACKLOG - 1)

static bool is_nonblocking(const struct file *f)
{
	return READ_ONCE(f->flags) & O_NONBLOCK;
}

/* --- reading ------------------------------------------------------------------------------ */

/* Bytes that the master can have now. */
size_t pty_output_available(struct pty *p)
{
	struct tty *tty = p->tty;
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	uint32_t end = tty->stopped ? tty->stopped_at : tty->out_head;
	size_t n = end - tty->out_tail + (tty->urgent ? 1 : 0);

	spin_unlock_irq(&tty->output_lock, flags);
	return n;
}

static bool has_status(const struct pty *p)
{
	return READ_ONCE(p->packet) && READ_ONCE(p->status);
}

static bool readable(struct pty *p)
{
	return has_status(p) || pty_output_available(p) ||
	       __atomic_load_n(&p->slave_closed, __ATOMIC_ACQUIRE);
}

/* Up to n bytes into buf; in packet mode with the byte in front, if `first`. */
static size_t take(struct pty *p, uint8_t *buf, size_t n, bool first, bool *status)
{
	struct tty *tty = p->tty;
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	size_t done = 0, got;

	*status = first && p->packet && p->status;
	if (*status) {
		buf[done++] = p->status;
		WRITE_ONCE(p->status, 0);
	} else {
		size_t front = first && p->packet, end;

		end = tty->stopped ? tty->stopped_at : tty->out_head;
		got = tty_tx_peek(tty, buf + front, n - front);
		tty_tx_done(tty, got);
		/* A read of one byte learns that there is data, and leaves it. */
		if (front && (got || (n == 1 && end != tty->out_tail)))
			buf[done++] = TIOCPKT_DATA;
		done += got;
	}
	spin_unlock_irq(&tty->output_lock, flags);
	return done;
}

static ssize_t take_all(struct pty *p, struct iter *it)
{
	uint8_t chunk[CHUNK];
	ssize_t done = 0;
	bool status = false;
	size_t n, copied;

	while (iter_left(it) && !status) {
		n = take(p, chunk, min(iter_left(it), sizeof(chunk)), !done, &status);
		if (!n)
			break;
		copied = iter_copy_to(it, chunk, n);
		done += (ssize_t)copied;
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

static ssize_t master_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct pty *p = f->priv;
	ssize_t n;

	if (!iter_left(it))
		return 0;
	for (;;) {
		bool closed = __atomic_load_n(&p->slave_closed, __ATOMIC_ACQUIRE);

		n = take_all(p, it);
		if (n)
			return n;
		/* What it wrote before it closed has been seen by now. */
		if (closed)
			return -EIO;
		if (is_nonblocking(f))
			return -EAGAIN;
		if (WAIT_UNTIL(&p->master_wait, readable(p), NEVER, WAIT_INTERRUPTIBLE))
			return -ERESTARTSYS;
	}
}

/* --- writing ------------------------------------------------------------------------------ */

static uint32_t backlog_used(const struct pty *p)
{
	return p->backlog_head - p->backlog_tail;
}

/* Both locks held. */
static size_t add_to_backlog(struct pty *p, const uint8_t *bytes, size_t n)
{
	size_t done = 0;

	if (!p->backlog)
		return 0;
	while (done < n && backlog_used(p) < PTY_BACKLOG)
		p->backlog[p->backlog_head++ & BACKLOG_MASK] = bytes[done++];
	return done;
}

/* Both locks held. */
static void feed_locked(struct pty *p, struct ldisc_events *ev)
{
	while (backlog_used(p)) {
		uint32_t at = p->backlog_tail & BACKLOG_MASK;
		size_t piece = min(backlog_used(p), PTY_BACKLOG - at), got;

		got = tty_input_locked(p->tty, p->backlog + at, piece, ev);
		p->backlog_tail += (uint32_t)got;
		if (got < piece)
			break;
	}
}

void pty_feed(struct tty *tty)
{
	struct pty *p = tty->port;
	struct ldisc_events ev = {0};
	uint64_t flags;

	flags = tty_lock_both(tty);
	feed_locked(p, &ev);
	tty_unlock_both(tty, flags);
	tty_input_events(tty, &ev);
	if (blocker_has_waiters(&p->master_wait))
		blocker_wake(&p->master_wait, ~0u, EPOLLOUT | EPOLLWRNORM);
}

static bool has_room(struct pty *p)
{
	uint64_t flags = tty_lock_both(p->tty);
	bool room = backlog_used(p) ? backlog_used(p) < PTY_BACKLOG
				    : p->backlog || ldisc_has_room(&p->tty->ldisc);

	tty_unlock_both(p->tty, flags);
	return room;
}

/* As many as find room somewhere. */
static size_t type_some(struct pty *p, const uint8_t *bytes, size_t n)
{
	struct ldisc_events ev = {0};
	uint64_t flags = tty_lock_both(p->tty);
	size_t done = 0;

	feed_locked(p, &ev);
	if (!backlog_used(p))
		done = tty_input_locked(p->tty, bytes, n, &ev);
	done += add_to_backlog(p, bytes + done, n - done);
	tty_unlock_both(p->tty, flags);
	tty_input_events(p->tty, &ev);
	return done;
}

/* There is no backlog yet, and it is wanted. Without memory the discipline's own room must do. */
static void make_backlog(struct pty *p)
{
	uint8_t *fresh = READ_ONCE(p->backlog) ? NULL : kmalloc(PTY_BACKLOG);
	uint64_t flags;

	if (!fresh)
		return;
	flags = tty_lock_both(p->tty);
	if (!p->backlog) {
		p->backlog = fresh;
		fresh = NULL;
	}
	tty_unlock_both(p->tty, flags);
	kfree(fresh);
}

/* All of a chunk, or as much as goes without waiting: bytes, or -errno if none. */
static ssize_t type_chunk(struct pty *p, const uint8_t *chunk, size_t n, bool nonblocking)
{
	size_t done = 0;

	for (;;) {
		done += type_some(p, chunk + done, n - done);
		if (done == n)
			return (ssize_t)n;
		if (!READ_ONCE(p->backlog)) {
			make_backlog(p);
			if (READ_ONCE(p->backlog))
				continue;
		}
		if (nonblocking)
			return done ? (ssize_t)done : -EAGAIN;
		if (WAIT_UNTIL(&p->master_wait, has_room(p), NEVER, WAIT_INTERRUPTIBLE))
			return done ? (ssize_t)done : -ERESTARTSYS;
	}
}

static ssize_t master_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct pty *p = f->priv;
	uint8_t chunk[CHUNK];
	ssize_t done = 0, r;

	while (iter_left(it)) {
		size_t n = iter_copy_from(it, chunk, min(iter_left(it), sizeof(chunk)));

		if (!n)
			return done ? done : -EFAULT;
		r = type_chunk(p, chunk, n, is_nonblocking(f));
		if (r < 0)
			return done ? done : r;
		done += r;
		if ((size_t)r < n)
			break;
	}
	return done;
}

/* --- the rest of the file ----------------------------------------------------------------- */

static unsigned master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->priv;
	unsigned events = 0;

	poll_wait(pt, &p->master_wait);
	if (has_status(p))
		events |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
	if (pty_output_available(p))
		events |= EPOLLIN | EPOLLRDNORM;
	if (__atomic_load_n(&p->slave_closed, __ATOMIC_ACQUIRE))
		events |= EPOLLHUP;
	if (has_room(p))
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static int64_t master_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct pty *p = f->priv;

	return tty_decode_ioctl(p->tty, f, cmd, arg);
}

static void master_release(struct file *f)
{
	pty_close_master(f->priv);
}

static int master_open(struct inode *inode, struct file *f)
{
	struct pty *p;
	int r = pty_create(&p);

	if (!r)
		f->priv = p;
	return r;
}

static const struct file_ops master_ops = {
	.flags = FILE_OPS_STREAM,
	.open = master_open,
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
};

struct pty *pty_of_master(const struct file *f)
{
	return f->ops == &master_ops ? f->priv : NULL;
}

int pty_master_init(void)
{
	return chardev_register("ptmx", DEV_MAKE(5, 2), 0666, &master_ops, NULL);
}

/* --- ioctls ------------------------------------------------------------------------------- */

void pty_set_packet(struct pty *p, bool on)
{
	uint64_t flags = spin_lock_irq(&p->tty->output_lock);

	if (on && !p->packet)
		WRITE_ONCE(p->status, 0);
	WRITE_ONCE(p->packet, on);
	spin_unlock_irq(&p->tty->output_lock, flags);
}

void pty_flush(struct pty *p, bool input, bool output)
{
	struct tty *tty = p->tty;
	uint64_t flags = tty_lock_both(tty);

	if (input)
		tty_tx_done(tty, tty->out_head - tty->out_tail);
	if (output)
		p->backlog_tail = p->backlog_head;
	tty_unlock_both(tty, flags);
	if (output)
		pty_feed(tty);
}

/* The root of devpts, as the master was opened: there, or beside it as `pts`. */
static int find_devpts(struct file *master, struct path *out)
{
	struct mount *m = master->path.mount;
	struct path beside;
	int r = 0;

	if (m->super->magic == DEVPTS_SUPER_MAGIC) {
		*out = (struct path){mount_get(m), dentry_get(m->super->root)};
		return 0;
	}
	beside = (struct path){m, dentry_parent(master->path.dentry)};
	r = path_walk_as(&beside, "pts", WALK_DIRECTORY | WALK_NO_LINKS, &cred_root, out);
	dentry_put(beside.dentry);
	if (r)
		return r;
	if (out->mount->super->magic == DEVPTS_SUPER_MAGIC &&
	    out->dentry == out->mount->super->root)
		return 0;
	path_put(*out);
	return -ENODEV;
}

/*
 * Not by its name: the caller's /dev/pts may be anybody's directory (chroot), and who holds the
 * master needs no permission for the slave.
 */
int pty_open_slave(struct file *master, unsigned flags, struct file **out)
{
	struct pty *p = pty_of_master(master);
	struct path root;
	char name[16];
	int r = find_devpts(master, &root);

	if (r)
		return r;
	flags &= ~(unsigned)(O_CREAT | O_EXCL | O_TRUNC | O_TMPFILE);
	format(name, sizeof(name), "%u", p->index);
	r = file_open_in(root, name, flags, WALK_NO_LINKS | WALK_NO_MOUNTS, out);
	path_put(root);
	return r;
}
