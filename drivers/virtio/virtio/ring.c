/* SPDX-License-Identifier: MIT */
/*
 * Split virtqueues (Virtual I/O Device 1.2, 2.7).
 *
 * Three tables in one buffer: descriptors, what is available to the device, what it has used. The
 * device may write to all of it at any time. So nothing is ever read back of what we wrote: which
 * descriptors are free, which belong together, what is in flight and how much room it had is kept
 * in `slots`, which the device does not see. Of the used table, an index that jumps, a number that
 * is not in flight and a length above the room are lies: the first two end the work with the
 * device, the last is cut.
 *
 * Lock: queue->lock around all of it. The device's side is ordered by fences: entries before the
 * index that gives them away, the index before the look at whether the device wants to be told, the
 * other index before the entries it gives us.
 */
#include "internal.h"
#include <banos/export.h>
#include <banos/memory.h>
#include <linux/virtio_ring.h>

#define NONE 0xffffu

/* One for each descriptor. */
struct slot {
	void *token;   /* of a request in flight, whose first this is; or NULL */
	uint64_t room; /* of that request: bytes that the device may write */
	uint16_t next; /* of the same request, or the next that is free; or NONE */
};

struct Virtio_Queue {
	struct virtio *v;
	Banos_Spinlock lock;
	uint32_t size; /* a power of two */
	uint32_t index;
	uint64_t notify; /* offset of its doorbell */
	void (*called)(void *ctx);
	void *ctx;
	Banos_Dma_Buffer *memory;
	volatile struct vring_desc *descriptors;
	volatile struct vring_avail *available;
	volatile struct vring_used *used;
	uint16_t free, free_count;
	uint16_t added; /* requests made available, ever */
	uint16_t told;	/* of those, when the device was told last */
	uint16_t taken; /* entries of the used table that we have had */
	struct slot slots[];
};

static uint64_t available_at(uint32_t size)
{
	return sizeof(struct vring_desc) * (uint64_t)size;
}

static uint64_t used_at(uint32_t size)
{
	uint64_t end = available_at(size) + sizeof(uint16_t) * (3 + (uint64_t)size);

	return (end + VRING_USED_ALIGN_SIZE - 1) & ~(uint64_t)(VRING_USED_ALIGN_SIZE - 1);
}

Virtio_Queue *ring_create(struct virtio *v, uint32_t index, uint32_t size,
			  void (*called)(void *ctx), void *ctx)
{
	Virtio_Queue *q = banos_alloc(sizeof(*q) + size * sizeof(q->slots[0]), 0, BANOS_ALLOC_ZERO);
	uint64_t bytes =
		used_at(size) + sizeof(uint16_t) * 3 + sizeof(struct vring_used_elem) * size;
	uint8_t *base;

	if (!q)
		return NULL;
	if (banos_dma_alloc(v->dma, bytes, 0, &q->memory)) {
		banos_free(q);
		return NULL;
	}
	base = banos_dma_address(q->memory);
	q->v = v;
	q->index = index;
	q->size = size;
	q->called = called;
	q->ctx = ctx;
	q->descriptors = (volatile struct vring_desc *)base;
	q->available = (volatile struct vring_avail *)(base + available_at(size));
	q->used = (volatile struct vring_used *)(base + used_at(size));
	q->free_count = (uint16_t)size;
	for (uint32_t i = 0; i < size; i++)
		q->slots[i].next = (uint16_t)(i + 1 < size ? i + 1 : NONE);
	banos_spin_init(&q->lock, "virtio queue");
	return q;
}

void ring_destroy(Virtio_Queue *q)
{
	if (!q)
		return;
	banos_dma_free(q->memory);
	banos_spin_fini(&q->lock);
	banos_free(q);
}

void ring_addresses(const Virtio_Queue *q, uint64_t *descriptors, uint64_t *available,
		    uint64_t *used)
{
	*descriptors = banos_dma_device_address(q->memory);
	*available = *descriptors + available_at(q->size);
	*used = *descriptors + used_at(q->size);
}

void ring_set_notify(Virtio_Queue *q, uint64_t offset)
{
	q->notify = offset;
}

void ring_call(Virtio_Queue *q)
{
	if (q->called && __atomic_load_n(&q->v->working, __ATOMIC_ACQUIRE))
		q->called(q->ctx);
}

void ring_orphan(Virtio_Queue *q)
{
	q->called = 0;
}

/* --- to the device ---------------------------------------------------------------------------- */

