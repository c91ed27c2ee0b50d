/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo-terminals: a terminal whose port is a file, the master.
 *
 *	write(master) --> [backlog] --> line discipline --> read(slave)
 *	read(master)  <-- output ring <-------- echo, write(slave)
 *
 * The slave is a struct tty like any other, with the one line discipline; the master is no
 * terminal, it is what a serial port's interrupts are elsewhere (pty_master.c). What is typed when
 * the discipline is full waits in the backlog, so that nothing is lost and the master's writer can
 * be stopped; whoever makes room feeds it (ops->input_room).
 *
 * States of a pair:
 *	free		no bit in `taken`, no node in devpts
 *	open		pty_create, by opening /dev/ptmx. The slave is locked (TIOCSPTLCK), then not
 *	slave closed	its last file is closed: the master reads what is left, then -EIO, until
 *			the slave is opened again
 *	hung up		pty_close_master: no node, the slave's files are dead
 *	free again	when the master and the last file of the slave are closed
 *
 * A pair's memory is never given back but used again for the next one with that number, the lowest
 * free: sessions and sleepers may hold pointers to a terminal, and so always point to one. Files
 * know by tty->hangups that theirs has ended; an open that raced with the end of its pair finds
 * that the node has no links any more.
 *
 * Locks: pty_lock (PTY) for making and ending pairs. The rest is under the terminal's own locks:
 * see pty.h. taken_lock (VFS_MISC) covers the bitmap, which is changed with tty->lock held.
 */
#include "pty.h"
#include <asm/ioctls.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <linux/major.h>
#include <linux/stat.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <vfs/chardev.h>
#include <vfs/inode.h>
#include <vfs/pts.h>

#define PTY_MAX 4096

static struct mutex pty_lock = MUTEX_INIT(LOCK_PTY);
static struct spinlock taken_lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static DECLARE_BITMAP(taken, PTY_MAX); /* [taken_lock] */
static struct pty *ptys[PTY_MAX];      /* [pty_lock; a] made when first needed, never freed */

/* --- the slave's port --------------------------------------------------------------------- */

static void wake_master(struct pty *p, uintptr_t events)
{
	if (blocker_has_waiters(&p->master_wait))
		blocker_wake(&p->master_wait, ~0u, events);
}

static void slave_start_tx(struct tty *tty)
{
	wake_master(tty->port, EPOLLIN | EPOLLRDNORM);
}

static bool slave_tx_idle(struct tty *tty)
{
	return true;
}

static void slave_set_line(struct tty *tty, struct tty_settings *s)
{
	s->cflag = (s->cflag & ~(uint32_t)(CSIZE | PARENB)) | CS8 | CREAD;
}

static void give_back(uint32_t index)
{
	spin_lock(&taken_lock);
	bit_clear(taken, index);
	spin_unlock(&taken_lock);
}

/* tty->lock held. */
static int slave_power(struct tty *tty, bool on)
{
	struct pty *p = tty->port;

	__atomic_store_n(&p->slave_closed, !on, __ATOMIC_RELEASE);
	wake_master(p, 0);
	if (!on && !p->master_open)
		give_back(p->index);
	return 0;
}

static int slave_may_open(struct tty *tty)
{
	struct pty *p = tty->port;

	return p->master_open && !__atomic_load_n(&p->locked, __ATOMIC_ACQUIRE) ? 0 : -EIO;
}

static void slave_set_break(struct tty *tty, bool on)
{
}

static unsigned slave_get_modem(struct tty *tty)
{
	return 0;
}

static void slave_set_modem(struct tty *tty, unsigned on, unsigned off)
{
}

/* Bits that say the opposite of one another. */
static uint8_t opposite(unsigned bits)
{
	return (uint8_t)((bits & TIOCPKT_STOP ? TIOCPKT_START : 0) |
			 (bits & TIOCPKT_START ? TIOCPKT_STOP : 0) |
			 (bits & TIOCPKT_DOSTOP ? TIOCPKT_NOSTOP : 0) |
			 (bits & TIOCPKT_NOSTOP ? TIOCPKT_DOSTOP : 0));
}

static void slave_event(struct tty *tty, unsigned bits)
{
	struct pty *p = tty->port;

	if (!p->packet)
		return;
	WRITE_ONCE(p->status, (uint8_t)((p->status & ~opposite(bits)) | bits));
	wake_master(p, EPOLLIN | EPOLLRDNORM | EPOLLPRI);
}

