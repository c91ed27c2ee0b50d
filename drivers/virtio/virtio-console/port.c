/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a port, between its two queues and what programs have of it.
 *
 * In: the device fills buffers. They are looked at in the order in which it has finished them, and
 * go back to it when all of their bytes have been taken. So what nobody takes stays where it is,
 * and the device stops when it has no buffer: nothing is lost.
 *
 * Out: bytes are copied into buffers that are free, and each filled one is a request; those that
 * the device has taken are collected before more are filled.
 *
 * Lock: port->lock around all of it; the queues' own come inside.
 */
#include "internal.h"
#include <banos/epoch.h>

void port_init(struct port *p, struct console *c, uint32_t id)
{
	p->console = c;
	p->id = id;
	banos_spin_init(&p->lock, "virtio-console port");
	banos_mutex_init(&p->reading, "virtio-console reader");
	banos_event_init(&p->readable, "virtio-console readable", BANOS_EVENT_AUTO);
	banos_event_init(&p->writable, "virtio-console writable", BANOS_EVENT_AUTO);
}

void port_fini(struct port *p)
{
	banos_dma_free(p->in_memory);
	banos_dma_free(p->out_memory);
	banos_event_fini(&p->writable);
	banos_event_fini(&p->readable);
	banos_mutex_fini(&p->reading);
	banos_spin_fini(&p->lock);
}

void port_detach(struct port *p)
{
	uint64_t token = banos_spin_lock(&p->lock);

	p->in = p->out = NULL;
	p->current = NULL;
	banos_spin_unlock(&p->lock, token);
}

/* --- in; lock held ---------------------------------------------------------------------------- */

/* For the device to fill. One that does not fit, as its queue is shorter than ours, stays out. */
static void post(struct port *p, struct buffer *b)
{
	Virtio_Buffer part = {
		.address = b->address, .length = RX_SIZE, .flags = VIRTIO_BUFFER_WRITTEN};
	Virtio_Request request = {.buffers = &part, .count = 1, .token = b};

	virtio_queue_add(p->in, &request, 1);
}

/* Is there a buffer with bytes? */
static uint32_t look(struct port *p)
{
	Virtio_Done done;
	uint32_t posted = 0;

	/* Empty ones go back, but a device that has nothing else to say is not heard for ever. */
	while (!p->current && posted < RX_COUNT && p->in &&
	       virtio_queue_get(p->in, &done, 1) == 1) {
		if (done.length) {
			p->current = done.token;
			p->at = 0;
			p->end = done.length;
			p->received += done.length;
		} else {
			post(p, done.token);
			posted++;
		}
	}
	if (posted)
		virtio_queue_kick(p->in);
	return p->current != NULL;
}

uint32_t port_peek(struct port *p, uint8_t *bytes, uint32_t size)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t n = 0;

	if (look(p)) {
		n = p->end - p->at < size ? p->end - p->at : size;
		__builtin_memcpy(bytes, p->current->bytes + p->at, n);
	}
	banos_spin_unlock(&p->lock, token);
	return n;
}

void port_drop(struct port *p, uint32_t count)
{
	uint64_t token = banos_spin_lock(&p->lock);

	/* It may have been discarded meanwhile. */
	if (p->current) {
		p->at = p->end - p->at < count ? p->end : p->at + count;
		if (p->at == p->end) {
			post(p, p->current);
			p->current = NULL;
			virtio_queue_kick(p->in);
		}
	}
	banos_spin_unlock(&p->lock, token);
}

void port_discard(struct port *p)
{
	uint64_t token = banos_spin_lock(&p->lock);

	for (uint32_t i = 0; i < RX_COUNT && look(p); i++) {
		post(p, p->current);
		p->current = NULL;
		virtio_queue_kick(p->in);
	}
	banos_spin_unlock(&p->lock, token);
}

/* --- out; lock held --------------------------------------------------------------------------- */

static void collect(struct port *p)
{
	Virtio_Done done[TX_COUNT];
	uint32_t n = p->out ? virtio_queue_get(p->out, done, TX_COUNT) : 0;

	for (uint32_t i = 0; i < n; i++)
		p->free[p->free_count++] = done[i].token;
}

