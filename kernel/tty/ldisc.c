/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline.
 *
 * Input lies in one ring. Counters cut it into three parts:
 *
 *	tail ............ line_head ............ head
 *	 complete lines	      the line being typed
 *
 * Canonical mode: readers get complete lines; erase, word erase and kill work on the part behind
 * line_head. A line is complete when its delimiter (NL, VEOL, VEOL2) or VEOF is received: line_head
 * moves to head, and the byte gets its bit in line_end. VEOF takes a byte of the ring, too, marked
 * in `eof` as no data. Raw mode: readers get everything up to head.
 *
 * In canonical mode the last place of the ring is kept for a delimiter, so that a line that is too
 * long can still be ended; what does not fit is dropped, without a bell: IMAXBEL has no effect on
 * Linux either.
 *
 * Echo goes through ops->echo as it happens. What an erase must take back from the screen is
 * computed from the characters of the line and the column it began at (tabs, ^X pairs, UTF-8); the
 * alternative, remembering the width of each character typed, would need a second ring.
 *
 * Not done: case mapping for terminals without lower case, delays for mechanical ones. Their flags
 * are stored and have no effect. VDISCARD has none on Linux either.
 */
#include "ldisc.h"
#include <asm/signal.h>
#include <lib/string.h>

#define MASK (LDISC_INPUT_SIZE - 1)

/* IXOFF: ask the sender to stop at, and to go on below. */
#define THROTTLE_HIGH (LDISC_INPUT_SIZE * 3 / 4)
#define THROTTLE_LOW  (LDISC_INPUT_SIZE / 4)

const struct tty_settings ldisc_default_settings = {
	.iflag = ICRNL | IXON | IUTF8,
	.oflag = OPOST | ONLCR,
	.cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
	.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.cc =
		{
			[VINTR] = 'C' & 0x1f,
			[VQUIT] = '\\' & 0x1f,
			[VERASE] = 0x7f,
			[VKILL] = 'U' & 0x1f,
			[VEOF] = 'D' & 0x1f,
			[VMIN] = 1,
			[VSTART] = 'Q' & 0x1f,
			[VSTOP] = 'S' & 0x1f,
			[VSUSP] = 'Z' & 0x1f,
			[VREPRINT] = 'R' & 0x1f,
			[VDISCARD] = 'O' & 0x1f,
			[VWERASE] = 'W' & 0x1f,
			[VLNEXT] = 'V' & 0x1f,
		},
	.ispeed = 115200,
	.ospeed = 115200,
};

void ldisc_init(struct ldisc *l, const struct ldisc_ops *ops, void *ctx)
{
	memset(l, 0, sizeof(*l));
	l->settings = ldisc_default_settings;
	l->ops = ops;
	l->ctx = ctx;
}

/* With EXTPROC the other side edits lines: everything goes through as it comes. */
static bool is_canonical(const struct ldisc *l)
{
	return (l->settings.lflag & (ICANON | EXTPROC)) == ICANON;
}

static bool is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

/* The second and later bytes of a UTF-8 character, if the terminal says it speaks UTF-8. */
static bool is_continuation(const struct tty_settings *s, uint8_t c)
{
	return (s->iflag & IUTF8) && (c & 0xc0) == 0x80;
}

/* Is c the special character `index`? A NUL there means that there is none. */
static bool is_special(const struct ldisc *l, uint8_t c, unsigned index)
{
	return c == l->settings.cc[index] && c != '\0';
}

/* --- output ------------------------------------------------------------------------------------
 */

static unsigned put_tab(const struct tty_settings *s, unsigned *column, uint8_t *out)
{
	unsigned spaces = 8 - (*column & 7);

	*column += spaces;
	if ((s->oflag & TABDLY) == XTABS) {
		memset(out, ' ', spaces);
		return spaces;
	}
	out[0] = '\t';
	return 1;
}

unsigned ldisc_output(const struct tty_settings *s, unsigned *column, uint8_t c,
		      uint8_t out[LDISC_OUTPUT_MAX])
{
	out[0] = c;
	if (!(s->oflag & OPOST))
		return 1;
	switch (c) {
	case '\n':
		if (s->oflag & ONLRET)
			*column = 0;
		if (!(s->oflag & ONLCR))
			return 1;
		*column = 0;
		out[0] = '\r';
		out[1] = '\n';
		return 2;
	case '\r':
		if ((s->oflag & ONOCR) && *column == 0)
			return 0;
		if (s->oflag & OCRNL)
			out[0] = '\n';
		if (!(s->oflag & OCRNL) || (s->oflag & ONLRET))
			*column = 0;
		return 1;
	case '\t':
		return put_tab(s, column, out);
	case '\b':
		if (*column > 0)
			--*column;
		return 1;
	default:
		if (!is_control(c) && !is_continuation(s, c))
			++*column;
		return 1;
	}
}

