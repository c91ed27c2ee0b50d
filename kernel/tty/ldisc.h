/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline: what happens to characters between a terminal and its readers and
 * writers. One implementation for every kind of terminal; pure computation on its own structure,
 * with no locks and no memory of its own, so that it runs on the host as well. The caller locks.
 */
#ifndef TTY_LDISC_H
#define TTY_LDISC_H

#include <asm/termbits.h>
#include <lib/bitmap.h>
#include <lib/compiler.h>

#define LDISC_INPUT_SIZE 4096u /* a power of two; lines are at most one shorter, as on Linux */
#define LDISC_OUTPUT_MAX 8     /* bytes that one written character becomes, at most */
#define LDISC_CC_COUNT	 19

/* The settings of a terminal; flags and indices of cc are those of <asm/termbits.h>. */
struct tty_settings {
	uint32_t iflag;
	uint32_t oflag;
	uint32_t cflag;
	uint32_t lflag;
	uint8_t line; /* stored and given back, nothing more */
	uint8_t cc[LDISC_CC_COUNT];
	uint32_t ispeed; /* bits a second */
	uint32_t ospeed;
};

/* What the line said with a character. */
enum ldisc_status { LDISC_OK, LDISC_BREAK, LDISC_PARITY, LDISC_OVERRUN };

/* How the discipline reaches the output half of its terminal. Called from ldisc_receive and others.
 */
struct ldisc_ops {
	/* Show a character, which ldisc_output() has yet to process. Full: it may be dropped. */
	void (*echo)(void *ctx, uint8_t c);
	/* The column where the next character will be shown. */
	unsigned (*column)(void *ctx);
	/* Throw away what is written and not yet sent. */
	void (*flush_output)(void *ctx);
	/* Stop or restart sending. */
	void (*flow)(void *ctx, bool stop);
	/* Send this one character ahead of everything, also while stopped. */
	void (*send_now)(void *ctx, uint8_t c);
};

/* What a batch of input asks of the caller: zeroed by it, filled in by ldisc_receive. */
struct ldisc_events {
	uint32_t signals; /* bit n: send signal n to the foreground group */
	bool flushed;	  /* input was thrown away */
	bool readable;	  /* there is more to read than before */
};

struct ldisc {
	struct tty_settings settings;
	const struct ldisc_ops *ops;
	void *ctx;
	/* Counters without end; a byte's place is its counter modulo LDISC_INPUT_SIZE. */
	uint32_t tail;	      /* next to be read */
	uint32_t line_head;   /* behind the last complete line; in raw mode it means nothing */
	uint32_t head;	      /* next to be filled */
	uint32_t line_column; /* where the echo of the line being typed began */
	bool literal_next;    /* VLNEXT was typed */
	bool erasing;	      /* ECHOPRT: between \\ and / */
	bool stopped;	      /* by VSTOP */
	bool throttled;	      /* IXOFF: we have asked the other side to stop */
	uint8_t buf[LDISC_INPUT_SIZE];
	DECLARE_BITMAP(line_end, LDISC_INPUT_SIZE); /* a line ends with this byte */
	DECLARE_BITMAP(eof, LDISC_INPUT_SIZE);	    /* ... and the byte itself is not data (VEOF) */
};

/* What a line begins with: canonical, with echo, at 115200. */
extern const struct tty_settings ldisc_default_settings;
void ldisc_init(struct ldisc *l, const struct ldisc_ops *ops, void *ctx);

/* New settings; switching between canonical and raw keeps what was typed. */
void ldisc_set(struct ldisc *l, const struct tty_settings *settings);

/* One character came in. */
void ldisc_receive(struct ldisc *l, uint8_t c, enum ldisc_status status, struct ldisc_events *ev);

/*
 * Take up to n bytes: in canonical mode no further than the end of a line, and *line_end tells
 * whether it was reached (0 bytes with it: end of file).
 */
size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n, bool *line_end);

/* Bytes that reads would return without waiting (FIONREAD). */
size_t ldisc_available(const struct ldisc *l);
/* Would a read have something: a line, also an empty one, or at least `at_least` bytes? */
bool ldisc_readable(const struct ldisc *l, size_t at_least);

/*
 * Is there room for a character, whatever it becomes? In canonical mode without a complete line
 * there always is: what does not fit is dropped, so that the line can still be edited and ended.
 */
bool ldisc_has_room(const struct ldisc *l);

void ldisc_flush_input(struct ldisc *l);

/*
 * What a written or echoed character becomes on the line, and the column that follows. Returns
 * how many bytes were stored in out.
 */
unsigned ldisc_output(const struct tty_settings *settings, unsigned *column, uint8_t c,
		      uint8_t out[LDISC_OUTPUT_MAX]);

#endif