/* False: the device has no place for it. */
static uint32_t send(struct port *p, struct buffer *b, const uint8_t *bytes, uint32_t count)
{
	Virtio_Buffer part = {.address = b->address, .length = count};
	Virtio_Request request = {.buffers = &part, .count = 1, .token = b};

	__builtin_memcpy(b->bytes, bytes, count);
	return virtio_queue_add(p->out, &request, 1);
}

/* The other end is there, and takes what is sent. */
static uint32_t is_connected(const struct port *p)
{
	return p->out && p->plugged && (p->host_open || p->is_console);
}

uint32_t port_put(struct port *p, const uint8_t *bytes, uint64_t count)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t done = 0;

	collect(p);
	while (done < count && p->free_count && is_connected(p)) {
		uint32_t part = count - done < TX_SIZE ? (uint32_t)(count - done) : TX_SIZE;

		if (!send(p, p->free[p->free_count - 1], bytes + done, part))
			break;
		p->free_count--;
		done += part;
	}
	if (done) {
		virtio_queue_kick(p->out);
		p->sent += done;
	}
	banos_spin_unlock(&p->lock, token);
	return done;
}

uint32_t port_is_idle(struct port *p)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t idle;

	collect(p);
	idle = !p->out || p->free_count == TX_COUNT;
	banos_spin_unlock(&p->lock, token);
	return idle;
}

uint32_t port_has_room(struct port *p)
{
	uint64_t token = banos_spin_lock(&p->lock);
	uint32_t room;

	collect(p);
	room = p->free_count && is_connected(p);
	banos_spin_unlock(&p->lock, token);
	return room;
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* Who takes the terminal or the node away makes it unreachable, and waits for an epoch. */
void port_on_input(void *ctx)
{
	struct port *p = ctx;
	Banos_X_Tty *tty;

	banos_epoch_enter();
	tty = __atomic_load_n(&p->tty, __ATOMIC_ACQUIRE);
	if (tty)
		banos_x_tty_rx_ready(tty);
	else if (__atomic_load_n(&p->node, __ATOMIC_ACQUIRE))
		vport_wake(p);
	banos_epoch_exit();
}

void port_on_output(void *ctx)
{
	struct port *p = ctx;
	Banos_X_Tty *tty;

	banos_epoch_enter();
	tty = __atomic_load_n(&p->tty, __ATOMIC_ACQUIRE);
	if (tty)
		banos_x_tty_tx_ready(tty);
	else if (__atomic_load_n(&p->node, __ATOMIC_ACQUIRE))
		vport_wake(p);
	banos_epoch_exit();
}

/* --- the beginning ---------------------------------------------------------------------------- */

static int32_t make_buffers(struct port *p, struct buffer *buffers, uint32_t count, uint32_t size,
			    Banos_Dma_Buffer **memory)
{
	int32_t error = banos_dma_alloc(p->console->dma, (uint64_t)count * size, 0, memory);

	for (uint32_t i = 0; i < count && !error; i++)
		buffers[i] = (struct buffer){
			(uint8_t *)banos_dma_address(*memory) + i * size,
			banos_dma_device_address(*memory) + i * size,
		};
	return error;
}

/* A port that was there before still has its memory, and the device its buffers. */
int32_t port_begin(struct port *p)
{
	int32_t error = 0;
	uint64_t token;

	if (p->out_memory)
		return 0;
	if (!p->in_memory)
		error = make_buffers(p, p->rx, RX_COUNT, RX_SIZE, &p->in_memory);
	if (!error)
		error = make_buffers(p, p->tx, TX_COUNT, TX_SIZE, &p->out_memory);
	if (error)
		return error;
	token = banos_spin_lock(&p->lock);
	for (uint32_t i = 0; i < TX_COUNT; i++)
		p->free[p->free_count++] = &p->tx[i];
	for (uint32_t i = 0; i < RX_COUNT && p->in; i++)
		post(p, &p->rx[i]);
	if (p->in)
		virtio_queue_kick(p->in);
	banos_spin_unlock(&p->lock, token);
	return 0;
}