/* --- echo
 * ----------------------------------------------------------------------------------------- */

static bool echoes(const struct ldisc *l)
{
	return l->settings.lflag & ECHO;
}

static void echo(struct ldisc *l, uint8_t c)
{
	l->ops->echo(l->ctx, c);
}

/* Control characters as ^X, so that they are seen and do nothing. */
static void echo_visibly(struct ldisc *l, uint8_t c)
{
	if ((l->settings.lflag & ECHOCTL) && is_control(c) && c != '\t') {
		echo(l, '^');
		c ^= 0x40;
	}
	echo(l, c);
}

/* ECHOPRT: what is shown from here on was not erased. */
static void finish_erasing(struct ldisc *l)
{
	if (l->erasing)
		echo(l, '/');
	l->erasing = false;
}

/* Before a character of the line being typed is shown. */
static void note_column(struct ldisc *l)
{
	if (l->head == l->line_head)
		l->line_column = l->ops->column(l->ctx);
}

/* Columns that the echo of a character takes, tabs apart. */
static unsigned width(const struct ldisc *l, uint8_t c)
{
	if (is_control(c))
		return l->settings.lflag & ECHOCTL ? 2 : 0;
	return !is_continuation(&l->settings, c);
}

/* How far the tab at the counter `at` went: behind an earlier tab, columns begin anew. */
static unsigned tab_width(const struct ldisc *l, uint32_t at)
{
	unsigned column = 0;

	while (at != l->line_head && l->buf[(at - 1) & MASK] != '\t')
		column += width(l, l->buf[--at & MASK]);
	if (at == l->line_head)
		column += l->line_column;
	return 8 - (column & 7);
}

/* Take the line being typed back to the counter `end`, on the screen and in the ring. */
static void rub_out(struct ldisc *l, uint32_t end)
{
	while (l->head != end) {
		uint8_t c = l->buf[--l->head & MASK];
		bool tab = c == '\t';
		unsigned columns = tab ? tab_width(l, l->head) : width(l, c);

		while (columns--) {
			echo(l, '\b');
			if (tab)
				continue; /* nothing to be seen there */
			echo(l, ' ');
			echo(l, '\b');
		}
	}
}

static void reprint(struct ldisc *l)
{
	finish_erasing(l);
	echo_visibly(l, l->settings.cc[VREPRINT]);
	echo(l, '\n');
	l->line_column = l->ops->column(l->ctx);
	for (uint32_t i = l->line_head; i != l->head; i++)
		echo_visibly(l, l->buf[i & MASK]);
}

/* --- filling the ring
 * ------------------------------------------------------------------------------- */

static uint32_t room(const struct ldisc *l)
{
	return LDISC_INPUT_SIZE - (l->head - l->tail);
}

static void push(struct ldisc *l, uint8_t c, bool line_end, bool eof)
{
	uint32_t i = l->head++ & MASK;

	l->buf[i] = c;
	bit_clear(l->line_end, i);
	bit_clear(l->eof, i);
	if (line_end)
		bit_set(l->line_end, i);
	if (eof)
		bit_set(l->eof, i);
}

/* Is there room for n characters that end no line? */
static bool have_room(const struct ldisc *l, uint32_t n)
{
	return room(l) > n || (!is_canonical(l) && room(l) == n);
}

static void throttle(struct ldisc *l)
{
	if ((l->settings.iflag & IXOFF) && !l->throttled && l->head - l->tail >= THROTTLE_HIGH &&
	    l->settings.cc[VSTOP]) {
		l->throttled = true;
		l->ops->send_now(l->ctx, l->settings.cc[VSTOP]);
	}
}

static void unthrottle(struct ldisc *l)
{
	if (l->throttled && (!(l->settings.iflag & IXOFF) || l->head - l->tail <= THROTTLE_LOW)) {
		l->throttled = false;
		if (l->settings.cc[VSTART])
			l->ops->send_now(l->ctx, l->settings.cc[VSTART]);
	}
}

