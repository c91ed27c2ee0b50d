/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals: the way of characters between the port and the line discipline.
 *
 *	port --tty_input--> line discipline --(ring)--> readers
 *	                          | echo
 *	writers --tty_output------+--> output ring --tty_tx_peek--> port
 *
 * Everything is driven by events. The port's receive interrupt calls tty_input, which runs the
 * discipline at once, in the interrupt: so ^C works however busy the processors are, and an
 * echo is not late. The work for a character is bounded (the longest: erasing a line of 4 KiB).
 * The port's transmit interrupt takes from the output ring until it is empty and then turns itself
 * off.
 *
 * Locks, outermost first: lock, read_lock, write_lock (mutexes, never two of one terminal at once);
 * input_lock; output_lock; the port's own. The discipline's callbacks run with both spinlocks
 * held, so that echo and written text share the ring and the column. Signals are sent and
 * sleepers of input woken after the locks are dropped, because the locks of proc/ come before ours.
 *
 * Rejected: a kernel thread between the interrupt and the discipline, as Linux has. It exists there
 * because the discipline may sleep; ours never does.
 */
#include "tty.h"
#include "tty_internal.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <asm/ioctls.h>
#include <mem/slab.h>
#include <proc/signal.h>
#include <sched/clock.h>

#define OUT_MASK (TTY_OUTPUT_SIZE - 1)
/* Writers sleep until half of the ring is free, not until each byte is sent. */
#define OUT_LOW (TTY_OUTPUT_SIZE / 2)

uint64_t tty_lock_both(struct tty *tty)
{
	uint64_t flags = spin_lock_irq(&tty->input_lock);

	spin_lock(&tty->output_lock);
	return flags;
}

void tty_unlock_both(struct tty *tty, uint64_t flags)
{
	spin_unlock(&tty->output_lock);
	spin_unlock_irq(&tty->input_lock, flags);
}

/* --- the output ring: all with output_lock held -------------------------------------------------
 */

static uint32_t out_used(const struct tty *tty)
{
	return tty->out_head - tty->out_tail;
}

/* False, and nothing happens, when the ring cannot take all that c becomes. */
static bool put_processed(struct tty *tty, uint8_t c)
{
	uint8_t bytes[LDISC_OUTPUT_MAX];
	unsigned n;

	if (TTY_OUTPUT_SIZE - out_used(tty) < LDISC_OUTPUT_MAX)
		return false;
	n = ldisc_output(&tty->ldisc.settings, &tty->column, c, bytes);
	for (unsigned i = 0; i < n; i++)
		tty->out[tty->out_head++ & OUT_MASK] = bytes[i];
	return true;
}

/* Output without processing: as much as fits, in one or two pieces. */
static size_t put_raw(struct tty *tty, const uint8_t *bytes, size_t n)
{
	size_t total = min(n, (size_t)(TTY_OUTPUT_SIZE - out_used(tty))), done = 0;

	while (done < total) {
		uint32_t at = tty->out_head & OUT_MASK;
		size_t piece = min(total - done, (size_t)(TTY_OUTPUT_SIZE - at));

		memcpy(tty->out + at, bytes + done, piece);
		tty->out_head += piece;
		done += piece;
	}
	return total;
}

/* Where what may be sent ends: a pseudo-terminal delivers what was written before it stopped. */
static uint32_t out_end(const struct tty *tty)
{
	if (!tty->stopped)
		return tty->out_head;
	return tty->ops->flags & TTY_PORT_PTY ? tty->stopped_at : tty->out_tail;
}

/* A stopped pseudo-terminal takes no output, but for echoes. */
static bool refuses_output(const struct tty *tty)
{
	return (tty->ops->flags & TTY_PORT_PTY) && READ_ONCE(tty->stopped);
}

static void report(struct tty *tty, unsigned bits)
{
	if (tty->ops->event)
		tty->ops->event(tty, bits);
}

static void start_output(struct tty *tty)
{
	if (tty->urgent || (!tty->stopped && out_used(tty) != 0))
		tty->ops->start_tx(tty);
}

static void wake_writers(struct tty *tty)
{
	if (blocker_has_waiters(&tty->writers))
		blocker_wake(&tty->writers, ~0u, EPOLLOUT | EPOLLWRNORM);
}

size_t tty_tx_peek(struct tty *tty, uint8_t *buf, size_t n)
{
	size_t done = 0;

	if (n && tty->urgent)
		buf[done++] = tty->urgent;
	for (uint32_t at = tty->out_tail, end = out_end(tty); done < n && at != end; at++)
		buf[done++] = tty->out[at & OUT_MASK];
	return done;
}

void tty_tx_done(struct tty *tty, size_t n)
{
	uint32_t before = out_used(tty), after;

	if (n && tty->urgent) {
		tty->urgent = 0;
		n--;
	}
	tty->out_tail += n;
	after = out_used(tty);
	if ((before > OUT_LOW && after <= OUT_LOW) || (before && !after))
		wake_writers(tty);
}

void tty_tx_idle(struct tty *tty)
{
	if (tty->tells_idle && !out_used(tty))
		wake_writers(tty);
}

size_t tty_output(struct tty *tty, const uint8_t *bytes, size_t n)
{
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	size_t done = 0;

	if (refuses_output(tty)) {
		spin_unlock_irq(&tty->output_lock, flags);
		return 0;
	}
	if (tty->ldisc.settings.oflag & OPOST) {
		while (done < n && put_processed(tty, bytes[done]))
			done++;
	} else {
		done = put_raw(tty, bytes, n);
	}
	start_output(tty);
	spin_unlock_irq(&tty->output_lock, flags);
	return done;
}