/* Lock held, enough are free. Returns the first. */
static uint16_t describe(Virtio_Queue *q, const Virtio_Request *r)
{
	uint16_t first = q->free, last = NONE;
	uint64_t room = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		const Virtio_Buffer *b = &r->buffers[i];
		uint16_t at = q->free;
		volatile struct vring_desc *d = &q->descriptors[at];

		q->free = q->slots[at].next;
		d->addr = b->address;
		d->len = b->length;
		d->flags = (uint16_t)((b->flags & VIRTIO_BUFFER_WRITTEN ? VRING_DESC_F_WRITE : 0) |
				      (i + 1 < r->count ? VRING_DESC_F_NEXT : 0));
		d->next = i + 1 < r->count ? q->free : 0;
		if (b->flags & VIRTIO_BUFFER_WRITTEN)
			room += b->length;
		last = at;
	}
	q->slots[last].next = NONE;
	q->free_count = (uint16_t)(q->free_count - r->count);
	q->slots[first].token = r->token;
	q->slots[first].room = room;
	return first;
}

uint32_t virtio_queue_add(Virtio_Queue *q, const Virtio_Request *requests, uint32_t count)
{
	uint64_t token = banos_spin_lock(&q->lock);
	uint32_t n;

	for (n = 0; n < count; n++) {
		const Virtio_Request *r = &requests[n];

		if (!r->count || r->count > q->free_count || !r->token)
			break;
		q->available->ring[q->added & (q->size - 1)] = describe(q, r);
		q->added++;
	}
	/* The entries, then what gives them away. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	q->available->idx = q->added;
	banos_spin_unlock(&q->lock, token);
	return n;
}
BANOS_EXPORT(virtio_queue_add);

void virtio_queue_kick(Virtio_Queue *q)
{
	uint64_t token = banos_spin_lock(&q->lock);
	uint32_t tell;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	tell = q->added != q->told && !(q->used->flags & VRING_USED_F_NO_NOTIFY) &&
	       !__atomic_load_n(&q->v->broken, __ATOMIC_RELAXED);
	q->told = q->added;
	if (tell)
		banos_mmio_w16(q->v->notify, q->notify, (uint16_t)q->index);
	banos_spin_unlock(&q->lock, token);
}
BANOS_EXPORT(virtio_queue_kick);

/* --- from the device -------------------------------------------------------------------------- */

/* How many it says that it has done; lock held. */
static uint16_t waiting(Virtio_Queue *q)
{
	uint16_t n = (uint16_t)(q->used->idx - q->taken);

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (n > q->size) {
		virtio_fail(q->v, "finished more than it was given");
		return 0;
	}
	return n;
}

/* The descriptors of a request are free again; lock held. */
static void give_back(Virtio_Queue *q, uint16_t first)
{
	uint16_t last = first, n = 1;

	while (q->slots[last].next != NONE) {
		last = q->slots[last].next;
		n++;
	}
	q->slots[last].next = q->free;
	q->free = first;
	q->free_count = (uint16_t)(q->free_count + n);
	q->slots[first].token = 0;
}

uint32_t virtio_queue_get(Virtio_Queue *q, Virtio_Done *done, uint32_t count)
{
	uint64_t token = banos_spin_lock(&q->lock);
	uint32_t n = 0, left;

	left = __atomic_load_n(&q->v->broken, __ATOMIC_RELAXED) ? 0 : waiting(q);
	for (; n < count && left; left--) {
		volatile struct vring_used_elem *e = &q->used->ring[q->taken & (q->size - 1)];
		uint32_t id = e->id, length = e->len;

		if (id >= q->size || !q->slots[id].token) {
			virtio_fail(q->v, "finished what it was not given");
			break;
		}
		done[n].token = q->slots[id].token;
		done[n].length = length < q->slots[id].room ? length : (uint32_t)q->slots[id].room;
		done[n].zero = 0;
		give_back(q, (uint16_t)id);
		q->taken++;
		n++;
	}
	banos_spin_unlock(&q->lock, token);
	return n;
}
BANOS_EXPORT(virtio_queue_get);

int32_t virtio_queue_notify(Virtio_Queue *q, int32_t on)
{
	uint64_t token = banos_spin_lock(&q->lock);
	int32_t more = 0;

	q->available->flags = on ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (on && !__atomic_load_n(&q->v->broken, __ATOMIC_RELAXED))
		more = waiting(q) != 0;
	banos_spin_unlock(&q->lock, token);
	return more;
}
BANOS_EXPORT(virtio_queue_notify);
