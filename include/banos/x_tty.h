/* SPDX-License-Identifier: MIT */
/*
 * Terminals on lines of a driver's own: serial ports and the like. Interface "banos.x_tty",
 * experimental: the driver sets BANOS_META_EXPERIMENTAL, and its object may have to be built again
 * for another kernel.
 *
 * The kernel has the line discipline, the queues, job control and the files. The driver moves
 * bytes. What is to be sent comes by tx, which takes what the hardware has room for; only when that
 * is not all, tx_ask tells the driver to call banos_x_tty_tx_ready() for more.
 *
 * What the line brings reaches programs in one of two ways:
 *	banos_x_tty_rx		a line that cannot wait: bytes for which there is no room are lost
 *	banos_x_tty_rx_ready	a line that can: the kernel takes bytes by rx when it has room for
 *				them, and only while a program has the terminal open
 *
 * Each terminal has one lock, the port's, for the registers of its hardware. The kernel holds it
 * around the callbacks that say so; the driver takes it by banos_x_tty_lock() everywhere else,
 * interrupts included. While it is held only functions of context "any" are called, and none of
 * this header. If the hardware is one that the kernel's log may write to (io_base), the lock keeps
 * the log out, and is the last of all: then only registers are read and written while it is held.
 *
 * Programs that have the terminal open keep the driver from being removed.
 */
#ifndef BANOS_X_TTY_H
#define BANOS_X_TTY_H

#include <banos/driver.h>

typedef struct Banos_X_Tty Banos_X_Tty;

#define BANOS_X_TTY_NAME_MAX 31 /* bytes of a name */

/* Of a description: banos_x_tty_tx_ready() is also called when the last bit of all that was taken
 * has left. Without it the kernel looks again and again while a program waits for that. */
#define BANOS_X_TTY_TELLS_IDLE 1u

typedef struct Banos_X_Tty_Desc {
	uint32_t size;	  /* of this structure */
	uint32_t flags;	  /* BANOS_X_TTY_TELLS_IDLE */
	const char *name; /* below /dev: "ttyS0" */
	uint32_t major;	  /* device number, as programs of Linux know such terminals */
	uint32_t minor;
	uint32_t mode;	  /* permissions; 0: 0660 */
	uint32_t io_base; /* the I/O port of its data register, or 0 */
} Banos_X_Tty_Desc;

BANOS_SIZE(Banos_X_Tty_Desc, 32);
BANOS_OFFSET(Banos_X_Tty_Desc, name, 8);
BANOS_OFFSET(Banos_X_Tty_Desc, major, 16);
BANOS_OFFSET(Banos_X_Tty_Desc, minor, 20);
BANOS_OFFSET(Banos_X_Tty_Desc, mode, 24);
BANOS_OFFSET(Banos_X_Tty_Desc, io_base, 28);

#define BANOS_X_TTY_PARITY_NONE 0u
#define BANOS_X_TTY_PARITY_ODD	1u
#define BANOS_X_TTY_PARITY_EVEN 2u

/* How bytes become signals on the line. */
typedef struct Banos_X_Tty_Line {
	uint32_t size;	    /* of this structure */
	uint32_t flags;	    /* 0 */
	uint32_t speed;	    /* bits a second; 0: hang up */
	uint32_t data_bits; /* 5 to 8 */
	uint32_t stop_bits; /* 1 or 2 */
	uint32_t parity;    /* BANOS_X_TTY_PARITY_* */
} Banos_X_Tty_Line;

BANOS_SIZE(Banos_X_Tty_Line, 24);
BANOS_OFFSET(Banos_X_Tty_Line, speed, 8);
BANOS_OFFSET(Banos_X_Tty_Line, data_bits, 12);
BANOS_OFFSET(Banos_X_Tty_Line, stop_bits, 16);
BANOS_OFFSET(Banos_X_Tty_Line, parity, 20);

/* Lines of a modem: the bits of ioctl_tty(2). */
#define BANOS_X_TTY_DTR 0x002u
#define BANOS_X_TTY_RTS 0x004u
#define BANOS_X_TTY_CTS 0x020u
#define BANOS_X_TTY_CD	0x040u
#define BANOS_X_TTY_RI	0x080u
#define BANOS_X_TTY_DSR 0x100u

/* How a byte came in. */
#define BANOS_X_TTY_GOOD    0u
#define BANOS_X_TTY_BREAK   1u /* the line was held down: the byte is none */
#define BANOS_X_TTY_ERROR   2u /* of parity or framing */
#define BANOS_X_TTY_OVERRUN 3u /* bytes before it were lost */

/*
 * Callbacks. Those marked [port] are called with the port's lock held, interrupts disabled. Those
 * of tx must be there, the others may be NULL.
 */
