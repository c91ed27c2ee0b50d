/* SPDX-License-Identifier: MIT */
/*
 * The queues of a simulated virtio device (Virtual I/O Device 1.2, 2.7, split virtqueues): requests
 * are taken when the driver rings, served after a while by chance, and given back; here the device
 * lies, if a script says so (virtio.c).
 */
#include "virtio.h"
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_NS   1000
#define BUFFERS_MOST (16u << 20) /* bytes of one request */
#define ISR_QUEUE    1
#define ISR_CONFIG   2

/* --- memory of the driver --------------------------------------------------------------------- */

/* 0: it cannot be reached, which banos-host has told. */
static int fetch(struct virtio *v, uint64_t from, void *to, uint64_t size)
{
	return virtio_host->read(v->device, from, to, size) == 0;
}

static int store(struct virtio *v, uint64_t to, const void *from, uint64_t size)
{
	return virtio_host->write(v->device, to, from, size) == 0;
}

static uint16_t fetch16(struct virtio *v, uint64_t from)
{
	uint16_t value = 0;

	fetch(v, from, &value, sizeof(value));
	return value;
}

/* --- interrupts ------------------------------------------------------------------------------- */

int virtio_by_message(const struct virtio *v)
{
	for (unsigned i = 0; i < VIRTIO_MODEL_QUEUES; i++)
		if (v->queues[i].vector != VIRTIO_NO_VECTOR)
			return 1;
	return v->config_vector != VIRTIO_NO_VECTOR;
}

static void ask(struct virtio *v, uint16_t vector, uint8_t why)
{
	if (virtio_by_message(v)) {
		if (vector != VIRTIO_NO_VECTOR)
			virtio_host->interrupt(v->device, vector, 1);
		return;
	}
	v->isr |= why;
	virtio_host->interrupt(v->device, 0, 1);
}

/* It stops until it is reset. */
static void give_up(struct virtio *v)
{
	v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	ask(v, v->config_vector, ISR_CONFIG);
}

/* --- requests --------------------------------------------------------------------------------- */

/* A request with room for its bytes. */
struct chain {
	struct virtio_request r;
	struct vring_desc parts[VIRTIO_MODEL_SIZE];
	uint8_t *out;
};

/* The descriptors from `head` on. 0: they cannot be. */
static int follow(struct virtio *v, struct virtio_model_queue *q, uint16_t head, struct chain *c)
{
	uint32_t at = head, total = 0;
	struct vring_desc *d;

	do {
		if (at >= q->size || c->r.segments >= q->size) {
			virtio_complain(v, "descriptors lead out of their table, or in a circle");
			return 0;
		}
		d = &c->parts[c->r.segments++];
		if (!fetch(v, q->descriptors + at * sizeof(*d), d, sizeof(*d)))
			return 0;
		if (d->flags & ~(VRING_DESC_F_NEXT | VRING_DESC_F_WRITE) || !d->len ||
		    d->len > BUFFERS_MOST - total) {
			virtio_complain(v, "a descriptor has flags %#x and %u bytes", d->flags,
					d->len);
			return 0;
		}
		if (!(d->flags & VRING_DESC_F_WRITE) && c->r.in_room) {
			virtio_complain(v, "a buffer to be read stands behind one to be written");
			return 0;
		}
		total += d->len;
		if (d->len > c->r.longest)
			c->r.longest = d->len;
		if (d->flags & VRING_DESC_F_WRITE)
			c->r.in_room += d->len;
		else
			c->r.out_length += d->len;
		at = d->next;
	} while (d->flags & VRING_DESC_F_NEXT);
	return 1;
}

static int gather(struct virtio *v, struct chain *c)
{
	uint8_t *to = c->out = calloc(1, c->r.out_length + 1);

	c->r.in = calloc(1, c->r.in_room + 1);
	c->r.out = c->out;
	for (uint32_t i = 0; to && i < c->r.segments; i++) {
		const struct vring_desc *d = &c->parts[i];

		if (d->flags & VRING_DESC_F_WRITE)
			break;
		if (!fetch(v, d->addr, to, d->len))
			return 0;
		to += d->len;
	}
	return to && c->r.in;
}

static void scatter(struct virtio *v, const struct chain *c, uint32_t length)
{
	const uint8_t *from = c->r.in;

	for (uint32_t i = 0; i < c->r.segments && length; i++) {
		const struct vring_desc *d = &c->parts[i];
		uint32_t n = d->len < length ? d->len : length;

		if (!(d->flags & VRING_DESC_F_WRITE))
			continue;
		if (!store(v, d->addr, from, n))
			return;
		from += n;
		length -= n;
	}
}

/* Only the last byte, which is the status of many kinds. */
static void scatter_last(struct virtio *v, const struct chain *c)
{
	const struct vring_desc *d = &c->parts[c->r.segments - 1];

	if (c->r.in_room)
		store(v, d->addr + d->len - 1, c->r.in + c->r.in_room - 1, 1);
}

