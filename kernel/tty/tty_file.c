/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals as files: open, read, write, poll.
 *
 * A read in canonical mode takes at most one line. In raw mode VMIN and VTIME decide:
 *
 *	VMIN > 0, VTIME = 0	wait for VMIN bytes (or as many as were asked for)
 *	VMIN > 0, VTIME > 0	the same, or until VTIME has passed since the last byte came
 *	VMIN = 0, VTIME > 0	wait for one byte, at most VTIME from the call on
 *	VMIN = 0, VTIME = 0	take what there is, which may be nothing
 *
 * Readers look at the state (read_state), and sleep until a wake-up or the deadline of that state,
 * then look again; only a look decides. The look and the taking are one step under read_lock, so
 * that two readers never share a line, and a reader with O_NONBLOCK never waits behind one that
 * sleeps: sleeping is done without that lock.
 *
 * After a hangup (tty->hangups differs from what the file saw at open) reads give the end of file,
 * everything else -EIO. Files opened as /dev/console survive: the console belongs to no session.
 */
#include "tty.h"
#include "tty_internal.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <proc/signal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <vfs/chardev.h>
#include <vfs/poll.h>

#define DECISECOND (100 * NSEC_PER_MSEC)
#define CHUNK	   256 /* bytes on the stack on their way to or from the program */

struct tty_file {
	struct tty *tty;
	uint32_t hangups; /* tty->hangups at open */
	bool console;	  /* opened as /dev/console: outlives hangups */
};

static int64_t (*decode_ioctl)(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg);

static bool hung_up(const struct tty_file *tf)
{
	return !tf->console && __atomic_load_n(&tf->tty->hangups, __ATOMIC_ACQUIRE) != tf->hangups;
}

static bool is_nonblocking(struct file *f)
{
	return READ_ONCE(f->flags) & O_NONBLOCK;
}

/* --- reading ------------------------------------------------------------------------------------
 */

enum read_state { READ_WAIT, READ_TAKE };

/* In raw mode: is the read of n bytes, begun at `start`, complete? If not, when at the latest? */
static enum read_state raw_state(struct tty *tty, size_t n, nsec_t start, nsec_t *deadline)
{
	const uint8_t *cc = tty->ldisc.settings.cc;
	size_t available = ldisc_available(&tty->ldisc);
	nsec_t time = cc[VTIME] * DECISECOND;

	if (cc[VMIN] == 0) {
		*deadline = start + time;
		return available || clock_mono_ns() >= *deadline ? READ_TAKE : READ_WAIT;
	}
	if (available >= min((size_t)cc[VMIN], n))
		return READ_TAKE;
	if (!time || !available)
		return READ_WAIT;
	*deadline = max(start, tty->last_input) + time;
	return clock_mono_ns() >= *deadline ? READ_TAKE : READ_WAIT;
}

static enum read_state read_state(struct tty *tty, size_t n, nsec_t start, nsec_t *deadline)
{
	uint64_t flags = spin_lock_irq(&tty->input_lock);
	enum read_state s;

	*deadline = NEVER;
	/* With EXTPROC there are no lines, but VMIN does not count either. */
	if (tty->ldisc.settings.lflag & ICANON)
		s = ldisc_readable(&tty->ldisc, 1) ? READ_TAKE : READ_WAIT;
	else
		s = raw_state(tty, n, start, deadline);
	spin_unlock_irq(&tty->input_lock, flags);
	return s;
}

/* Is there anything at all, complete or not? And is the answer to nothing "nothing"? */
static bool any_input(struct tty *tty, bool *nothing_is_an_answer)
{
	uint64_t flags = spin_lock_irq(&tty->input_lock);
	const struct tty_settings *s = &tty->ldisc.settings;
	bool any = ldisc_readable(&tty->ldisc, 1);

	*nothing_is_an_answer = !(s->lflag & ICANON) && !s->cc[VMIN] && !s->cc[VTIME];
	spin_unlock_irq(&tty->input_lock, flags);
	return any;
}