typedef struct Banos_X_Tty_Ops {
	uint32_t size;
	uint32_t flags; /* 0 */
	/* First open: begin to receive; and the last close: receive no more, but send what is left.
	 * [port] */
	void (*receive)(void *ctx, uint32_t on);
	/* Put these into the hardware as far as there is room: returns how many were taken, 0 to
	 * `length`. [port] */
	uint64_t (*tx)(void *ctx, const uint8_t *bytes, uint64_t length);
	/* 1: there is more to send; call banos_x_tty_tx_ready() whenever there is room. 0: do not.
	 * [port] */
	void (*tx_ask)(void *ctx, uint32_t on);
	/* 1 when the last bit of all that was taken has left. [port] */
	uint32_t (*tx_idle)(void *ctx);
	/* Apply, and correct what cannot be done: programs read it back. [port] */
	void (*set_line)(void *ctx, Banos_X_Tty_Line *line);
	/* Hold the line down, or let it go. [port] */
	void (*set_break)(void *ctx, uint32_t on);
	/* The modem lines that are on: BANOS_X_TTY_DTR and so on. [port] */
	uint32_t (*get_modem)(void *ctx);
	/* Switch some of DTR and RTS on, and others off. [port] */
	void (*set_modem)(void *ctx, uint32_t on, uint32_t off);
	/* Give up to `length` of the bytes that have come in, good ones, in their order: returns
	 * how many, 0 when there are no more. [port] */
	uint64_t (*rx)(void *ctx, uint8_t *bytes, uint64_t length);
} Banos_X_Tty_Ops;

BANOS_SIZE(Banos_X_Tty_Ops, 80);
BANOS_OFFSET(Banos_X_Tty_Ops, receive, 8);
BANOS_OFFSET(Banos_X_Tty_Ops, tx, 16);
BANOS_OFFSET(Banos_X_Tty_Ops, tx_ask, 24);
BANOS_OFFSET(Banos_X_Tty_Ops, tx_idle, 32);
BANOS_OFFSET(Banos_X_Tty_Ops, set_line, 40);
BANOS_OFFSET(Banos_X_Tty_Ops, set_break, 48);
BANOS_OFFSET(Banos_X_Tty_Ops, get_modem, 56);
BANOS_OFFSET(Banos_X_Tty_Ops, set_modem, 64);
BANOS_OFFSET(Banos_X_Tty_Ops, rx, 72);

BANOS_API_BEGIN

/*
 * A terminal in *tty, at once visible to programs; callbacks may come before this returns. desc and
 * ops are copied. Returns how many bytes of ops this kernel uses; -EINVAL: a bad name, flag or
 * size, or no function for sending; -E2BIG: something in desc that is not 0 and that this kernel
 * does not know; -EEXIST: the name or the number is taken; -ENOMEM. Context: may sleep. Since 0.9,
 * experimental.
 */
int32_t banos_x_tty_register(Banos_Driver *driver, const Banos_X_Tty_Desc *desc,
			     const Banos_X_Tty_Ops *ops, void *ctx, Banos_X_Tty **tty);
/*
 * The terminal goes: programs that have it open are hung up. The functions below may be in
 * progress, but are not to be called after it has returned: end the interrupt first. When it
 * returns no callback runs or will. NULL is allowed. 0. Context: may sleep. Since 0.9,
 * experimental.
 */
int32_t banos_x_tty_unregister(Banos_X_Tty *tty);

/* The port's lock; returns a token for the unlock that follows. Context: any; no spinlock held.
 * Since 0.9, experimental. */
uint64_t banos_x_tty_lock(Banos_X_Tty *tty);
void banos_x_tty_unlock(Banos_X_Tty *tty, uint64_t token);

/*
 * `length` bytes have come in. status: one of BANOS_X_TTY_GOOD and so on for each, or NULL: all are
 * good. Copied. Context: any; no lock held, the port's neither. Since 0.9, experimental.
 */
void banos_x_tty_rx(Banos_X_Tty *tty, const uint8_t *bytes, const uint8_t *status, uint64_t length);
/*
 * Bytes have come in that rx will give: it is called for those there is room for, by the time that
 * this returns or soon after, and for the others when there is room. When rx has said that there
 * are no more, it is not called again before the next call of this. Context: any; no lock held.
 * Since 0.10, experimental.
 */
void banos_x_tty_rx_ready(Banos_X_Tty *tty);
/* There is room for bytes to send: tx is called before it returns. Context: any; no lock held.
 * Since 0.9, experimental. */
void banos_x_tty_tx_ready(Banos_X_Tty *tty);
/*
 * The window that shows the terminal has so many rows and columns now (0: nobody knows; more than
 * 65,535 count as that). When that is new, the foreground programs get SIGWINCH. Context: may
 * sleep; no lock held. Since 0.10, experimental.
 */
void banos_x_tty_set_size(Banos_X_Tty *tty, uint32_t rows, uint32_t columns);

BANOS_API_END

#endif
