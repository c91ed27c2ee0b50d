/* SPDX-License-Identifier: MIT */
/*
 * Messages about ports (Virtual I/O Device 1.2, 5.3.6.2), for devices with several.
 *
 *	absent	-> plugged	PORT_ADD: a node /dev/vportNpM; we say PORT_READY
 *	plugged -> terminal	CONSOLE_PORT: also /dev/hvcN; we say PORT_OPEN
 *	any	-> absent	PORT_REMOVE: programs are hung up
 *
 * All of that is done by the one work of the device, in the order of the messages. What we have to
 * say is kept as bits of the port (to_send), so that a device that does not listen makes nobody
 * wait and needs no memory; if a port is opened and closed meanwhile only the last is said.
 *
 * A device loses messages for which there is no buffer, and answers each of ours by up to three. So
 * a buffer goes back before its message is obeyed, at most CONTROL_OUT of ours are under way, and
 * what came is read before more is said.
 *
 * A message that makes no sense (too short, no such port, in a wrong state) is passed over; the
 * first one is logged.
 */
#include "internal.h"

#define QUEUE_IN  2
#define QUEUE_OUT 3

typedef struct virtio_console_control Message;

static void on_interrupt(void *ctx)
{
	console_submit(ctx);
}

/* --- to the device ---------------------------------------------------------------------------- */

static void collect(struct control *k)
{
	Virtio_Done done[CONTROL_OUT];
	uint32_t n = virtio_queue_get(k->out, done, CONTROL_OUT);

	for (uint32_t i = 0; i < n; i++)
		k->free[k->free_count++] = done[i].token;
}

static uint32_t send(struct control *k, const Message *m)
{
	struct buffer *b = k->free[k->free_count - 1];
	Virtio_Buffer part = {.address = b->address, .length = sizeof(*m)};
	Virtio_Request request = {.buffers = &part, .count = 1, .token = b};

	__builtin_memcpy(b->bytes, m, sizeof(*m));
	if (!virtio_queue_add(k->out, &request, 1))
		return 0;
	k->free_count--;
	return 1;
}

/* What is to be said about a port next; the bit for it, or 0. */
static uint32_t next_message(struct port *p, Message *m)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t bit = p->to_send & SEND_READY ? SEND_READY : p->to_send & SEND_OPEN;

	*m = (Message){
		.id = p->id,
		.event = bit == SEND_READY ? VIRTIO_CONSOLE_PORT_READY : VIRTIO_CONSOLE_PORT_OPEN,
		.value = bit == SEND_READY ? !p->failed : p->opened || p->is_console,
	};
	p->to_send &= ~bit;
	banos_spin_unlock(&p->lock, token);
	return bit;
}

/* The device has no place for it: later. */
static void take_back(struct port *p, uint32_t bit)
{
	uint64_t token = banos_spin_lock(&p->lock);

	p->to_send |= bit;
	banos_spin_unlock(&p->lock, token);
}

/* False: there is no place for more. */
static uint32_t send_for(struct control *k, struct port *p)
{
	Message m;
	uint32_t bit;

	while (k->free_count && (bit = next_message(p, &m))) {
		if (!send(k, &m)) {
			take_back(p, bit);
			return 0;
		}
	}
	return k->free_count != 0;
}

/* What there is a place for; false: nothing. */
static uint32_t send_some(struct console *c)
{
	static const Message hello = {
		.id = VIRTIO_CONSOLE_BAD_ID, .event = VIRTIO_CONSOLE_DEVICE_READY, .value = 1};
	struct control *k = &c->control;
	uint32_t before = k->free_count;

	if (k->hello && k->free_count && send(k, &hello))
		k->hello = 0;
	for (uint32_t i = 0; i < c->port_count && !k->hello; i++)
		if (!send_for(k, &c->ports[i]))
			break;
	if (k->free_count != before)
		virtio_queue_kick(k->out);
	return k->free_count != before;
}

/* --- from the device -------------------------------------------------------------------------- */

static void post(struct control *k, struct buffer *b)
{
	Virtio_Buffer part = {
		.address = b->address, .length = MESSAGE_MAX, .flags = VIRTIO_BUFFER_WRITTEN};
	Virtio_Request request = {.buffers = &part, .count = 1, .token = b};

	virtio_queue_add(k->in, &request, 1);
}

static void set_open(struct port *p, uint32_t open)
{
	uint64_t token = banos_spin_lock(&p->lock);

	p->host_open = open;
	banos_spin_unlock(&p->lock, token);
	vport_wake(p);
}

/* What it is called goes to people: no more than text. */
static void set_name(struct port *p, const uint8_t *name, uint32_t length)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t n = 0;

	while (n < length && n < PORT_NAME - 1 && name[n]) {
		p->name[n] = name[n] > ' ' && name[n] < 0x7f ? (char)name[n] : '?';
		n++;
	}
	p->name[n] = '\0';
	banos_spin_unlock(&p->lock, token);
}

static void set_plugged(struct port *p, uint32_t plugged, uint32_t failed)
{
	uint64_t token = banos_spin_lock(&p->lock);

	p->plugged = plugged;
	p->failed = failed;
	p->host_open = 0;
	p->name[0] = '\0';
	p->to_send = plugged || failed ? SEND_READY : 0;
	banos_spin_unlock(&p->lock, token);
}