size_t tty_output_room(struct tty *tty)
{
	uint32_t used = READ_ONCE(tty->out_head) - READ_ONCE(tty->out_tail);

	return used <= OUT_LOW && !refuses_output(tty) ? TTY_OUTPUT_SIZE - used : 0;
}

size_t tty_output_pending(struct tty *tty)
{
	if (tty->ops->flags & TTY_PORT_PTY)
		return 0; /* all of it is the master's */

	uint64_t flags = spin_lock_irq(&tty->output_lock);
	uint32_t used = out_used(tty);

	spin_unlock_irq(&tty->output_lock, flags);
	return used;
}

bool tty_output_empty(struct tty *tty)
{
	return tty_output_pending(tty) == 0;
}

/* --- callbacks of the discipline: both locks are held --------------------------------------------
 */

static void op_echo(void *ctx, uint8_t c)
{
	struct tty *tty = ctx;

	/* When the ring is full, nobody sees the echo in time anyway. */
	put_processed(tty, c);
}

static unsigned op_column(void *ctx)
{
	struct tty *tty = ctx;

	return tty->column;
}

static void op_flush_output(void *ctx)
{
	struct tty *tty = ctx;

	tty->out_tail = tty->stopped_at = tty->out_head;
	report(tty, TIOCPKT_FLUSHWRITE);
	wake_writers(tty);
}

void tty_stop_output(struct tty *tty, unsigned why, bool stop)
{
	uint32_t was = tty->stopped;

	WRITE_ONCE(tty->stopped, stop ? was | why : was & ~why);
	if (!was == !tty->stopped)
		return;
	if (stop)
		tty->stopped_at = tty->out_head;
	report(tty, stop ? TIOCPKT_STOP : TIOCPKT_START);
	if (stop)
		return;
	start_output(tty);
	wake_writers(tty);
}

static void op_flow(void *ctx, bool stop)
{
	tty_stop_output(ctx, TTY_STOP_TYPED, stop);
}

static void op_send_now(void *ctx, uint8_t c)
{
	struct tty *tty = ctx;

	tty->urgent = c;
	start_output(tty);
}

static const struct ldisc_ops ldisc_ops = {
	.echo = op_echo,
	.column = op_column,
	.flush_output = op_flush_output,
	.flow = op_flow,
	.send_now = op_send_now,
};

/* --- input ------------------------------------------------------------------------------------ */

void tty_input_events(struct tty *tty, const struct ldisc_events *ev)
{
	for (int sig = 1; ev->signals >> sig; sig++)
		if (ev->signals >> sig & 1)
			tty_signal(tty, sig);
	if (ev->readable)
		blocker_wake(&tty->readers, ~0u, EPOLLIN | EPOLLRDNORM);
}

static void input_done(struct tty *tty, const struct ldisc_events *ev)
{
	if (ev->flushed)
		report(tty, TIOCPKT_FLUSHREAD);
	tty->last_input = clock_mono_ns();
	start_output(tty);
}

void tty_input(struct tty *tty, const uint8_t *bytes, const uint8_t *status, size_t n)
{
	struct ldisc_events events = {0};
	uint64_t flags = tty_lock_both(tty);

	for (size_t i = 0; i < n; i++)
		ldisc_receive(&tty->ldisc, bytes[i], status ? status[i] : LDISC_OK, &events);
	input_done(tty, &events);
	tty_unlock_both(tty, flags);
	tty_input_events(tty, &events);
}

size_t tty_input_locked(struct tty *tty, const uint8_t *bytes, size_t n, struct ldisc_events *ev)
{
	size_t done = 0;

	while (done < n && ldisc_has_room(&tty->ldisc))
		ldisc_receive(&tty->ldisc, bytes[done++], LDISC_OK, ev);
	input_done(tty, ev);
	return done;
}

/* --- life ------------------------------------------------------------------------------------- */

int tty_create(const char *name, const struct tty_port_ops *ops, void *port, struct tty **out)
{
	struct tty *tty = kzalloc(sizeof(*tty));

	if (!tty)
		return -ENOMEM;
	tty->out = kmalloc(TTY_OUTPUT_SIZE);
	if (!tty->out) {
		kfree(tty);
		return -ENOMEM;
	}
	tty->name = name;
	tty->ops = ops;
	tty->port = port;
	mutex_init(&tty->lock, LOCK_TTY);
	mutex_init(&tty->read_lock, LOCK_TTY);
	mutex_init(&tty->write_lock, LOCK_TTY);
	spin_init(&tty->input_lock, LOCK_TTY_INPUT);
	spin_init(&tty->output_lock, LOCK_TTY_OUTPUT);
	blocker_init_class(&tty->readers, LOCK_BLOCKER_OUTER);
	blocker_init_class(&tty->writers, LOCK_BLOCKER_OUTER);
	ldisc_init(&tty->ldisc, &ldisc_ops, tty);
	*out = tty;
	return 0;
}

void tty_reset(struct tty *tty, const struct tty_settings *s)
{
	uint64_t flags;

	mutex_lock(&tty->lock);
	/* Who asked for it while it was hung up has a dead terminal, not this new one. */
	tty_disown(tty);
	tty->size = (struct tty_size){0};
	tty->exclusive = false;
	mutex_unlock(&tty->lock);
	flags = tty_lock_both(tty);
	ldisc_init(&tty->ldisc, &ldisc_ops, tty);
	tty->ldisc.settings = *s;
	tty->out_tail = tty->out_head = tty->stopped_at = 0;
	tty->column = 0;
	tty->urgent = 0;
	tty->stopped = 0;
	tty_unlock_both(tty, flags);
}
