/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queues of the virtio driver, with a device that the test plays: as it should be, and lying.
 * The device writes anything anywhere in the shared memory; what comes out must be requests that
 * were put in, each once, with no more bytes than there was room for.
 *
 * HOST-LINK: drivers/virtio/virtio/ring.c
 */
#include "../../drivers/virtio/virtio/internal.h"
#include "test.h"
#include <banos/memory.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

/* --- what the driver calls -------------------------------------------------------------------- */

struct Banos_Dma_Buffer {
	uint8_t *bytes;
};

static Banos_Dma_Buffer buffer;
static uint64_t buffer_size;
static unsigned doorbells, failures;

void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags)
{
	(void)align, (void)flags;
	return calloc(1, size);
}

void banos_free(void *memory)
{
	free(memory);
}

int32_t banos_dma_alloc(Banos_Dma *dma, uint64_t size, uint32_t flags, Banos_Dma_Buffer **out)
{
	(void)dma, (void)flags;
	buffer.bytes = calloc(1, size);
	buffer_size = size;
	*out = &buffer;
	return 0;
}

void banos_dma_free(Banos_Dma_Buffer *b)
{
	free(b->bytes);
}

void *banos_dma_address(Banos_Dma_Buffer *b)
{
	return b->bytes;
}

uint64_t banos_dma_device_address(Banos_Dma_Buffer *b)
{
	(void)b;
	return 0x1000000;
}

void banos_spin_init(Banos_Spinlock *lock, const char *name)
{
	(void)lock, (void)name;
}

uint64_t banos_spin_lock(Banos_Spinlock *lock)
{
	(void)lock;
	return 0;
}

void banos_spin_unlock(Banos_Spinlock *lock, uint64_t token)
{
	(void)lock, (void)token;
}

void banos_spin_fini(Banos_Spinlock *lock)
{
	(void)lock;
}

void banos_mmio_w16(Banos_Mmio *mmio, uint64_t offset, uint16_t value)
{
	(void)mmio, (void)offset, (void)value;
	doorbells++;
}

void virtio_fail(struct virtio *v, const char *why)
{
	(void)why;
	v->broken = 1;
	failures++;
}

/* --- the device ------------------------------------------------------------------------------- */

#define SIZE 8

static struct virtio v;
static Virtio_Queue *q;
static struct vring ring;
static uint16_t seen; /* requests that the device has had */

static void begin(void)
{
	uint64_t descriptors, available, used;

	memset(&v, 0, sizeof(v));
	doorbells = failures = 0;
	seen = 0;
	q = ring_create(&v, 0, SIZE, NULL, NULL);
	CHECK(q != NULL);
	ring_addresses(q, &descriptors, &available, &used);
	ring.num = SIZE;
	ring.desc = (struct vring_desc *)buffer.bytes;
	ring.avail = (struct vring_avail *)(buffer.bytes + (available - descriptors));
	ring.used = (struct vring_used *)(buffer.bytes + (used - descriptors));
	CHECK((available - descriptors) % 2 == 0 && (used - descriptors) % 4 == 0);
	CHECK(used - descriptors + 6 + 8 * SIZE <= buffer_size);
}

static void end(void)
{
	ring_destroy(q);
}

/* The head of the next request, with how many descriptors it has. */
static unsigned next_request(uint16_t *head)
{
	unsigned n = 1;

	CHECK(seen != ring.avail->idx);
	*head = ring.avail->ring[seen++ % SIZE];
	CHECK(*head < SIZE);
	for (uint16_t at = *head; ring.desc[at].flags & VRING_DESC_F_NEXT;
	     at = ring.desc[at].next) {
		CHECK(ring.desc[at].next < SIZE && n <= SIZE);
		n++;
	}
	return n;
}

static void finish(uint32_t id, uint32_t length)
{
	ring.used->ring[ring.used->idx % SIZE] = (struct vring_used_elem){.id = id, .len = length};
	ring.used->idx++;
}

static int add(uint32_t count, void *token)
{
	Virtio_Buffer buffers[SIZE + 1];
	Virtio_Request r = {.buffers = buffers, .count = count, .token = token};

	for (uint32_t i = 0; i < count; i++)
		buffers[i] = (Virtio_Buffer){.address = 0x5000 + i,
					     .length = 100,
					     .flags = i ? VIRTIO_BUFFER_WRITTEN : 0};
	return (int)virtio_queue_add(q, &r, 1);
}

static int tokens[64];

