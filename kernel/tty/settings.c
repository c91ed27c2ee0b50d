/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs ask of a terminal besides reading and writing: settings, flow, flushing, draining,
 * size. Native functions; linux/tty_ioctl.c decodes.
 */
#include "tty.h"
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <lib/errno.h>
#include <linux/eventpoll.h>
#include <proc/signal.h>
#include <sched/clock.h>
#include <sched/thread.h>

void tty_get_settings(struct tty *tty, struct tty_settings *out)
{
	uint64_t flags = spin_lock_irq(&tty->input_lock);

	*out = tty->ldisc.settings;
	spin_unlock_irq(&tty->input_lock, flags);
}

static bool hung_up_since(const struct tty *tty, uint32_t hangups)
{
	return __atomic_load_n(&tty->hangups, __ATOMIC_ACQUIRE) != hangups;
}

/* All that was given to the hardware has left it: 0, -EINTR. */
static int wait_for_hardware(struct tty *tty, uint32_t hangups)
{
	uint32_t speed;
	int r = 0;

	if (READ_ONCE(tty->tells_idle))
		return WAIT_UNTIL(&tty->writers,
				  tty->ops->tx_idle(tty) || hung_up_since(tty, hangups), NEVER,
				  WAIT_INTERRUPTIBLE);
	/* Hardware gives no interrupt for "the last bit is out", but the time it takes is known. */
	while (!r && !tty->ops->tx_idle(tty) && !hung_up_since(tty, hangups)) {
		speed = READ_ONCE(tty->ldisc.settings.ospeed);
		r = thread_sleep_until(clock_mono_ns() + 10 * NSEC_PER_SEC / (speed ? speed : 9600),
				       WAIT_INTERRUPTIBLE);
	}
	return r;
}

int tty_drain(struct tty *tty)
{
	uint32_t hangups = __atomic_load_n(&tty->hangups, __ATOMIC_ACQUIRE);
	int r;

	if (tty->ops->flags & TTY_PORT_PTY)
		return 0; /* what was written is as good as sent: the other side has it */
	r = WAIT_UNTIL(&tty->writers, tty_output_empty(tty) || hung_up_since(tty, hangups), NEVER,
		       WAIT_INTERRUPTIBLE);
	if (!r)
		r = wait_for_hardware(tty, hangups);
	return r ? -ERESTARTSYS : 0;
}

/* Would ^S and ^Q control the flow? */
static bool has_usual_flow(const struct tty_settings *s)
{
	return (s->iflag & IXON) && s->cc[VSTOP] == ('S' & 0x1f) && s->cc[VSTART] == ('Q' & 0x1f);
}

/* What packet mode tells of a change of settings. */
static unsigned packet_bits(const struct tty_settings *old, const struct tty_settings *new)
{
	bool flow = has_usual_flow(new);
	unsigned bits = (old->lflag | new->lflag) & EXTPROC ? TIOCPKT_IOCTL : 0;

	if (flow != has_usual_flow(old))
		bits |= flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
	return bits;
}

int tty_set_settings(struct tty *tty, const struct tty_settings *wanted, enum tty_when when)
{
	struct tty_settings s = *wanted;
	uint64_t flags;
	int r = tty_check_change(tty);
	unsigned bits;

	if (!r && when != TTY_NOW)
		r = tty_drain(tty);
	if (r)
		return r;
	if (when == TTY_DRAIN_AND_FLUSH)
		tty_flush(tty, true, false);
	mutex_lock(&tty->lock);
	tty->ops->set_line(tty, &s);
	flags = tty_lock_both(tty);
	bits = packet_bits(&tty->ldisc.settings, &s);
	ldisc_set(&tty->ldisc, &s);
	if (bits && tty->ops->event)
		tty->ops->event(tty, bits);
	tty_unlock_both(tty, flags);
	mutex_unlock(&tty->lock);
	/* What readers wait for may have changed with the mode. */
	blocker_wake(&tty->readers, ~0u, EPOLLIN | EPOLLRDNORM);
	if (tty->ops->input_room)
		tty->ops->input_room(tty);
	return 0;
}

void tty_flush(struct tty *tty, bool input, bool output)
{
	uint64_t flags = tty_lock_both(tty);

	if (input) {
		ldisc_flush_input(&tty->ldisc);
		if (tty->ops->event)
			tty->ops->event(tty, TIOCPKT_FLUSHREAD);
	}
	if (output)
		tty->ldisc.ops->flush_output(tty);
	tty_unlock_both(tty, flags);
	if (input && tty->ops->input_room)
		tty->ops->input_room(tty);
}

int tty_flow(struct tty *tty, unsigned action)
{
	struct ldisc *l = &tty->ldisc;
	uint64_t flags = tty_lock_both(tty);
	int r = 0;

	switch (action) {
	case TCOOFF:
		tty_stop_output(tty, TTY_STOP_ASKED, true);
		break;
	case TCOON:
		/* As on Linux: it ends what VSTOP did meanwhile, too, but not a VSTOP alone. */
		if (!(tty->stopped & TTY_STOP_ASKED))
			break;
		l->stopped = false;
		tty_stop_output(tty, TTY_STOP_ASKED | TTY_STOP_TYPED, false);
		break;
	case TCIOFF:
		if (l->settings.cc[VSTOP])
			l->ops->send_now(tty, l->settings.cc[VSTOP]);
		break;
	case TCION:
		if (l->settings.cc[VSTART])
			l->ops->send_now(tty, l->settings.cc[VSTART]);
		break;
	default:
		r = -EINVAL;
	}
	tty_unlock_both(tty, flags);
	return r;
}

int tty_break(struct tty *tty, nsec_t duration)
{
	int r;

	if (tty->ops->flags & TTY_PORT_PTY)
		return 0;
	tty->ops->set_break(tty, true);
	r = thread_sleep_until(clock_mono_ns() + duration, WAIT_INTERRUPTIBLE);
	tty->ops->set_break(tty, false);
	return r;
}

void tty_get_size(struct tty *tty, struct tty_size *out)
{
	mutex_lock(&tty->lock);
	*out = tty->size;
	mutex_unlock(&tty->lock);
}

void tty_set_size(struct tty *tty, const struct tty_size *size)
{
	bool changed;

	mutex_lock(&tty->lock);
	changed = tty->size.rows != size->rows || tty->size.columns != size->columns ||
		  tty->size.x_pixels != size->x_pixels || tty->size.y_pixels != size->y_pixels;
	tty->size = *size;
	mutex_unlock(&tty->lock);
	if (changed)
		tty_signal(tty, SIGWINCH);
}

size_t tty_input_available(struct tty *tty)
{
	uint64_t flags = spin_lock_irq(&tty->input_lock);
	size_t n = ldisc_available(&tty->ldisc);

	spin_unlock_irq(&tty->input_lock, flags);
	return n;
}

void tty_set_exclusive(struct tty *tty, bool on)
{
	mutex_lock(&tty->lock);
	tty->exclusive = on;
	mutex_unlock(&tty->lock);
}

bool tty_is_exclusive(struct tty *tty)
{
	return READ_ONCE(tty->exclusive);
}

unsigned tty_get_modem(struct tty *tty)
{
	return tty->ops->get_modem(tty);
}

void tty_set_modem(struct tty *tty, unsigned on, unsigned off)
{
	tty->ops->set_modem(tty, on, off);
}