/* Take what a read gets: a line or the end of one, or all there is. read_lock held. */
static ssize_t take_input(struct tty *tty, struct iter *it)
{
	uint8_t chunk[CHUNK];
	ssize_t done = 0;
	bool line_end = false;

	while (iter_left(it) && !line_end) {
		uint64_t flags = tty_lock_both(tty);
		size_t n = ldisc_read(&tty->ldisc, chunk, min(iter_left(it), sizeof(chunk)),
				      &line_end);
		size_t copied;

		tty_unlock_both(tty, flags);
		if (!n)
			break;
		copied = iter_copy_to(it, chunk, n);
		done += copied;
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

/* Sleep until the state may have changed: 0, -ETIMEDOUT, -EINTR. */
static int wait_input(struct tty_file *tf, size_t n, nsec_t start)
{
	struct blocker_node node;
	nsec_t deadline;
	int r = 0;

	blocker_node_init(&node);
	wait_begin(WAIT_INTERRUPTIBLE);
	blocker_add(&tf->tty->readers, &node);
	if (read_state(tf->tty, n, start, &deadline) == READ_WAIT && !hung_up(tf))
		r = wait_sleep(deadline);
	else
		wait_end();
	blocker_remove(&node);
	return r;
}

/* One look under the lock of the readers: -EAGAIN if the read is to go on waiting. */
static ssize_t try_read(struct tty_file *tf, struct iter *it, nsec_t start, bool incomplete)
{
	struct tty *tty = tf->tty;
	nsec_t deadline;
	bool nothing, taken = false;
	ssize_t r = -EAGAIN;

	if (mutex_lock_interruptible(&tty->read_lock))
		return -ERESTARTSYS;
	if (hung_up(tf))
		r = 0;
	else if (incomplete ? any_input(tty, &nothing) || nothing
			    : read_state(tty, iter_left(it), start, &deadline) == READ_TAKE) {
		r = take_input(tty, it);
		taken = true;
	}
	mutex_unlock(&tty->read_lock);
	/* An end of file, or a line for a bad address, has made room as well. */
	if (taken && tty->ops->input_room)
		tty->ops->input_room(tty);
	return r;
}

ssize_t tty_file_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct tty_file *tf = f->priv;
	nsec_t start = clock_mono_ns();
	ssize_t r;

	if (!iter_left(it))
		return 0;
	r = tty_check_read(tf->tty);
	if (r)
		return r;
	for (;;) {
		r = try_read(tf, it, start, is_nonblocking(f));
		if (r != -EAGAIN || is_nonblocking(f))
			return r;
		if (wait_input(tf, iter_left(it), start) == -EINTR) {
			/* Bytes that came while waiting for more are not held back. */
			r = try_read(tf, it, start, true);
			return r > 0 ? r : -ERESTARTSYS;
		}
	}
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* All of a chunk, or as much as goes without waiting. Returns bytes, or -errno if none. */
static ssize_t write_chunk(struct tty_file *tf, const uint8_t *chunk, size_t n, bool nonblocking)
{
	struct tty *tty = tf->tty;
	size_t done = 0;
	int r;

	for (;;) {
		if (hung_up(tf)) {
			r = -EIO;
			break;
		}
		done += tty_output(tty, chunk + done, n - done);
		if (done == n)
			return n;
		if (nonblocking) {
			r = -EAGAIN;
			break;
		}
		r = WAIT_UNTIL(&tty->writers, tty_output_room(tty) || hung_up(tf), NEVER,
			       WAIT_INTERRUPTIBLE);
		if (r) {
			r = -ERESTARTSYS;
			break;
		}
	}
	return done ? (ssize_t)done : r;
}

static ssize_t write_locked(struct tty_file *tf, struct iter *it, bool nonblocking)
{
	uint8_t chunk[CHUNK];
	ssize_t done = 0, r;

	while (iter_left(it)) {
		size_t n = iter_copy_from(it, chunk, min(iter_left(it), sizeof(chunk)));

		if (!n)
			return done ? done : -EFAULT;
		r = write_chunk(tf, chunk, n, nonblocking);
		if (r < 0)
			return done ? done : r;
		done += r;
		if ((size_t)r < n)
			break;
	}
	return done;
}

ssize_t tty_file_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	ssize_t r = tty_check_write(tty);

	if (r)
		return r;
	if (!mutex_trylock(&tty->write_lock)) {
		if (is_nonblocking(f))
			return -EAGAIN;
		if (mutex_lock_interruptible(&tty->write_lock))
			return -ERESTARTSYS;
	}
	r = hung_up(tf) ? -EIO : write_locked(tf, it, is_nonblocking(f));
	mutex_unlock(&tty->write_lock);
	return r;
}

/* --- poll ----------------------------------------------------------------------------------------
 */

unsigned tty_file_poll(struct file *f, struct poll_table *pt)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;
	const struct tty_settings *s = &tty->ldisc.settings;
	unsigned events = 0;
	uint64_t flags;

	poll_wait(pt, &tty->readers);
	poll_wait(pt, &tty->writers);
	if (hung_up(tf))
		return EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR;
	flags = spin_lock_irq(&tty->input_lock);
	if (ldisc_readable(&tty->ldisc, s->cc[VTIME] ? 1 : s->cc[VMIN]))
		events |= EPOLLIN | EPOLLRDNORM;
	spin_unlock_irq(&tty->input_lock, flags);
	if (tty_output_room(tty))
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

int64_t tty_file_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct tty_file *tf = f->priv;

	if (hung_up(tf))
		return -EIO;
	return tty_decode_ioctl(tf->tty, f, cmd, arg);
}

