/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' terminals: <banos/x_tty.h>. A Banos_X_Tty is the port of a struct tty.
 *
 *	live	registered: its node is there, callbacks may run
 *	gone	unregistered: files are hung up, opens fail, what is written is dropped
 *
 * Neither the port nor its terminal is ever freed: sessions and sleepers point to terminals, as
 * with pseudo-terminals. The next registration under the same name uses both again; files that
 * outlive a hangup (/dev/console) then go on with it.
 *
 * While a program has the terminal open the driver is held (owner_hold). Callbacks need no gate:
 * they run under output_lock and the port's lock and look at `live` there, and the unregistration
 * has had both locks when it returns. Functions that the driver calls are its own to end before.
 *
 * Sending: `asking` is true while the driver has been told to call for more. start_tx puts what it
 * can into the hardware at once, so a short text on an idle line needs no interrupt. One visit
 * sends at most BURSTS pieces, because interrupts are off meanwhile.
 *
 * Receiving from a line that can wait: bytes are pulled out of the driver while somebody has the
 * terminal open, the discipline has room and the driver has some. `hungry` is true from the moment
 * that it is told of bytes until it says that there are no more; then whoever makes room (a
 * reader, a flush, the first open) pulls. What was pulled and found no room waits in `left`. One
 * visit takes at most PULLS pieces; for the rest there is work, as interrupts may be off.
 *
 * Locks: `ports_lock` (DRIVER_NAMES) for registrations; the terminal's own; the port's
 * (DRIVER_PORT), in whose place is the log's (CONSOLE) if both write to the same hardware.
 *
 * Rejected: handing the console's hardware over to the driver. A panic has to be seen whatever the
 * driver does, and then needs nobody's lock.
 */
#include "banos_tty.h"

#include "tty.h"
#include "tty_internal.h"
#include <arch/console.h>
#include <asm/ioctls.h>
#include <asm/termios.h>
#include <banos/export.h>
#include <banos/x_tty.h>
#include <base/banos_desc.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/gate.h>
#include <sched/work.h>
#include <vfs/chardev.h>

#define PIECE  64
#define BURSTS 16
#define PULLS  64

struct Banos_X_Tty {
	struct owner_object object;
	struct list link;      /* [ports_lock] */
	struct tty *tty;       /* [I] */
	struct spinlock own;   /* DRIVER_PORT */
	struct spinlock *lock; /* [I while live] the port's: own, or the log's */
	Banos_X_Tty_Ops ops;   /* [I while live] */
	void *ctx;	       /* [I while live] */
	bool held;	       /* [tty->lock] the driver is, because programs have it open */
	bool live;	       /* [tty->lock and output_lock to write] */
	bool asking;	       /* [output_lock] */
	bool receiving;	       /* [output_lock] a program has it open */
	bool hungry;	       /* [output_lock; a] the driver may have bytes for us */
	uint32_t left_at;      /* [input_lock] of those in `left`, the next */
	uint32_t left_end;     /* [input_lock] */
	uint8_t left[PIECE];   /* [input_lock] had from the driver, no room yet */
	struct work rest;      /* pulls what was too much for one visit */
	struct chardev dev;    /* [ports_lock] */
	char name[BANOS_X_TTY_NAME_MAX + 1]; /* [I] */
};

static struct mutex ports_lock = MUTEX_INIT(LOCK_DRIVER_NAMES);
static struct list ports = LIST_INIT(ports); /* [ports_lock] oldest first, of every name one */

BUILD_ASSERT(BANOS_X_TTY_GOOD == LDISC_OK && BANOS_X_TTY_BREAK == LDISC_BREAK &&
		     BANOS_X_TTY_ERROR == LDISC_PARITY && BANOS_X_TTY_OVERRUN == LDISC_OVERRUN,
	     "the discipline's numbers");
BUILD_ASSERT(BANOS_X_TTY_DTR == TIOCM_DTR && BANOS_X_TTY_RTS == TIOCM_RTS &&
		     BANOS_X_TTY_CTS == TIOCM_CTS && BANOS_X_TTY_CD == TIOCM_CD &&
		     BANOS_X_TTY_RI == TIOCM_RI && BANOS_X_TTY_DSR == TIOCM_DSR,
	     "Linux's numbers");