/* An ordinary character. */
static void put_character(struct ldisc *l, uint8_t c, bool was_return, struct ldisc_events *ev)
{
	bool twice = c == 0xff && (l->settings.iflag & PARMRK);

	if (!have_room(l, 1 + twice))
		return;
	if (echoes(l)) {
		finish_erasing(l);
		note_column(l);
		/* In raw mode, Linux shows a return that became a newline as one, others as ^J. */
		if (was_return && c == '\n')
			echo(l, c);
		else
			echo_visibly(l, c);
	}
	if (twice)
		push(l, c, false, false);
	push(l, c, false, false);
	if (!is_canonical(l))
		ev->readable = true;
	throttle(l);
}

/* The end of a line; the echo has been done. */
static void put_line_end(struct ldisc *l, uint8_t c, bool eof, struct ldisc_events *ev)
{
	if (room(l) == 0)
		return;
	push(l, c, true, eof);
	l->line_head = l->head;
	ev->readable = true;
	throttle(l);
}

/* --- editing -------------------------------------------------------------------------------------
 */

/* The counter of the character before `end`, which may have several bytes. */
static uint32_t previous(const struct ldisc *l, uint32_t end)
{
	while (end != l->line_head) {
		end--;
		if (!is_continuation(&l->settings, l->buf[end & MASK]))
			break;
	}
	return end;
}

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c >= 0xc0; /* letters of Latin-1, and UTF-8's first bytes */
}

/* Show that the character from `at` to head goes. */
static void echo_erasure(struct ldisc *l, uint32_t at, unsigned how)
{
	uint32_t lflag = l->settings.lflag;

	if (lflag & ECHOPRT) {
		if (!l->erasing)
			echo(l, '\\');
		l->erasing = true;
		echo_visibly(l, l->buf[at & MASK]);
		for (uint32_t i = at + 1; i != l->head; i++)
			echo(l, l->buf[i & MASK]);
		l->head = at;
	} else if (how == VERASE && !(lflag & ECHOE)) {
		l->head = at;
		echo_visibly(l, l->settings.cc[VERASE]);
	} else {
		rub_out(l, at);
	}
}

/* The characters that VERASE, VWERASE or VKILL takes, one after another. */
static void erase_characters(struct ldisc *l, unsigned how)
{
	bool in_word = false;

	while (l->head != l->line_head) {
		uint32_t at = previous(l, l->head);
		bool word = is_word(l->buf[at & MASK]);

		/* The rest of a character whose beginning is not ours stays. */
		if (is_continuation(&l->settings, l->buf[at & MASK]))
			break;
		if (how == VWERASE && in_word && !word)
			break;
		in_word |= word;
		if (echoes(l))
			echo_erasure(l, at, how);
		else
			l->head = at;
		if (how == VERASE)
			break;
	}
	if (l->head == l->line_head && echoes(l))
		finish_erasing(l);
}

static void erase(struct ldisc *l, unsigned how)
{
	const uint32_t visible_kill = ECHOK | ECHOKE | ECHOE;
	uint32_t lflag = l->settings.lflag;

	if (l->head == l->line_head)
		return;
	if (how != VKILL || ((lflag & ECHO) && (lflag & visible_kill) == visible_kill)) {
		erase_characters(l, how);
		return;
	}
	l->head = l->line_head;
	if (!(lflag & ECHO))
		return;
	finish_erasing(l);
	echo_visibly(l, l->settings.cc[VKILL]);
	if (lflag & ECHOK)
		echo(l, '\n');
}

/* Canonical mode: characters that edit or end the line. False: it is none of them. */
static bool receive_canonical(struct ldisc *l, uint8_t c, struct ldisc_events *ev)
{
	bool extended = l->settings.lflag & IEXTEN;

	if (is_special(l, c, VERASE)) {
		erase(l, VERASE);
	} else if (is_special(l, c, VKILL)) {
		erase(l, VKILL);
	} else if (extended && is_special(l, c, VWERASE)) {
		erase(l, VWERASE);
	} else if (extended && is_special(l, c, VREPRINT) && echoes(l)) {
		reprint(l);
	} else if (c == '\n') {
		if (l->settings.lflag & (ECHO | ECHONL))
			echo(l, '\n');
		put_line_end(l, c, false, ev);
	} else if (is_special(l, c, VEOF)) {
		put_line_end(l, '\0', true, ev);
	} else if (is_special(l, c, VEOL) || (extended && is_special(l, c, VEOL2))) {
		if (echoes(l)) {
			note_column(l);
			echo_visibly(l, c);
		}
		put_line_end(l, c, false, ev);
	} else {
		return false;
	}
	return true;
}

