/* SPDX-License-Identifier: MIT */
/*
 * A port as a character device: /dev/vportNpM is port M of device N, as on Linux.
 *
 *	open	one program at a time (-EBUSY); a terminal's is not to be opened (-ENXIO). The host
 *		is told of open and close.
 *	read	waits for bytes; 0 when there are none and nobody is at the other end
 *	write	waits for room, and for somebody at the other end
 *	poll	hung up while nobody is at the other end
 *
 * Waiting: the two events let one thread go. It looks again, and when it leaves something for
 * others it sets the event anew. A port that is unplugged ends all calls with -ENODEV.
 */
#include "internal.h"
#include <banos/epoch.h>

#define PIECE 256

/* What holds for a port, as seen at one moment. */
struct view {
	uint32_t plugged, host_open;
};

static struct view view(struct port *p)
{
	uint64_t token = banos_spin_lock(&p->lock);
	struct view v = {p->plugged, p->host_open};

	banos_spin_unlock(&p->lock, token);
	return v;
}

static uint32_t has_input(struct port *p)
{
	uint8_t byte;

	return port_peek(p, &byte, 1);
}

void vport_wake(struct port *p)
{
	Banos_Chardev *node;

	banos_event_set(&p->readable);
	banos_event_set(&p->writable);
	banos_epoch_enter();
	node = __atomic_load_n(&p->node, __ATOMIC_ACQUIRE);
	if (node)
		banos_chardev_notify(node, BANOS_POLL_IN | BANOS_POLL_OUT | BANOS_POLL_HANGUP);
	banos_epoch_exit();
}

/* --- open and close --------------------------------------------------------------------------- */

static void say_open(struct port *p, uint32_t open)
{
	uint64_t token = banos_spin_lock(&p->lock);

	p->opened = open;
	if (p->plugged)
		p->to_send |= SEND_OPEN;
	banos_spin_unlock(&p->lock, token);
	console_submit(p->console);
}

static int32_t vport_open(void *ctx, uint32_t flags, void **file)
{
	struct port *p = ctx;
	uint64_t token = banos_spin_lock(&p->lock);
	int32_t error = p->is_console ? -ENXIO : p->opened ? -EBUSY : 0;

	(void)flags, (void)file;
	if (!error)
		p->opened = 1; /* now, or two would get it */
	banos_spin_unlock(&p->lock, token);
	if (!error)
		say_open(p, 1);
	return error;
}

static void vport_close(void *file)
{
	struct port *p = file;

	port_discard(p);
	say_open(p, 0);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* What there is; -EAGAIN: nothing. */
static int64_t read_some(struct port *p, Banos_Io *io)
{
	uint64_t length = banos_io_length(io), done = 0;
	uint8_t piece[PIECE];
	struct view v;

	while (done < length) {
		uint64_t want = length - done < PIECE ? length - done : PIECE;
		uint32_t n = port_peek(p, piece, (uint32_t)want);
		int32_t error = n ? banos_io_copy_out(io, done, piece, n) : 0;

		if (error)
			return done ? (int64_t)done : error;
		if (!n)
			break;
		port_drop(p, n);
		done += n;
	}
	if (done)
		return (int64_t)done;
	v = view(p);
	return !v.plugged ? -ENODEV : v.host_open ? -EAGAIN : 0;
}

static int64_t vport_read(void *file, Banos_Io *io, uint64_t position)
{
	struct port *p = file;
	int64_t result;

	(void)position;
	if (!banos_io_length(io))
		return 0;
	for (;;) {
		if (banos_mutex_lock_interruptible(&p->reading))
			return -EINTR;
		result = read_some(p, io);
		banos_mutex_unlock(&p->reading);
		if (result != -EAGAIN || (banos_io_flags(io) & BANOS_IO_NONBLOCK))
			break;
		if (banos_event_wait(&p->readable, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
	if (result <= 0 || has_input(p))
		banos_event_set(&p->readable);
	return result;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* 0: it may be worth trying again; else why not. */
static int32_t wait_for_room(struct port *p, Banos_Io *io)
{
	if (!view(p).plugged)
		return -ENODEV;
	if (banos_io_flags(io) & BANOS_IO_NONBLOCK)
		return -EAGAIN;
	return banos_event_wait(&p->writable, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE) ? -EINTR : 0;
}

static int64_t vport_write(void *file, Banos_Io *io, uint64_t position)
{
	uint64_t length = banos_io_length(io), done = 0;
	struct port *p = file;
	uint8_t piece[PIECE];
	int32_t error = 0;

	(void)position;
	while (done < length && !error) {
		uint64_t want = length - done < PIECE ? length - done : PIECE;
		uint32_t n = 0;

		error = banos_io_copy_in(io, done, piece, want);
		if (!error)
			n = port_put(p, piece, want);
		if (!error && !n)
			error = wait_for_room(p, io);
		done += n;
	}
	if (error == -ENODEV || port_has_room(p))
		banos_event_set(&p->writable);
	return done ? (int64_t)done : error;
}

static uint32_t vport_poll(void *file)
{
	struct port *p = file;
	struct view v = view(p);
	uint32_t events = 0;

	if (!v.plugged)
		return BANOS_POLL_IN | BANOS_POLL_HANGUP | BANOS_POLL_ERROR;
	if (!v.host_open)
		events |= BANOS_POLL_IN | BANOS_POLL_HANGUP;
	if (has_input(p))
		events |= BANOS_POLL_IN;
	if (port_has_room(p))
		events |= BANOS_POLL_OUT;
	return events;
}

/* --- life ------------------------------------------------------------------------------------- */

static const Banos_Chardev_Ops ops = {
	.size = sizeof(ops),
	.open = vport_open,
	.close = vport_close,
	.read = vport_read,
	.write = vport_write,
	.poll = vport_poll,
};

int32_t vport_create(struct port *p)
{
	char name[32];
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = name};
	int32_t result;

	banos_format(name, sizeof(name), "vport%up%u", p->console->index, p->id);
	result = banos_chardev_register(&driver, &desc, &ops, p, &p->node);
	return result < 0 ? result : 0;
}

/* The port is not plugged any more: calls end. */
void vport_destroy(struct port *p)
{
	Banos_Chardev *node = __atomic_exchange_n(&p->node, NULL, __ATOMIC_ACQ_REL);

	vport_wake(p);
	if (!node)
		return;
	banos_epoch_wait();
	banos_chardev_unregister(node);
}