/* A callback with the port's lock held; output_lock is held, interrupts are off. The look at what
 * it leaves behind may write to the log, so it comes after the lock. */
#define PORT_CALL(p, name, ...)                                  \
	({                                                       \
		struct gate_call call_;                          \
		gate_call_begin(&call_);                         \
		spin_lock((p)->lock);                            \
		(p)->ops.name((p)->ctx, ##__VA_ARGS__);          \
		spin_unlock((p)->lock);                          \
		gate_call_end((p)->object.owner, &call_, #name); \
	})
#define PORT_CALL_RESULT(p, name, ...)                                       \
	({                                                                   \
		struct gate_call call_;                                      \
		gate_call_begin(&call_);                                     \
		spin_lock((p)->lock);                                        \
		__typeof__((p)->ops.name((p)->ctx, ##__VA_ARGS__)) result_ = \
			(p)->ops.name((p)->ctx, ##__VA_ARGS__);              \
		spin_unlock((p)->lock);                                      \
		gate_call_end((p)->object.owner, &call_, #name);             \
		result_;                                                     \
	})

/* --- what the terminal asks of its port ------------------------------------------------------ */

/* output_lock held. */
static void push(struct Banos_X_Tty *p)
{
	uint8_t bytes[PIECE];
	size_t n, taken;
	bool more;

	for (unsigned i = 0; i < BURSTS; i++) {
		n = tty_tx_peek(p->tty, bytes, sizeof(bytes));
		if (!n)
			break;
		taken = PORT_CALL_RESULT(p, tx, bytes, n);
		taken = min(taken, n);
		tty_tx_done(p->tty, taken);
		if (taken < n)
			break;
	}
	more = tty_tx_peek(p->tty, bytes, 1);
	if (more != p->asking) {
		p->asking = more;
		PORT_CALL(p, tx_ask, more);
	}
}

/* Nobody sends it: who waits for that must not wait for ever. output_lock held. */
static void drop_output(struct tty *tty)
{
	uint8_t bytes[PIECE];
	size_t n;

	while ((n = tty_tx_peek(tty, bytes, sizeof(bytes))) != 0)
		tty_tx_done(tty, n);
}

static void port_start_tx(struct tty *tty)
{
	struct Banos_X_Tty *p = tty->port;

	if (!p->live)
		drop_output(tty);
	else if (!p->asking)
		push(p);
}

static int port_may_open(struct tty *tty)
{
	struct Banos_X_Tty *p = tty->port;

	return p->live ? 0 : -ENODEV;
}

/* output_lock held. */
static void receive(struct Banos_X_Tty *p, bool on)
{
	p->receiving = on;
	if (p->live && p->ops.receive)
		PORT_CALL(p, receive, on);
}

/* tty->lock held, so it stays live or gone. */
static int port_power(struct tty *tty, bool on)
{
	struct Banos_X_Tty *p = tty->port;
	uint64_t flags;

	if (!p->live)
		return -ENODEV;
	if (on) {
		p->held = owner_hold(p->object.owner);
		if (!p->held)
			return -ENODEV;
	}
	flags = spin_lock_irq(&tty->output_lock);
	receive(p, on);
	spin_unlock_irq(&tty->output_lock, flags);
	if (!on && p->held) {
		p->held = false;
		owner_drop(p->object.owner);
	}
	return 0;
}

static bool port_tx_idle(struct tty *tty)
{
	struct Banos_X_Tty *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	bool idle = !p->live || PORT_CALL_RESULT(p, tx_idle);

	spin_unlock_irq(&tty->output_lock, flags);
	return idle;
}

static void line_of(Banos_X_Tty_Line *line, const struct tty_settings *s)
{
	*line = (Banos_X_Tty_Line){
		.size = sizeof(*line),
		.speed = s->ospeed,
		.data_bits = 5 + (s->cflag & CSIZE) / CS6,
		.stop_bits = s->cflag & CSTOPB ? 2 : 1,
		.parity = !(s->cflag & PARENB) ? BANOS_X_TTY_PARITY_NONE
			  : s->cflag & PARODD  ? BANOS_X_TTY_PARITY_ODD
					       : BANOS_X_TTY_PARITY_EVEN,
	};
}

/* What the driver has made of it. Nonsense is not taken over. */
static void take_line(struct tty_settings *s, const Banos_X_Tty_Line *line)
{
	if (line->speed != s->ospeed && line->speed) {
		s->ospeed = line->speed;
		s->cflag = (s->cflag & ~CBAUD) | tty_speed_flag(line->speed);
	}
	s->ispeed = s->ospeed;
	if (line->data_bits >= 5 && line->data_bits <= 8)
		s->cflag = (s->cflag & ~CSIZE) | (line->data_bits - 5) * CS6;
	s->cflag &= ~(uint32_t)(CSTOPB | PARENB);
	if (line->stop_bits == 2)
		s->cflag |= CSTOPB;
	if (line->parity != BANOS_X_TTY_PARITY_NONE) {
		s->cflag = (s->cflag & ~PARODD) | PARENB;
		if (line->parity == BANOS_X_TTY_PARITY_ODD)
			s->cflag |= PARODD;
	}
}

static void port_set_line(struct tty *tty, struct tty_settings *s)
{
	struct Banos_X_Tty *p = tty->port;
	Banos_X_Tty_Line line;
	uint64_t flags;

	/* Not done: hardware flow control. The answer to tcgetattr says so. */
	s->cflag &= ~CRTSCTS;
	line_of(&line, s);
	flags = spin_lock_irq(&tty->output_lock);
	if (p->live && p->ops.set_line)
		PORT_CALL(p, set_line, &line);
	spin_unlock_irq(&tty->output_lock, flags);
	take_line(s, &line);
}

static void port_set_break(struct tty *tty, bool on)
{
	struct Banos_X_Tty *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);

	if (p->live && p->ops.set_break)
		PORT_CALL(p, set_break, on);
	spin_unlock_irq(&tty->output_lock, flags);
}

static unsigned port_get_modem(struct tty *tty)
{
	struct Banos_X_Tty *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	unsigned on = p->live && p->ops.get_modem ? PORT_CALL_RESULT(p, get_modem) : 0;

	spin_unlock_irq(&tty->output_lock, flags);
	return on & (TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_RI | TIOCM_CD);
}

static void port_set_modem(struct tty *tty, unsigned on, unsigned off)
{
	struct Banos_X_Tty *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);

	if (p->live && p->ops.set_modem)
		PORT_CALL(p, set_modem, on & (TIOCM_DTR | TIOCM_RTS),
			  off & (TIOCM_DTR | TIOCM_RTS));
	spin_unlock_irq(&tty->output_lock, flags);
}

/* --- bytes that the driver keeps until there is room -------------------------------------------
 */

/* Both spinlocks held. True: there may be more, and room for it. */
static bool pull_piece(struct Banos_X_Tty *p, struct ldisc_events *ev)
{
	struct ldisc *l = &p->tty->ldisc;
	uint64_t n;

	if (!p->live || !p->receiving || !p->ops.rx || !ldisc_has_room(l))
		return false;
	if (p->left_at == p->left_end && !p->hungry)
		return false; /* somebody else has heard that there is no more */
	if (p->left_at == p->left_end) {
		n = PORT_CALL_RESULT(p, rx, p->left, sizeof(p->left));
		p->left_at = 0;
		p->left_end = (uint32_t)min(n, (uint64_t)sizeof(p->left));
		if (!n) {
			WRITE_ONCE(p->hungry, false);
			return false;
		}
	}
	p->left_at += (uint32_t)tty_input_locked(p->tty, p->left + p->left_at,
						 p->left_end - p->left_at, ev);
	return p->left_at == p->left_end;
}

/* Context: any, no lock of the terminal held. */
static void pull(struct Banos_X_Tty *p)
{
	for (unsigned i = 0; i < PULLS; i++) {
		struct ldisc_events ev = {0};
		uint64_t flags = tty_lock_both(p->tty);
		bool more = pull_piece(p, &ev);

		tty_unlock_both(p->tty, flags);
		tty_input_events(p->tty, &ev);
		if (!more)
			return;
	}
	work_submit(&p->rest);
}

static void pull_rest(struct work *work)
{
	pull(container_of(work, struct Banos_X_Tty, rest));
}

/* Who stopped for want of room has set `hungry` with the locks held under which room was made, or
 * has seen that room. */
static void port_input_room(struct tty *tty)
{
	struct Banos_X_Tty *p = tty->port;

	if (READ_ONCE(p->hungry))
		pull(p);
}

static const struct tty_port_ops port_ops = {
	.may_open = port_may_open,
	.input_room = port_input_room,
	.start_tx = port_start_tx,
	.tx_idle = port_tx_idle,
	.set_line = port_set_line,
	.power = port_power,
	.set_break = port_set_break,
	.get_modem = port_get_modem,
	.set_modem = port_set_modem,
};

/* --- what the driver calls -------------------------------------------------------------------- */

uint64_t banos_x_tty_lock(Banos_X_Tty *p)
{
	return spin_lock_irq(p->lock);
}
BANOS_EXPORT(banos_x_tty_lock);

void banos_x_tty_unlock(Banos_X_Tty *p, uint64_t token)
{
	spin_unlock_irq(p->lock, token);
}
BANOS_EXPORT(banos_x_tty_unlock);

void banos_x_tty_rx(Banos_X_Tty *p, const uint8_t *bytes, const uint8_t *status, uint64_t length)
{
	uint8_t known[PIECE];

	while (length) {
		size_t n = min(length, (uint64_t)sizeof(known));

		for (size_t i = 0; status && i < n; i++)
			known[i] = min(status[i], (uint8_t)LDISC_OVERRUN);
		tty_input(p->tty, bytes, status ? known : NULL, n);
		bytes += n;
		length -= n;
		if (status)
			status += n;
	}
}
BANOS_EXPORT(banos_x_tty_rx);

void banos_x_tty_tx_ready(Banos_X_Tty *p)
{
	uint64_t flags = spin_lock_irq(&p->tty->output_lock);

	if (p->live)
		push(p);
	tty_tx_idle(p->tty);
	spin_unlock_irq(&p->tty->output_lock, flags);
}
BANOS_EXPORT(banos_x_tty_tx_ready);

void banos_x_tty_rx_ready(Banos_X_Tty *p)
{
	uint64_t flags = spin_lock_irq(&p->tty->output_lock);

	WRITE_ONCE(p->hungry, true);
	spin_unlock_irq(&p->tty->output_lock, flags);
	pull(p);
}
BANOS_EXPORT(banos_x_tty_rx_ready);

void banos_x_tty_set_size(Banos_X_Tty *p, uint32_t rows, uint32_t columns)
{
	tty_set_size(p->tty, &(struct tty_size){.rows = (uint16_t)min(rows, 0xffffu),
						.columns = (uint16_t)min(columns, 0xffffu)});
}
BANOS_EXPORT(banos_x_tty_set_size);

/* --- registration ----------------------------------------------------------------------------- */

static const char *label(const struct owner_object *object)
{
	return container_of(object, Banos_X_Tty, object)->name;
}

static void forgotten(struct owner_object *object)
{
	banos_x_tty_unregister(container_of(object, Banos_X_Tty, object));
}

/* Its memory stays for ever (ports), so that there is nothing between stopped and released. */
static const struct owner_class tty_class = {
	.name = "terminal", .stage = OWNER_FRONT, .label = label, .release = forgotten};

/* ports_lock held. */
static struct Banos_X_Tty *find(const char *name)
{
	struct Banos_X_Tty *p;

	list_for_each_entry(p, &ports, link)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static struct Banos_X_Tty *make(const char *name)
{
	struct Banos_X_Tty *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	strlcpy(p->name, name, sizeof(p->name));
	spin_init(&p->own, LOCK_DRIVER_PORT);
	work_init(&p->rest, pull_rest);
	if (tty_create(p->name, &port_ops, p, &p->tty)) {
		kfree(p);
		return NULL;
	}
	list_add_tail(&p->link, &ports);
	return p;
}

static void set_live(struct Banos_X_Tty *p, bool live)
{
	uint64_t flags = tty_lock_both(p->tty);

	p->live = live;
	p->asking = false;
	p->hungry = false;
	p->left_at = p->left_end = 0;
	if (!live)
		drop_output(p->tty);
	tty_unlock_both(p->tty, flags);
}

/* Line settings as the driver can do them; somebody may have it open already. tty->lock held. */
static void begin(struct Banos_X_Tty *p)
{
	struct tty_settings s;
	uint64_t flags;

	tty_get_settings(p->tty, &s);
	port_set_line(p->tty, &s);
	flags = tty_lock_both(p->tty);
	p->tty->ldisc.settings = s;
	port_start_tx(p->tty);
	tty_unlock_both(p->tty, flags);
	/* The driver's init is running: it can be held. */
	if (p->tty->open_count)
		port_power(p->tty, true);
}

/* ports_lock held. */
static int publish(struct Banos_X_Tty *p, struct owner *owner, const Banos_X_Tty_Desc *desc,
		   const Banos_X_Tty_Ops *ops, void *ctx)
{
	int r;

	p->lock = console_port_is(desc->io_base) ? &console_port_lock : &p->own;
	p->ops = *ops;
	p->ctx = ctx;
	p->tty->number = desc->major << 8 | desc->minor;
	p->dev = (struct chardev){
		.name = p->name,
		.rdev = DEV_MAKE(desc->major, desc->minor),
		.count = 1,
		.mode = desc->mode ? desc->mode : 0660,
		.ops = &tty_line_ops,
		.priv = p->tty,
	};
	owner_add(owner, &p->object, &tty_class);
	mutex_lock(&p->tty->lock);
	p->tty->tells_idle = desc->flags & BANOS_X_TTY_TELLS_IDLE;
	set_live(p, true);
	begin(p);
	mutex_unlock(&p->tty->lock);
	r = chardev_add(&p->dev);
	if (r) {
		mutex_lock(&p->tty->lock);
		if (p->tty->open_count)
			port_power(p->tty, false);
		set_live(p, false);
		mutex_unlock(&p->tty->lock);
		/* A program may have opened it while its node could not be made. */
		tty_hangup(p->tty);
		owner_remove(&p->object);
	}
	return r;
}

int32_t banos_x_tty_register(Banos_Driver *driver, const Banos_X_Tty_Desc *given,
			     const Banos_X_Tty_Ops *given_ops, void *ctx, Banos_X_Tty **out)
{
	struct owner *owner = owner_find(driver);
	Banos_X_Tty_Desc desc;
	Banos_X_Tty_Ops ops;
	struct Banos_X_Tty *p;
	const char *wrong;
	int r = BANOS_STRUCT_GET(owner, Banos_X_Tty_Desc, &desc, given), used;

	if (out)
		*out = NULL;
	if (r)
		return r;
	used = BANOS_OPS_GET(owner, Banos_X_Tty_Ops, &ops, given_ops);
	if (used < 0)
		return used;
	if (!owner || !out)
		return BANOS_REFUSE_CALLER(owner);
	wrong = banos_tty_wrong(&desc, &ops);
	if (wrong)
		return BANOS_REFUSE_WRONG(owner, desc.name, wrong);
	mutex_lock(&ports_lock);
	p = find(desc.name);
	if (chardev_name_taken(desc.name))
		r = -EEXIST;
	else if (!p && !(p = make(desc.name)))
		r = -ENOMEM;
	if (!r) {
		*out = p; /* first: callbacks may come before we return */
		r = publish(p, owner, &desc, &ops, ctx);
		if (r)
			*out = NULL;
	}
	mutex_unlock(&ports_lock);
	if (r == -EEXIST)
		BANOS_REFUSE_TAKEN(owner, desc.name, "");
	return r ? r : used;
}
BANOS_EXPORT(banos_x_tty_register);

int32_t banos_x_tty_unregister(Banos_X_Tty *p)
{
	if (!p)
		return 0;
	mutex_lock(&ports_lock);
	/* A thread of the driver's and the taking back of what it forgot may meet here. */
	if (!p->live) {
		mutex_unlock(&ports_lock);
		return 0;
	}
	chardev_remove(&p->dev);
	mutex_lock(&p->tty->lock);
	if (p->tty->open_count)
		port_power(p->tty, false);
	set_live(p, false);
	mutex_unlock(&p->tty->lock);
	tty_hangup(p->tty);
	owner_remove(&p->object);
	mutex_unlock(&ports_lock);
	return 0;
}
BANOS_EXPORT(banos_x_tty_unregister);

struct tty *banos_tty_find(const char *name)
{
	struct Banos_X_Tty *p;

	mutex_lock(&ports_lock);
	p = name ? find(name) : list_first_entry_or_null(&ports, struct Banos_X_Tty, link);
	mutex_unlock(&ports_lock);
	return p ? p->tty : NULL;
}