/* --- signals and flow control -------------------------------------------------------------------
 */

void ldisc_flush_input(struct ldisc *l)
{
	l->tail = l->line_head = l->head;
	l->literal_next = false;
	l->erasing = false;
	unthrottle(l);
}

static void restart_output(struct ldisc *l)
{
	if (l->stopped) {
		l->stopped = false;
		l->ops->flow(l->ctx, false);
	}
}

static void raise_signal(struct ldisc *l, unsigned signal, struct ldisc_events *ev)
{
	ev->signals |= 1u << signal;
	if (!(l->settings.lflag & NOFLSH)) {
		ev->flushed = true;
		ldisc_flush_input(l);
		l->ops->flush_output(l->ctx);
	}
}

/* VINTR, VQUIT and VSUSP. */
static bool receive_signal(struct ldisc *l, uint8_t c, struct ldisc_events *ev)
{
	unsigned signal;

	if (is_special(l, c, VINTR))
		signal = SIGINT;
	else if (is_special(l, c, VQUIT))
		signal = SIGQUIT;
	else if (is_special(l, c, VSUSP))
		signal = SIGTSTP;
	else
		return false;
	raise_signal(l, signal, ev);
	if (l->settings.iflag & IXON)
		restart_output(l);
	if (echoes(l))
		echo_visibly(l, c);
	return true;
}

static bool receive_flow(struct ldisc *l, uint8_t c)
{
	if (is_special(l, c, VSTART)) {
		restart_output(l);
		return true;
	}
	if (is_special(l, c, VSTOP)) {
		l->stopped = true;
		l->ops->flow(l->ctx, true);
		return true;
	}
	return false;
}

/* --- receiving
 * ------------------------------------------------------------------------------------- */

/* A byte that says more about the line than about itself: \377 \0 c with PARMRK, else c. */
static void put_marked(struct ldisc *l, uint8_t c, struct ldisc_events *ev)
{
	bool mark = l->settings.iflag & PARMRK;

	if (!have_room(l, mark ? 3 : 1))
		return;
	if (mark) {
		push(l, 0xff, false, false);
		push(l, '\0', false, false);
	}
	push(l, c, false, false);
	if (!is_canonical(l))
		ev->readable = true;
}

static void receive_break(struct ldisc *l, struct ldisc_events *ev)
{
	if (l->settings.iflag & IGNBRK)
		return;
	if (l->settings.iflag & BRKINT)
		raise_signal(l, SIGINT, ev);
	else
		put_marked(l, '\0', ev);
}

static void receive_parity_error(struct ldisc *l, uint8_t c, struct ldisc_events *ev)
{
	if (l->settings.iflag & IGNPAR)
		return;
	put_marked(l, l->settings.iflag & PARMRK ? c : '\0', ev);
}

/* A good character, in the order in which its meanings are tried. */
static void receive_character(struct ldisc *l, uint8_t c, struct ldisc_events *ev)
{
	uint32_t iflag = l->settings.iflag, lflag = l->settings.lflag;
	bool was_return;

	if (l->literal_next) {
		l->literal_next = false;
		put_character(l, c, false, ev);
		return;
	}
	if ((iflag & IXON) && receive_flow(l, c))
		return;
	if ((lflag & ISIG) && receive_signal(l, c, ev))
		return;
	if ((iflag & (IXON | IXANY)) == (IXON | IXANY))
		restart_output(l);
	was_return = c == '\r';
	if (was_return) {
		if (iflag & IGNCR)
			return;
		if (iflag & ICRNL)
			c = '\n';
	} else if (c == '\n' && (iflag & INLCR)) {
		c = '\r';
	}
	if (is_canonical(l)) {
		if ((lflag & IEXTEN) && is_special(l, c, VLNEXT)) {
			l->literal_next = true;
			if ((lflag & (ECHO | ECHOCTL)) == (ECHO | ECHOCTL)) {
				echo(l, '^');
				echo(l, '\b');
			}
			return;
		}
		if (receive_canonical(l, c, ev))
			return;
	}
	put_character(l, c, was_return, ev);
}

