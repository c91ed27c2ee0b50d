/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo-terminals, within tty/ and for linux/tty_ioctl.c. The theory is in pty.c. */
#ifndef TTY_PTY_H
#define TTY_PTY_H

#include "tty.h"
#include <sched/blocker.h>

struct pty {
	struct tty *tty;	    /* [I] the slave: the terminal that programs see */
	uint32_t index;		    /* [I] */
	bool master_open;	    /* [tty->lock; a] */
	bool locked;		    /* [a] TIOCSPTLCK: the slave cannot be opened */
	bool slave_closed;	    /* [a] it was open, and is no more */
	bool packet;		    /* [output_lock; a] TIOCPKT */
	uint8_t status;		    /* [output_lock; a] TIOCPKT_* not yet read */
	struct blocker master_wait; /* BLOCKER_OUTER: readers and writers of the master */
	uint8_t *backlog;	    /* [input_lock] typed, and no room yet; NULL until needed */
	uint32_t backlog_head;	    /* [input_lock] counters without end */
	uint32_t backlog_tail;	    /* [input_lock] */
};

/* --- pty.c --- */
int pty_init(void);
/* A free pair, its master open. -ENOSPC, -ENOMEM. */
int pty_create(struct pty **out);
/* The master is closed: the slave hangs up. */
void pty_close_master(struct pty *p);
/* Give the discipline what waits for room. Context: process, no lock held. */
void pty_feed(struct tty *tty);

/* --- pty_master.c --- */
#define PTY_BACKLOG 16384u /* a power of two */
int pty_master_init(void);
/* The pair whose master f is, or NULL. */
struct pty *pty_of_master(const struct file *f);

/* What ioctls of a master ask for. */
void pty_set_packet(struct pty *p, bool on);
size_t pty_output_available(struct pty *p);
void pty_flush(struct pty *p, bool input, bool output); /* as the master sees them */
/* The slave of this master as a new file with these flags (TIOCGPTPEER). */
int pty_open_slave(struct file *master, unsigned flags, struct file **out);

#endif