int64_t tty_decode_ioctl(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg)
{
	return decode_ioctl ? decode_ioctl(tty, f, cmd, arg) : -ENOTTY;
}

void tty_set_ioctl(int64_t (*decode)(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg))
{
	decode_ioctl = decode;
}

/* --- open and close ------------------------------------------------------------------------------
 */

static int open_tty(struct tty *tty, struct file *f, bool console)
{
	struct tty_file *tf = kmalloc(sizeof(*tf));
	bool first;
	int r = 0;

	if (!tf)
		return -ENOMEM;
	mutex_lock(&tty->lock);
	if (tty->ops->may_open)
		r = tty->ops->may_open(tty);
	if (!r && tty->exclusive && !console && !cred_superuser(f->cred))
		r = -EBUSY;
	if (!r && !tty->open_count)
		r = tty->ops->power(tty, true);
	if (r) {
		mutex_unlock(&tty->lock);
		kfree(tf);
		return r;
	}
	first = !tty->open_count++;
	tf->tty = tty;
	tf->console = console;
	tf->hangups = __atomic_load_n(&tty->hangups, __ATOMIC_ACQUIRE);
	mutex_unlock(&tty->lock);
	f->priv = tf;
	if (first && tty->ops->input_room)
		tty->ops->input_room(tty);
	return 0;
}

/* The session leader's first terminal becomes the session's. Who may not have it just opens it. */
int tty_open_file(struct tty *tty, struct file *f)
{
	int r = open_tty(tty, f, false);

	if (!r && !(f->flags & O_NOCTTY) && current()->process && !READ_ONCE(tty->session) &&
	    !session_tty())
		(void)tty_acquire(tty, f->mode & FILE_READ, false);
	return r;
}

static int open_line(struct inode *inode, struct file *f)
{
	return tty_open_file(f->priv, f);
}

/* A pseudo-terminal may have ended, and begun for others, since the session was asked. */
static int open_controlling(struct inode *inode, struct file *f)
{
	struct tty *tty = current()->process ? session_tty() : NULL;
	int r = tty ? open_tty(tty, f, false) : -ENXIO;

	if (!r && session_tty() != tty) {
		tty_release_file(f);
		r = -ENXIO;
	}
	return r;
}

static int open_console(struct inode *inode, struct file *f)
{
	struct tty *tty = tty_console();

	return tty ? open_tty(tty, f, true) : -ENXIO;
}

void tty_release_file(struct file *f)
{
	struct tty_file *tf = f->priv;
	struct tty *tty = tf->tty;

	mutex_lock(&tty->lock);
	if (--tty->open_count == 0) {
		/* What is still in the output ring goes out; only receiving ends. */
		tty->exclusive = false;
		tty->ops->power(tty, false);
	}
	mutex_unlock(&tty->lock);
	kfree(tf);
}

const struct file_ops tty_line_ops = TTY_FILE_OPS(open_line);
static const struct file_ops controlling_ops = TTY_FILE_OPS(open_controlling);
static const struct file_ops console_ops = TTY_FILE_OPS(open_console);

int tty_register_aliases(void)
{
	int r = chardev_register("tty", DEV_MAKE(5, 0), 0666, &controlling_ops, NULL);

	return r ? r : chardev_register("console", DEV_MAKE(5, 1), 0600, &console_ops, NULL);
}