/* EXTPROC */
static void put_unprocessed(struct ldisc *l, uint8_t c, struct ldisc_events *ev)
{
	if (!have_room(l, 1))
		return;
	push(l, c, false, false);
	ev->readable = true;
}

void ldisc_receive(struct ldisc *l, uint8_t c, enum ldisc_status status, struct ldisc_events *ev)
{
	switch (status) {
	case LDISC_BREAK:
		receive_break(l, ev);
		return;
	case LDISC_PARITY:
		if (l->settings.iflag & INPCK) {
			receive_parity_error(l, c, ev);
			return;
		}
		break;
	case LDISC_OVERRUN: /* a character is missing before this one; nobody can be told */
	case LDISC_OK:
		break;
	}
	if (l->settings.iflag & ISTRIP)
		c &= 0x7f;
	if (l->settings.lflag & EXTPROC)
		put_unprocessed(l, c, ev);
	else
		receive_character(l, c, ev);
}

/* --- reading
 * --------------------------------------------------------------------------------------- */

static bool at_eof_mark(const struct ldisc *l)
{
	return l->tail != l->line_head && bit_test(l->eof, l->tail & MASK);
}

static size_t read_line(struct ldisc *l, uint8_t *buf, size_t n, bool *line_end)
{
	size_t done = 0;

	while (done < n && l->tail != l->line_head && !*line_end && !at_eof_mark(l)) {
		uint32_t i = l->tail++ & MASK;

		buf[done++] = l->buf[i];
		*line_end = bit_test(l->line_end, i);
	}
	/*
	 * The mark goes with the last byte before it, even if the buffer was just full: otherwise
	 * the next read would see an end of file that nobody typed.
	 */
	if (!*line_end && at_eof_mark(l)) {
		l->tail++;
		*line_end = true;
	}
	return done;
}

static size_t read_raw(struct ldisc *l, uint8_t *buf, size_t n)
{
	size_t done = 0;

	/* With EXTPROC a VEOF alone is the end of the file. */
	if ((l->settings.lflag & ICANON) && l->head - l->tail == 1 &&
	    is_special(l, l->buf[l->tail & MASK], VEOF)) {
		l->tail++;
		return 0;
	}
	while (done < n && l->tail != l->head)
		buf[done++] = l->buf[l->tail++ & MASK];
	return done;
}

size_t ldisc_read(struct ldisc *l, uint8_t *buf, size_t n, bool *line_end)
{
	size_t done;

	*line_end = false;
	done = is_canonical(l) ? read_line(l, buf, n, line_end) : read_raw(l, buf, n);
	unthrottle(l);
	return done;
}

size_t ldisc_available(const struct ldisc *l)
{
	size_t n = 0;

	if (!is_canonical(l))
		return l->head - l->tail;
	for (uint32_t i = l->tail; i != l->line_head; i++)
		n += !bit_test(l->eof, i & MASK);
	return n;
}

bool ldisc_readable(const struct ldisc *l, size_t at_least)
{
	if (is_canonical(l))
		return l->tail != l->line_head;
	return l->head - l->tail >= max(at_least, (size_t)1);
}

bool ldisc_has_room(const struct ldisc *l)
{
	if (is_canonical(l) && l->tail == l->line_head)
		return true;
	return room(l) > 3; /* a marked character takes three places */
}

/* --- settings
 * -------------------------------------------------------------------------------------- */

/* Complete lines and the one being typed become plain bytes; an end-of-file mark a NUL, as on
 * Linux. */
static void become_raw(struct ldisc *l)
{
	uint32_t from = l->tail, end = l->head;

	for (l->head = l->tail; from != end; from++)
		push(l, l->buf[from & MASK], false, false);
}

/* What was typed so far can no longer be edited: it reads like a line. */
static void become_canonical(struct ldisc *l)
{
	l->line_head = l->head;
	if (l->head != l->tail)
		bit_set(l->line_end, (l->head - 1) & MASK);
}

void ldisc_set(struct ldisc *l, const struct tty_settings *settings)
{
	bool was_canonical = is_canonical(l);

	l->settings = *settings;
	if (was_canonical && !is_canonical(l))
		become_raw(l);
	else if (!was_canonical && is_canonical(l))
		become_canonical(l);
	if (was_canonical != is_canonical(l))
		l->literal_next = l->erasing = false;
	if (!(settings->iflag & IXON))
		restart_output(l);
	unthrottle(l);
}