static void as_it_should_be(void)
{
	Virtio_Done done[4];
	uint16_t a, b, c;

	begin();
	CHECK_EQ(add(3, &tokens[0]), 1);
	CHECK_EQ(add(4, &tokens[1]), 1);
	CHECK_EQ(add(2, &tokens[2]), 0); /* one is free */
	CHECK_EQ(add(1, &tokens[2]), 1);
	CHECK_EQ(add(0, &tokens[3]), 0);
	CHECK_EQ(add(1, NULL), 0);
	virtio_queue_kick(q);
	virtio_queue_kick(q); /* nothing is new */
	CHECK_EQ(doorbells, 1);
	CHECK_EQ(next_request(&a), 3);
	CHECK_EQ(next_request(&b), 4);
	CHECK_EQ(next_request(&c), 1);
	CHECK_EQ(virtio_queue_get(q, done, 4), 0);
	finish(b, 5);
	finish(a, 1000); /* more than the 200 there is room for */
	CHECK_EQ(virtio_queue_notify(q, 1), 1);
	CHECK_EQ(virtio_queue_get(q, done, 1), 1);
	CHECK(done[0].token == &tokens[1] && done[0].length == 5);
	CHECK_EQ(virtio_queue_get(q, done, 4), 1);
	CHECK(done[0].token == &tokens[0] && done[0].length == 200);
	CHECK_EQ(virtio_queue_notify(q, 1), 0);
	CHECK_EQ(add(7, &tokens[3]), 1);
	ring.used->flags = VRING_USED_F_NO_NOTIFY;
	virtio_queue_kick(q);
	CHECK_EQ(doorbells, 1);
	CHECK_EQ(failures, 0);
	end();
}

/* Past the end of the 16 bits of the indices. */
static void around(void)
{
	Virtio_Done done;
	uint16_t head;

	begin();
	for (unsigned i = 0; i < 70000; i++) {
		CHECK_EQ(add(1 + i % SIZE, &tokens[i % 64]), 1);
		CHECK_EQ(next_request(&head), 1 + i % SIZE);
		finish(head, i);
		CHECK_EQ(virtio_queue_get(q, &done, 1), 1);
		CHECK(done.token == &tokens[i % 64]);
	}
	CHECK_EQ(failures, 0);
	end();
}

static void lies(uint16_t index, uint32_t id)
{
	Virtio_Done done[4];
	uint16_t head;

	begin();
	CHECK_EQ(add(2, &tokens[0]), 1);
	next_request(&head);
	if (id == UINT32_MAX - 1)
		id = head;
	for (unsigned i = 0; i < SIZE; i++)
		ring.used->ring[i] = (struct vring_used_elem){.id = id, .len = 1};
	ring.used->idx = index;
	CHECK(virtio_queue_get(q, done, 4) <= 1);
	CHECK_EQ(failures, 1);
	/* It is heard no more. */
	CHECK_EQ(virtio_queue_get(q, done, 4), 0);
	CHECK_EQ(virtio_queue_notify(q, 1), 0);
	virtio_queue_kick(q);
	CHECK_EQ(doorbells, 0);
	end();
}

static void lying(void)
{
	lies(SIZE + 1, 0); /* more than there can be */
	lies(0xffff, 0);   /* backwards */
	lies(1, SIZE);	   /* not a descriptor */
	lies(1, UINT32_MAX);
	lies(1, 1);		 /* in the middle of a request */
	lies(1, 5);		 /* one that is free */
	lies(2, UINT32_MAX - 1); /* the same twice */
}

/* Anything at any time; the tokens that come out were in flight. */
static void noise(void)
{
	for (unsigned round = 0; round < 2000; round++) {
		unsigned in_flight = 0;

		begin();
		for (unsigned i = 0; i < 50; i++) {
			Virtio_Done done[SIZE];
			uint32_t n;

			in_flight += (unsigned)add(1 + (uint32_t)rand() % 4, &tokens[rand() % 64]);
			virtio_queue_kick(q);
			for (unsigned k = (unsigned)rand() % 8; k; k--)
				buffer.bytes[(uint64_t)rand() % buffer_size] = (uint8_t)rand();
			ring.used->idx = (uint16_t)(ring.used->idx + rand() % 2);
			n = virtio_queue_get(q, done, SIZE);
			CHECK(n <= in_flight);
			in_flight -= n;
			for (uint32_t k = 0; k < n; k++)
				CHECK((int *)done[k].token >= tokens &&
				      (int *)done[k].token < tokens + 64 && done[k].length <= 300);
		}
		end();
	}
}

int main(void)
{
	srand(1);
	RUN(as_it_should_be);
	RUN(around);
	RUN(lying);
	RUN(noise);
	return test_finish();
}