static void plug(struct port *p)
{
	int32_t error = port_begin(p);

	if (!error) {
		port_discard(p); /* of the one that was there before */
		set_plugged(p, 1, 0);
		error = vport_create(p);
	}
	if (error) {
		set_plugged(p, 0, 1);
		banos_log_format(BANOS_LOG_ERROR, "virtio-console %s: port %u: error %d",
				 p->console->name, p->id, -error);
	}
}

static void unplug(struct port *p)
{
	set_plugged(p, 0, 0);
	hvc_destroy(p);
	vport_destroy(p);
	port_discard(p);
}

static void become_console(struct port *p)
{
	int32_t error = hvc_create(p);

	if (error) {
		banos_log_format(BANOS_LOG_ERROR,
				 "virtio-console %s: port %u: no terminal: error %d",
				 p->console->name, p->id, -error);
		return;
	}
	take_back(p, SEND_OPEN);
}

/* Columns, then rows. */
static uint32_t resize(struct port *p, const uint8_t *bytes, uint32_t length)
{
	uint16_t size[2];

	if (length < sizeof(size))
		return 0;
	__builtin_memcpy(size, bytes, sizeof(size));
	hvc_set_size(p, size[1], size[0]);
	return 1;
}

static uint32_t is_plugged(struct port *p)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t plugged = p->plugged;

	banos_spin_unlock(&p->lock, token);
	return plugged;
}

/* About a port that is there, or is to be. False: nonsense. */
static uint32_t obey(struct port *p, const Message *m, const uint8_t *bytes, uint32_t length)
{
	if (is_plugged(p) == (m->event == VIRTIO_CONSOLE_PORT_ADD))
		return 0;
	switch (m->event) {
	case VIRTIO_CONSOLE_PORT_ADD:
		plug(p);
		return 1;
	case VIRTIO_CONSOLE_PORT_REMOVE:
		unplug(p);
		return 1;
	case VIRTIO_CONSOLE_CONSOLE_PORT:
		become_console(p);
		return 1;
	case VIRTIO_CONSOLE_RESIZE:
		return resize(p, bytes, length);
	case VIRTIO_CONSOLE_PORT_OPEN:
		set_open(p, m->value != 0);
		return 1;
	case VIRTIO_CONSOLE_PORT_NAME:
		set_name(p, bytes, length);
		return 1;
	default:
		return 0;
	}
}

static void hear(struct console *c, const uint8_t *bytes, uint32_t length)
{
	Message m = {.id = VIRTIO_CONSOLE_BAD_ID};

	if (length >= sizeof(m))
		__builtin_memcpy(&m, bytes, sizeof(m));
	if (m.id < c->port_count &&
	    obey(&c->ports[m.id], &m, bytes + sizeof(m), length - (uint32_t)sizeof(m)))
		return;
	if (!c->control.lies++)
		banos_log_format(
			BANOS_LOG_WARNING,
			"virtio-console %s: a message that makes no sense: %u bytes, port %u, "
			"event %u",
			c->name, length, m.id, m.event);
}

/* Those that have come, but no more than fit at once: others are to have their turn. */
static void receive(struct console *c)
{
	struct control *k = &c->control;
	uint8_t bytes[MESSAGE_MAX];
	Virtio_Done done;

	for (uint32_t i = 0; i < CONTROL_IN; i++) {
		struct buffer *b;

		if (virtio_queue_get(k->in, &done, 1) != 1)
			return;
		b = done.token;
		__builtin_memcpy(bytes, b->bytes, done.length);
		post(k, b);
		virtio_queue_kick(k->in);
		hear(c, bytes, done.length);
	}
	console_submit(c);
}

void control_run(struct console *c)
{
	do {
		collect(&c->control);
		receive(c);
	} while (!__atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE) && send_some(c));
}

/* --- life ------------------------------------------------------------------------------------- */

static void lay_out(struct control *k)
{
	uint8_t *bytes = banos_dma_address(k->memory);
	uint64_t address = banos_dma_device_address(k->memory);

	for (uint32_t i = 0; i < CONTROL_IN; i++)
		k->rx[i] = (struct buffer){bytes + i * MESSAGE_MAX, address + i * MESSAGE_MAX};
	for (uint32_t i = 0; i < CONTROL_OUT; i++) {
		uint64_t at = CONTROL_IN * MESSAGE_MAX + i * sizeof(Message);

		k->tx[i] = (struct buffer){bytes + at, address + at};
		k->free[k->free_count++] = &k->tx[i];
	}
}

int32_t control_create(struct console *c)
{
	struct control *k = &c->control;
	int32_t error = banos_dma_alloc(
		c->dma, CONTROL_IN * MESSAGE_MAX + CONTROL_OUT * sizeof(Message), 0, &k->memory);

	if (error)
		return error;
	lay_out(k);
	error = virtio_queue_create(c->device, QUEUE_IN, CONTROL_IN, on_interrupt, c, &k->in);
	if (!error)
		error = virtio_queue_create(c->device, QUEUE_OUT, CONTROL_OUT, on_interrupt, c,
					    &k->out);
	return error;
}

void control_destroy(struct console *c)
{
	banos_dma_free(c->control.memory);
}

void control_begin(struct console *c)
{
	struct control *k = &c->control;

	for (uint32_t i = 0; i < CONTROL_IN; i++)
		post(k, &k->rx[i]);
	virtio_queue_kick(k->in);
	k->hello = 1;
	console_submit(c);
}