static const struct tty_port_ops slave_port = {
	.flags = TTY_PORT_PTY,
	.may_open = slave_may_open,
	.input_room = pty_feed,
	.event = slave_event,
	.start_tx = slave_start_tx,
	.tx_idle = slave_tx_idle,
	.set_line = slave_set_line,
	.power = slave_power,
	.set_break = slave_set_break,
	.get_modem = slave_get_modem,
	.set_modem = slave_set_modem,
};

/* --- files of the slave ------------------------------------------------------------------- */

static int open_slave(struct inode *inode, struct file *f)
{
	uint32_t index = DEV_MINOR(inode->rdev);
	struct pty *p = index < PTY_MAX ? __atomic_load_n(&ptys[index], __ATOMIC_ACQUIRE) : NULL;
	int r = p ? tty_open_file(p->tty, f) : -EIO;

	/* Without links it is the node of an earlier terminal with this number. */
	if (!r && !READ_ONCE(inode->nlink)) {
		tty_release_file(f);
		r = -EIO;
	}
	return r;
}

static const struct file_ops slave_file_ops = TTY_FILE_OPS(open_slave);

/* --- life of a pair ----------------------------------------------------------------------- */

static uint32_t encoded_number(uint32_t index)
{
	return (index & 0xff) | UNIX98_PTY_SLAVE_MAJOR << 8 | (index & ~0xffu) << 12;
}

/* pty_lock held. */
static struct pty *pty_make(uint32_t index)
{
	struct pty *p = kzalloc(sizeof(*p));

	if (!p || tty_create("pts", &slave_port, p, &p->tty)) {
		kfree(p);
		return NULL;
	}
	p->index = index;
	p->tty->number = encoded_number(index);
	blocker_init_class(&p->master_wait, LOCK_BLOCKER_OUTER);
	__atomic_store_n(&ptys[index], p, __ATOMIC_RELEASE);
	return p;
}

/* Nobody has it open; its master is about to be. */
static void pty_begin(struct pty *p)
{
	struct tty_settings settings = ldisc_default_settings;
	uint64_t flags;

	settings.iflag = ICRNL | IXON;
	settings.cflag = B38400 | CS8 | CREAD;
	settings.ispeed = settings.ospeed = 38400;
	tty_reset(p->tty, &settings);
	flags = tty_lock_both(p->tty);
	p->backlog_head = p->backlog_tail = 0;
	p->packet = false;
	p->status = 0;
	tty_unlock_both(p->tty, flags);
	__atomic_store_n(&p->slave_closed, false, __ATOMIC_RELEASE);
	__atomic_store_n(&p->locked, true, __ATOMIC_RELEASE);
	mutex_lock(&p->tty->lock);
	p->master_open = true;
	mutex_unlock(&p->tty->lock);
}

static int take_number(uint32_t *index)
{
	size_t n;

	spin_lock(&taken_lock);
	n = bitmap_find_zero(taken, PTY_MAX, 0);
	if (n < PTY_MAX)
		bit_set(taken, n);
	spin_unlock(&taken_lock);
	*index = (uint32_t)n;
	return n < PTY_MAX ? 0 : -ENOSPC;
}

int pty_create(struct pty **out)
{
	uint32_t index;
	struct pty *p;
	int r = take_number(&index);

	if (r)
		return r;
	mutex_lock(&pty_lock);
	p = ptys[index] ? ptys[index] : pty_make(index);
	r = p ? pts_add(index, DEV_MAKE(UNIX98_PTY_SLAVE_MAJOR, index)) : -ENOMEM;
	if (r)
		give_back(index);
	else
		pty_begin(p);
	mutex_unlock(&pty_lock);
	*out = p;
	return r;
}

void pty_close_master(struct pty *p)
{
	uint8_t *backlog;
	uint64_t flags;
	bool unused;

	/* No open can begin any more; those that have find the file dead. */
	mutex_lock(&pty_lock);
	pts_remove(p->index);
	mutex_lock(&p->tty->lock);
	p->master_open = false;
	/* Else the slave's last close gives the number back; it may do so at once. */
	unused = !p->tty->open_count;
	mutex_unlock(&p->tty->lock);
	tty_hangup(p->tty);
	flags = tty_lock_both(p->tty);
	backlog = p->backlog;
	p->backlog = NULL;
	p->backlog_head = p->backlog_tail = 0;
	tty_unlock_both(p->tty, flags);
	kfree(backlog);
	if (unused)
		give_back(p->index);
	/* Whoever has got the number meanwhile waits for this lock. */
	mutex_unlock(&pty_lock);
}

int pty_init(void)
{
	int r = chardev_register_range(DEV_MAKE(UNIX98_PTY_SLAVE_MAJOR, 0), PTY_MAX,
				       &slave_file_ops);

	return r ? r : pty_master_init();
}
