/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals. A terminal joins a port (hardware, or the other end of a pseudo-terminal), the line
 * discipline, and the files that programs have open on it. Signatures are native: the Linux
 * ioctl numbers and structures are decoded in linux/tty_ioctl.c.
 */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "ldisc.h"
#include <base/spinlock.h>
#include <base/types.h>
#include <sched/mutex.h>

struct file;
struct iter;
struct poll_table;
struct tty;

#define TTY_OUTPUT_SIZE 8192u /* a power of two */

/* tty_port_ops.flags: there is no hardware to wait for; a stopped line takes no output. */
#define TTY_PORT_PTY 1

/* What a port can do. All take the terminal; its `port` member is the port's own. */
struct tty_port_ops {
	unsigned flags; /* TTY_PORT_* */
	/* May it be opened now? NULL: yes. Context: process, tty->lock held. */
	int (*may_open)(struct tty *tty);
	/* The discipline may have room again, or somebody has opened it for the first time. NULL:
	 * nobody waits for that. Context: process, no lock held. */
	void (*input_room)(struct tty *tty);
	/* For packet mode: TIOCPKT_* bits. NULL: no interest. TTY_OUTPUT held, interrupts off. */
	void (*event)(struct tty *tty, unsigned bits);
	/* There is something to send: tty_tx_peek() has it. TTY_OUTPUT held, interrupts off. */
	void (*start_tx)(struct tty *tty);
	/* Has everything left the hardware? Context: any. */
	bool (*tx_idle)(struct tty *tty);
	/* Apply speed and format; corrects what it cannot do. Context: process, tty->lock held. */
	void (*set_line)(struct tty *tty, struct tty_settings *s);
	/* First open and last close: receive, or do not. 0; -errno: no open. Context: process,
	 * tty->lock held. */
	int (*power)(struct tty *tty, bool on);
	/* Begin or end a break. Context: process. */
	void (*set_break)(struct tty *tty, bool on);
	/* Modem lines (TIOCM_*): those that are on; turn some on and others off. Context: process.
	 */
	unsigned (*get_modem)(struct tty *tty);
	void (*set_modem)(struct tty *tty, unsigned on, unsigned off);
};

struct tty_size {
	uint16_t rows, columns, x_pixels, y_pixels;
};

/* Why output is stopped: bits of tty->stopped. */
#define TTY_STOP_TYPED 1 /* VSTOP was received */
#define TTY_STOP_ASKED 2 /* tcflow(TCOOFF) */

struct tty {
	const char *name;		/* [I] without /dev/ */
	const struct tty_port_ops *ops; /* [I] */
	void *port;			/* [I] */

	struct mutex lock;	 /* TTY: open, close, changes of settings */
	struct mutex read_lock;	 /* TTY: one reader takes a line or batch at a time */
	struct mutex write_lock; /* TTY: a write is not mixed with another */
	unsigned open_count;	 /* [lock] */
	bool exclusive;		 /* [lock] TIOCEXCL */
	struct tty_size size;	 /* [lock] */
	uint32_t hangups;	 /* [a] so far: files opened before the last one are dead */

	struct spinlock input_lock; /* TTY_INPUT */
	struct ldisc ldisc;	    /* [input_lock]; settings: both spinlocks to change */
	nsec_t last_input;	    /* [input_lock] */
	int32_t session;	    /* [lock, input_lock] whose controlling terminal it is, or 0 */
	uint32_t number;	    /* [I after registration] device number as in /proc/PID/stat */
	int32_t foreground;	    /* [input_lock; a for readers] process group, or 0 */

	struct spinlock output_lock; /* TTY_OUTPUT, taken inside input_lock */
	uint8_t *out;		     /* [I] ring of TTY_OUTPUT_SIZE */
	uint32_t out_head, out_tail; /* [output_lock] counters without end */
	unsigned column;	     /* [output_lock] */
	uint8_t urgent;		     /* [output_lock] sent before all else; 0: nothing */
	uint32_t stopped;	     /* [output_lock] TTY_STOP_* */
	uint32_t stopped_at;	     /* [output_lock] out_head when it was */
	bool tells_idle; /* [lock; a] the port calls tty_tx_idle(): nobody has to look */

	struct blocker readers; /* woken when there may be something to read, and by a hangup */
	struct blocker writers; /* ... when there is room again, when all is sent, by a hangup */
};

/* --- for ports ------------------------------------------------------------------------------- */

/* A terminal that lives for ever. 0 or -ENOMEM. Context: process. */
int tty_create(const char *name, const struct tty_port_ops *ops, void *port, struct tty **out);

/* Characters came in; status NULL: all are good. Context: any, no tty lock held. */
void tty_input(struct tty *tty, const uint8_t *bytes, const uint8_t *status, size_t n);

/*
 * The same, but only while the discipline has room: returns how many were taken. With input_lock
 * and output_lock held; the events are the caller's to deliver (tty_input_events).
 */
size_t tty_input_locked(struct tty *tty, const uint8_t *bytes, size_t n, struct ldisc_events *ev);
void tty_input_events(struct tty *tty, const struct ldisc_events *ev);

/* What is to be sent now: copied, not taken. With output_lock held. */
size_t tty_tx_peek(struct tty *tty, uint8_t *buf, size_t n);
/* The first n of those have been sent. With output_lock held. */
void tty_tx_done(struct tty *tty, size_t n);

