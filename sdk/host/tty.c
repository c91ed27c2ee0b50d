/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/x_tty.h>, as kernel/tty/banos_tty.c does it, with queues of bytes where that has a line
 * discipline.
 *
 *	live	registered: opens find it, callbacks may run
 *	gone	unregistered: files are hung up. Its record stays for good, so that a driver that
 *		still calls is named.
 *
 * Locks, both spinlocks of drivers, so that their rules are looked at: `output` around what is
 * sent, and around all callbacks; inside it `port`, the driver's own as well. Who has the port of a
 * terminal that the kernel's log may write to calls nothing but registers (task->registers_only).
 */
#include "tty.h"
#include "block.h"
#include "device.h"
#include "host.h"
#include "task.h"
#include <banos/sync.h>
#include <base/banos_desc.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <base/owner.h>
#include <sched/gate.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define PIECE	    64
#define BURSTS	    16
#define OUTPUT_SIZE 4096u
#define INPUT_SIZE  65536u
#define IDLE_NS	    NSEC_PER_MSEC /* how often it is asked whether the last bit has left */
#define SPEED	    38400

struct Banos_X_Tty {
	struct owner_object object;
	struct list link; /* in all, or in gone */
	char name[BANOS_X_TTY_NAME_MAX + 1];
	Banos_X_Tty_Desc desc;
	Banos_X_Tty_Ops ops;
	void *ctx;
	Banos_Spinlock output, port;
	struct task *holder; /* of the port */
	uint64_t token;	     /* of the output lock */
	bool live;	     /* callbacks may run; looked at with the output lock held */
	bool gone;	     /* unregistered */
	bool asking;	     /* the driver calls for more to send */
	bool hungry;	     /* the driver may have bytes that rx gives */
	uint32_t told;	     /* how often it has said that there is room to send */
	uint32_t rows, columns;
	uint32_t opens, hangups;
	Banos_X_Tty_Line line;
	uint8_t out[OUTPUT_SIZE];
	uint32_t out_count;
	uint8_t in[INPUT_SIZE];
	uint32_t in_count;
};

static struct list all = LIST_INIT(all);
static struct list gone = LIST_INIT(gone);