/* An entry of the used table, and the index that gives it away. */
static void put_used(struct virtio *v, struct virtio_model_queue *q, uint32_t id, uint32_t length)
{
	struct vring_used_elem e = {.id = id, .len = length};
	uint16_t index;

	store(v, q->used + 4 + sizeof(e) * (q->done % q->size), &e, sizeof(e));
	index = ++q->done;
	if (virtio_is_broken(v, VIRTIO_BROKEN_USED_INDEX))
		index = (uint16_t)(index + q->size + 5);
	store(v, q->used + 2, &index, sizeof(index));
}

static void finish(struct virtio *v, struct virtio_model_queue *q, uint16_t head, uint32_t length)
{
	uint32_t id = head;

	if (virtio_is_broken(v, VIRTIO_BROKEN_ID))
		id = 0x10000u + q->size;
	for (uint32_t i = 0;
	     virtio_is_broken(v, VIRTIO_BROKEN_OTHER) && q->under_way[id] && i < q->size; i++)
		id = (id + 1) % q->size;
	if (virtio_is_broken(v, VIRTIO_BROKEN_LONG))
		length = UINT32_MAX;
	if (virtio_is_broken(v, VIRTIO_BROKEN_SHORT))
		length = 1;
	put_used(v, q, id, length);
	if (virtio_is_broken(v, VIRTIO_BROKEN_TWICE))
		put_used(v, q, id, length);
	if (!(fetch16(v, q->available) & VRING_AVAIL_F_NO_INTERRUPT))
		ask(v, q->vector, ISR_QUEUE);
}

static void serve(struct virtio *v, uint32_t index, uint16_t head)
{
	struct virtio_model_queue *q = &v->queues[index];
	struct chain *c = calloc(1, sizeof(*c));
	uint32_t length = 0;

	if (!c)
		return;
	c->r.queue = index;
	if (!follow(v, q, head, c) || !gather(v, c)) {
		give_up(v);
	} else {
		length = virtio_kind.serve(v, &c->r);
		if (virtio_is_broken(v, VIRTIO_BROKEN_SHORT))
			scatter_last(v, c);
		else
			scatter(v, c, length);
		finish(v, q, head, length);
		q->under_way[head] = 0;
	}
	free(c->r.in);
	free(c->out);
	free(c);
}

void virtio_due(void *state, uint64_t number)
{
	struct virtio *v = state;
	struct virtio_waiting **at = &v->waiting, *w;

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	w = *at;
	if (!w)
		return; /* of before a reset */
	*at = w->next;
	if (!(v->status & VIRTIO_CONFIG_S_NEEDS_RESET))
		serve(v, w->queue, w->head);
	free(w);
}

/* It will be served. */
static void accept(struct virtio *v, uint32_t queue, uint16_t head)
{
	struct virtio_model_queue *q = &v->queues[queue];
	struct virtio_waiting *w;

	if (head >= q->size || q->under_way[head]) {
		virtio_complain(v, "queue %u: descriptor %u is made available, %s", queue, head,
				head < q->size ? "which it has already" : "which is not there");
		return;
	}
	q->under_way[head] = 1;
	if (virtio_is_broken(v, VIRTIO_BROKEN_SILENT))
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	*w = (struct virtio_waiting){
		.next = v->waiting, .number = ++v->last_number, .queue = queue, .head = head};
	v->waiting = w;
	virtio_host->after(v->device, SERVICE_NS + virtio_host->random(19 * SERVICE_NS), w->number);
}

/* The doorbell of a queue. */
void virtio_notify(struct virtio *v, uint32_t index)
{
	struct virtio_model_queue *q = &v->queues[index];
	uint16_t end;

	if (v->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	if (!(v->status & VIRTIO_CONFIG_S_DRIVER_OK) || !q->enabled) {
		virtio_complain(v, "queue %u is told of requests, but %s", index,
				q->enabled ? "DRIVER_OK is not set" : "is not enabled");
		return;
	}
	if (virtio_is_broken(v, VIRTIO_BROKEN_NEEDS_RESET)) {
		give_up(v);
		return;
	}
	end = fetch16(v, q->available + 2);
	if ((uint16_t)(end - q->taken) > q->size) {
		virtio_complain(v, "queue %u: %u more are available than it has entries", index,
				(uint16_t)(end - q->taken));
		give_up(v);
		return;
	}
	for (; q->taken != end; q->taken++)
		accept(v, index, fetch16(v, q->available + 4 + 2u * (q->taken % q->size)));
}

void virtio_forget(struct virtio *v)
{
	struct virtio_waiting *w;

	while ((w = v->waiting) != NULL) {
		v->waiting = w->next;
		free(w);
	}
}