/* All of that may have left the hardware: who waits for it looks. With output_lock held. */
void tty_tx_idle(struct tty *tty);

/* A terminal that was used before begins anew: nobody has it open. Context: process. */
void tty_reset(struct tty *tty, const struct tty_settings *s);

/* The line is gone: open files are dead, the session is told. Context: process. */
void tty_hangup(struct tty *tty);

/* --- for the files (tty_file.c), and within this folder -----------------------------------------
 */

/* Both spinlocks, interrupts off. */
uint64_t tty_lock_both(struct tty *tty);
void tty_unlock_both(struct tty *tty, uint64_t flags);

/* Hold output back or let it go on: TTY_STOP_*. Both spinlocks held. */
void tty_stop_output(struct tty *tty, unsigned why, bool stop);

/* Append to the output what fits; returns how many characters were taken. Context: any. */
size_t tty_output(struct tty *tty, const uint8_t *bytes, size_t n);
size_t tty_output_room(struct tty *tty);
bool tty_output_empty(struct tty *tty);

/* Job control: 0, -ERESTARTSYS after a signal to the caller's group, -EIO. (job.c) */
int tty_check_read(struct tty *tty);
int tty_check_write(struct tty *tty); /* only if TOSTOP is set */
int tty_check_change(struct tty *tty);

/* Send a signal to the foreground group, if there is one. Context: any, no tty lock held. */
void tty_signal(struct tty *tty, int signal);

/* --- what programs ask for, decoded (settings.c and job.c). Context: process ---------------------
 */

enum tty_when { TTY_NOW, TTY_DRAIN, TTY_DRAIN_AND_FLUSH };

void tty_get_settings(struct tty *tty, struct tty_settings *out);
int tty_set_settings(struct tty *tty, const struct tty_settings *s, enum tty_when when);
/* Wait until all output has left the hardware: 0, -ERESTARTSYS. */
int tty_drain(struct tty *tty);
/* After tty_check_change. */
void tty_flush(struct tty *tty, bool input, bool output);
int tty_flow(struct tty *tty, unsigned action); /* TCOOFF TCOON TCIOFF TCION */
int tty_break(struct tty *tty, nsec_t duration);
void tty_get_size(struct tty *tty, struct tty_size *out);
void tty_set_size(struct tty *tty, const struct tty_size *size);
size_t tty_input_available(struct tty *tty);
size_t tty_output_pending(struct tty *tty);
void tty_set_exclusive(struct tty *tty, bool on);
bool tty_is_exclusive(struct tty *tty);
/* Lines that can be asked for and set? */
static inline bool tty_has_modem(const struct tty *tty)
{
	return !(tty->ops->flags & TTY_PORT_PTY);
}
unsigned tty_get_modem(struct tty *tty);
void tty_set_modem(struct tty *tty, unsigned on, unsigned off);

int tty_get_foreground(struct tty *tty, int32_t *pgid);
int tty_set_foreground(struct tty *tty, int32_t pgid);
int tty_get_session(struct tty *tty, int32_t *sid);
int tty_acquire(struct tty *tty, bool readable, bool steal); /* TIOCSCTTY */
int tty_give_up(struct tty *tty);			     /* TIOCNOTTY */
void tty_job_init(void);

/* --- files -------------------------------------------------------------------------------------
 */

/* Of a line's node, whose priv is the terminal. */
extern const struct file_ops tty_line_ops;
/* Opens and closes for files of other making (pty.c): f->priv is set. flags of f: O_NOCTTY. */
int tty_open_file(struct tty *tty, struct file *f);
void tty_release_file(struct file *f);
/* Read, write, poll, ioctl and release of a terminal's files, with this open operation. */
#define TTY_FILE_OPS(open_)                                                            \
	{                                                                              \
		.flags = FILE_OPS_STREAM, .open = open_, .release = tty_release_file,  \
		.read = tty_file_read, .write = tty_file_write, .poll = tty_file_poll, \
		.ioctl = tty_file_ioctl                                                \
	}
ssize_t tty_file_read(struct file *f, struct iter *it, off64_t *pos);
ssize_t tty_file_write(struct file *f, struct iter *it, off64_t *pos);
unsigned tty_file_poll(struct file *f, struct poll_table *pt);
int64_t tty_file_ioctl(struct file *f, unsigned cmd, uint64_t arg);
/* What linux/ set, for files that are no terminal's own (a master); -ENOTTY if nothing. */
int64_t tty_decode_ioctl(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg);

/*
 * linux/ sets this once: it decodes ioctls and calls what is declared above. Unset: -ENOTTY.
 * `tty` is alive and not hung up when it is called.
 */
void tty_set_ioctl(int64_t (*decode)(struct tty *tty, struct file *f, unsigned cmd, uint64_t arg));

/* The B* bits of cflag for a speed (BOTHER when there are none), and back (0 for B0 and BOTHER). */
uint32_t tty_speed_flag(uint32_t speed);
uint32_t tty_flag_speed(uint32_t cflag);

/* --- boot ----------------------------------------------------------------------------------------
 */

/* /dev/tty, /dev/console, pseudo-terminals. 0 or -errno. Context: process, before user space. */
int tty_init(void);
/* Once the drivers of lines are there: which of them is /dev/console. */
void tty_choose_console(void);
/* The terminal behind /dev/console, or NULL. */
struct tty *tty_console(void);

#endif