Banos_X_Tty *tty_find(const char *name)
{
	Banos_X_Tty *p;

	list_for_each_entry(p, &all, link)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

/* --- locks and callbacks ---------------------------------------------------------------------- */

static void lock_output(Banos_X_Tty *p)
{
	uint64_t token = banos_spin_lock(&p->output);

	p->token = token;
}

static void unlock_output(Banos_X_Tty *p)
{
	banos_spin_unlock(&p->output, p->token);
}

static uint64_t take_port(Banos_X_Tty *p)
{
	uint64_t token = banos_spin_lock(&p->port);

	p->holder = task_self();
	p->holder->registers_only = p->desc.io_base != 0;
	return token;
}

static void give_port(Banos_X_Tty *p, uint64_t token)
{
	if (p->holder == task_self()) {
		p->holder->registers_only = false;
		p->holder = NULL;
	}
	banos_spin_unlock(&p->port, token);
}

/* With the output lock held. */
#define PORT_CALL(p, name, ...)                                  \
	do {                                                     \
		struct gate_call call_;                          \
		uint64_t token_;                                 \
		gate_call_begin(&call_);                         \
		token_ = take_port(p);                           \
		(p)->ops.name((p)->ctx, ##__VA_ARGS__);          \
		give_port(p, token_);                            \
		gate_call_end((p)->object.owner, &call_, #name); \
	} while (0)
#define PORT_CALL_RESULT(p, name, ...)                                       \
	({                                                                   \
		struct gate_call call_;                                      \
		uint64_t token_;                                             \
		gate_call_begin(&call_);                                     \
		token_ = take_port(p);                                       \
		__typeof__((p)->ops.name((p)->ctx, ##__VA_ARGS__)) result_ = \
			(p)->ops.name((p)->ctx, ##__VA_ARGS__);              \
		give_port(p, token_);                                        \
		gate_call_end((p)->object.owner, &call_, #name);             \
		result_;                                                     \
	})

/* --- sending ---------------------------------------------------------------------------------- */

/* Output lock held. */
static void drop_sent(Banos_X_Tty *p, uint32_t n)
{
	p->out_count -= n;
	memmove(p->out, p->out + n, p->out_count);
}

/* Output lock held; it is live. */
static void push(Banos_X_Tty *p)
{
	bool more;

	for (unsigned i = 0; i < BURSTS && p->out_count; i++) {
		uint32_t n = min(p->out_count, (uint32_t)PIECE);
		uint8_t piece[PIECE];
		uint64_t taken;

		memcpy(piece, p->out, n);
		taken = PORT_CALL_RESULT(p, tx, piece, n);
		if (taken > n)
			host_complain("driver %s: tx took %llu bytes of %u", p->object.owner->name,
				      (unsigned long long)taken, n);
		drop_sent(p, (uint32_t)min(taken, (uint64_t)n));
		if (taken < n)
			break;
	}
	more = p->out_count != 0;
	if (more != p->asking) {
		p->asking = more;
		PORT_CALL(p, tx_ask, more);
	}
}

static void start_sending(Banos_X_Tty *p)
{
	lock_output(p);
	if (!p->live)
		p->out_count = 0;
	else if (!p->asking)
		push(p);
	unlock_output(p);
}

static bool is_hung_up(const struct tty_file *f)
{
	return !f->tty->live || f->tty->hangups != f->hangups;
}

static bool has_room(const void *on)
{
	const struct tty_file *f = on;

	return is_hung_up(f) || f->tty->out_count < OUTPUT_SIZE;
}

/* What is done is done, whatever ends it. */
static int64_t write_part(struct tty_file *f, const uint8_t *bytes, uint64_t length)
{
	Banos_X_Tty *p = f->tty;
	uint32_t n;

	if (!has_room(f) && f->nonblock)
		return -EAGAIN;
	if (task_wait(has_room, f, NEVER, true, "driver %s to send what %s is given",
		      p->object.owner->name, p->name))
		return -EINTR;
	if (is_hung_up(f))
		return -EIO;
	lock_output(p);
	n = (uint32_t)min(length, (uint64_t)(OUTPUT_SIZE - p->out_count));
	memcpy(p->out + p->out_count, bytes, n);
	p->out_count += n;
	unlock_output(p);
	start_sending(p);
	return n;
}

int64_t tty_write(struct tty_file *f, const uint8_t *bytes, uint64_t length)
{
	uint64_t done = 0;
	int64_t n;

	while (done < length) {
		n = write_part(f, bytes + done, length - done);
		if (n < 0)
			return done ? (int64_t)done : n;
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

static bool is_sent(const void *on)
{
	const struct tty_file *f = on;

	return is_hung_up(f) || !f->tty->out_count;
}

/* With BANOS_X_TTY_TELLS_IDLE the driver says when the last bit may have left. */
static bool may_be_idle(const void *on)
{
	const struct tty_file *f = on;

	return is_hung_up(f) || (f->tty->desc.flags & BANOS_X_TTY_TELLS_IDLE && f->tty->told);
}

int tty_drain(struct tty_file *f)
{
	Banos_X_Tty *p = f->tty;
	bool tells = p->desc.flags & BANOS_X_TTY_TELLS_IDLE, idle = false;

	if (task_wait(is_sent, f, NEVER, true, "driver %s to send what %s was given",
		      p->object.owner->name, p->name))
		return -EINTR;
	while (!idle) {
		lock_output(p);
		p->told = 0;
		idle = is_hung_up(f) || PORT_CALL_RESULT(p, tx_idle);
		unlock_output(p);
		if (!idle &&
		    task_wait(may_be_idle, f, tells ? NEVER : task_now() + IDLE_NS, true,
			      "driver %s to say that all is sent", p->object.owner->name) == -EINTR)
			return -EINTR;
	}
	return is_hung_up(f) ? -EIO : 0;
}

/* --- receiving -------------------------------------------------------------------------------- */

static void put_in(Banos_X_Tty *p, uint8_t byte)
{
	if (p->in_count < INPUT_SIZE) /* what nobody reads is lost, as in the kernel */
		p->in[p->in_count++] = byte;
}

static void receive_byte(Banos_X_Tty *p, uint8_t byte, uint8_t status)
{
	if (status == BANOS_X_TTY_OVERRUN) {
		put_in(p, 0xff);
		put_in(p, 1);
	}
	if (status == BANOS_X_TTY_BREAK || status == BANOS_X_TTY_ERROR) {
		put_in(p, 0xff);
		put_in(p, 0);
		put_in(p, status == BANOS_X_TTY_BREAK ? 0 : byte);
		return;
	}
	if (byte == 0xff)
		put_in(p, 0xff);
	put_in(p, byte);
}

/* What the driver keeps until there is room: each byte may take two. Only of a terminal that is
 * open. */
static void pull(Banos_X_Tty *p)
{
	lock_output(p);
	while (p->live && p->opens && p->hungry && p->in_count + 2 * PIECE <= INPUT_SIZE) {
		uint8_t piece[PIECE] = {0};
		uint64_t n = PORT_CALL_RESULT(p, rx, piece, sizeof(piece));

		if (n > sizeof(piece))
			host_complain("driver %s: rx gave %llu bytes of %u", p->object.owner->name,
				      (unsigned long long)n, PIECE);
		n = min(n, (uint64_t)sizeof(piece));
		p->hungry = n != 0;
		for (uint64_t i = 0; i < n; i++)
			receive_byte(p, piece[i], BANOS_X_TTY_GOOD);
	}
	unlock_output(p);
}

static bool has_input(const void *on)
{
	const struct tty_file *f = on;

	return is_hung_up(f) || f->tty->in_count;
}

static int64_t read_part(struct tty_file *f, uint8_t *bytes, uint64_t length)
{
	Banos_X_Tty *p = f->tty;
	uint32_t n;

	if (!has_input(f) && f->nonblock)
		return -EAGAIN;
	if (task_wait(has_input, f, NEVER, true, "something to come in on %s", p->name))
		return -EINTR;
	if (is_hung_up(f))
		return 0;
	n = (uint32_t)min(length, (uint64_t)p->in_count);
	memcpy(bytes, p->in, n);
	p->in_count -= n;
	memmove(p->in, p->in + n, p->in_count);
	if (p->hungry)
		pull(p);
	return n;
}

void tty_window(const struct tty_file *f, uint32_t *rows, uint32_t *columns)
{
	*rows = f->tty->rows;
	*columns = f->tty->columns;
}

int64_t tty_read(struct tty_file *f, uint8_t *bytes, uint64_t length, bool whole)
{
	uint64_t done = 0;
	int64_t n;

	do {
		n = read_part(f, bytes + done, length - done);
		if (n <= 0)
			return done ? (int64_t)done : n;
		done += (uint64_t)n;
	} while (whole && done < length);
	return (int64_t)done;
}

/* --- settings --------------------------------------------------------------------------------- */

static bool is_possible(const Banos_X_Tty_Line *l)
{
	return l->data_bits >= 5 && l->data_bits <= 8 && l->stop_bits >= 1 && l->stop_bits <= 2 &&
	       l->parity <= BANOS_X_TTY_PARITY_EVEN;
}

/* As the driver can do it. */
static void apply_line(Banos_X_Tty *p, Banos_X_Tty_Line *line)
{
	Banos_X_Tty_Line wanted = *line;

	lock_output(p);
	if (p->live && p->ops.set_line)
		PORT_CALL(p, set_line, line);
	unlock_output(p);
	if (!is_possible(line)) {
		host_complain("driver %s: set_line has made of it %u bits a second, %u data bits, "
			      "%u stop bits, parity %u",
			      p->object.owner->name, line->speed, line->data_bits, line->stop_bits,
			      line->parity);
		*line = wanted;
	}
	p->line = *line;
}

int tty_set_line(struct tty_file *f, Banos_X_Tty_Line *line)
{
	if (is_hung_up(f))
		return -EIO;
	apply_line(f->tty, line);
	return 0;
}

void tty_get_line(const struct tty_file *f, Banos_X_Tty_Line *line)
{
	*line = f->tty->line;
}

int tty_set_break(struct tty_file *f, bool on)
{
	Banos_X_Tty *p = f->tty;

	if (is_hung_up(f))
		return -EIO;
	if (!p->ops.set_break)
		return -EOPNOTSUPP;
	lock_output(p);
	if (p->live)
		PORT_CALL(p, set_break, on);
	unlock_output(p);
	return 0;
}

int64_t tty_modem(struct tty_file *f, uint32_t on, uint32_t off)
{
	Banos_X_Tty *p = f->tty;
	int64_t now = 0;

	if (is_hung_up(f))
		return -EIO;
	if (!p->ops.get_modem || ((on | off) && !p->ops.set_modem))
		return -EOPNOTSUPP;
	lock_output(p);
	if (p->live && (on | off))
		PORT_CALL(p, set_modem, on, off);
	if (p->live)
		now = PORT_CALL_RESULT(p, get_modem);
	unlock_output(p);
	return now;
}

/* --- open and close --------------------------------------------------------------------------- */

static void receive(Banos_X_Tty *p, bool on)
{
	lock_output(p);
	if (p->live && p->ops.receive)
		PORT_CALL(p, receive, on);
	unlock_output(p);
}

int tty_open(const char *name, uint32_t how, const struct user *user, struct tty_file **out)
{
	Banos_X_Tty *p = tty_find(name);
	struct tty_file *f;

	if (p && !user_may(user, how, p->desc.mode ? p->desc.mode : 0660, 0, 0))
		return -EACCES;
	if (!p || !p->live || (!p->opens && !owner_hold(p->object.owner)))
		return -ENODEV;
	f = host_alloc(sizeof(*f));
	f->tty = p;
	f->hangups = p->hangups;
	f->nonblock = how & DEVICE_NONBLOCK;
	if (p->opens++ == 0) {
		p->in_count = 0;
		receive(p, true);
		if (p->hungry)
			pull(p);
	}
	*out = f;
	return 0;
}

void tty_close(struct tty_file *f)
{
	Banos_X_Tty *p = f->tty;

	/* Of one that is gone the unregistration has done it. */
	if (!is_hung_up(f) && --p->opens == 0) {
		receive(p, false);
		owner_drop(p->object.owner);
	}
	free(f);
}

/* --- what the driver calls -------------------------------------------------------------------- */

/* May it be called, with this terminal, here? */
static bool is_right(Banos_X_Tty *p, bool needs_no_lock)
{
	char where[WHERE_SIZE];
	const char *why = NULL;

	if (p->gone)
		why = "which was unregistered";
	else if (needs_no_lock && p->holder == task_self())
		why = "while it holds the port's lock";
	else if (needs_no_lock && task_self()->spins)
		why = "while it holds a spinlock";
	if (why)
		host_complain("%s: %s of %s, %s", images_where(api_caller(), where), api_name(),
			      p->name, why);
	return !why;
}

uint64_t banos_x_tty_lock(Banos_X_Tty *p)
{
	return is_right(p, true) ? take_port(p) : 0;
}

void banos_x_tty_unlock(Banos_X_Tty *p, uint64_t token)
{
	if (is_right(p, false))
		give_port(p, token);
}

void banos_x_tty_rx(Banos_X_Tty *p, const uint8_t *bytes, const uint8_t *status, uint64_t length)
{
	char where[WHERE_SIZE];

	if (!is_right(p, true))
		return;
	for (uint64_t i = 0; i < length; i++) {
		uint8_t how = status ? status[i] : BANOS_X_TTY_GOOD;

		if (how > BANOS_X_TTY_OVERRUN)
			host_complain("%s: a byte comes in with the status %u",
				      images_where(api_caller(), where), how);
		if (p->opens)
			receive_byte(p, bytes[i], how);
	}
}

void banos_x_tty_tx_ready(Banos_X_Tty *p)
{
	if (!is_right(p, true))
		return;
	lock_output(p);
	p->told++;
	if (p->live)
		push(p);
	unlock_output(p);
}

void banos_x_tty_rx_ready(Banos_X_Tty *p)
{
	char where[WHERE_SIZE];

	if (!is_right(p, true))
		return;
	if (!p->ops.rx) {
		host_complain("%s: %s of %s, which has no rx", images_where(api_caller(), where),
			      api_name(), p->name);
		return;
	}
	p->hungry = true;
	pull(p);
}

void banos_x_tty_set_size(Banos_X_Tty *p, uint32_t rows, uint32_t columns)
{
	if (!is_right(p, true))
		return;
	p->rows = min(rows, 0xffffu);
	p->columns = min(columns, 0xffffu);
}

/* --- registration ----------------------------------------------------------------------------- */

static const char *label(const struct owner_object *object)
{
	return container_of(object, Banos_X_Tty, object)->name;
}

static void forgotten(struct owner_object *object)
{
	banos_x_tty_unregister(container_of(object, Banos_X_Tty, object));
}

static const struct owner_class tty_class = {
	.name = "terminal", .label = label, .release = forgotten};

static bool is_taken(const Banos_X_Tty_Desc *desc)
{
	Banos_X_Tty *p;

	list_for_each_entry(p, &all, link)
		if (p->desc.major == desc->major && p->desc.minor == desc->minor)
			return true;
	return tty_find(desc->name) || device_exists(desc->name) || block_find(desc->name);
}

static Banos_X_Tty *make(const Banos_X_Tty_Desc *desc, const Banos_X_Tty_Ops *ops, void *ctx)
{
	Banos_X_Tty *p = host_alloc(sizeof(*p));

	strlcpy(p->name, desc->name, sizeof(p->name));
	p->desc = *desc;
	p->desc.name = NULL; /* the driver's */
	p->ops = *ops;
	p->ctx = ctx;
	p->live = true;
	banos_spin_init(&p->output, "terminal output");
	banos_spin_init(&p->port, "terminal port");
	list_add_tail(&p->link, &all);
	return p;
}

int32_t banos_x_tty_register(Banos_Driver *driver, const Banos_X_Tty_Desc *given,
			     const Banos_X_Tty_Ops *given_ops, void *ctx, Banos_X_Tty **out)
{
	Banos_X_Tty_Line line = {
		.size = sizeof(line), .speed = SPEED, .data_bits = 8, .stop_bits = 1};
	struct owner *owner = owner_find(driver);
	Banos_X_Tty_Desc desc;
	Banos_X_Tty_Ops ops;
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
	if (is_taken(&desc))
		return BANOS_REFUSE_TAKEN(owner, desc.name, "");
	if (host_fails())
		return -ENOMEM;
	*out = make(&desc, &ops, ctx); /* callbacks come before we return */
	owner_add(owner, &(*out)->object, &tty_class);
	apply_line(*out, &line);
	return used;
}

int32_t banos_x_tty_unregister(Banos_X_Tty *p)
{
	if (!p)
		return 0;
	if (!is_right(p, true))
		return 0;
	list_move_tail(&p->link, &gone);
	if (p->opens) {
		receive(p, false);
		owner_drop(p->object.owner);
		p->opens = 0;
	}
	/* Who calls it is out when the lock is had. */
	lock_output(p);
	p->live = p->asking = false;
	p->out_count = 0;
	p->hangups++;
	unlock_output(p);
	p->gone = true;
	owner_remove(&p->object);
	return 0;
}
