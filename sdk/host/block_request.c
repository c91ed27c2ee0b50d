/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What drivers see of a block device's request. Each has memory of its own for its data, given back
 * when it is over, and may be touched only while the driver has it; segments lie further apart than
 * their size, and the driver's room further behind the public part: what a driver touches otherwise
 * is seen. So is what it has changed in a request, or in data that it was to write.
 *
 * Without a seed a segment is a page; with one, some pages by chance.
 */
#include "block.h"
#include "host.h"
#include "task.h"
#include <base/banos_struct.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define PAGE	       4096u
#define PRIVATE_OFFSET 96u
#define SEGMENT_STRIDE 40u
#define UNREAD	       0xa5 /* what a read's memory holds before */

int32_t banos_x_block_layout(Banos_X_Block_Layout *out)
{
	Banos_X_Block_Layout known = {.private_offset = PRIVATE_OFFSET,
				      .segment_stride = SEGMENT_STRIDE};

	if (BANOS_STRUCT_CHECK(NULL, Banos_X_Block_Layout, out) || out->flags)
		return -EINVAL;
	BANOS_STRUCT_PUT(Banos_X_Block_Layout, out, &known);
	return 0;
}

/* The driver's only while it has it. */
void request_lock_away(Banos_X_Block *b, struct block_request *r)
{
	__asan_poison_memory_region(r->public, b->stride);
}

void request_drop(struct block_request *r)
{
	for (uint32_t i = 0; i < r->piece_count; i++)
		free(r->pieces[i].memory);
	r->piece_count = 0;
}

/* What the next segment holds of the `left` bytes. */
static uint32_t choose_length(const Banos_X_Block *b, uint64_t left)
{
	uint64_t pages = task_has_seed() ? 1 + task_random(4) : 1;
	uint64_t n = pages * PAGE;

	/* As the first page of data that begins in the middle of one. */
	if (task_has_seed() && task_random(4) == 0)
		n = (1 + task_random(PAGE >> b->desc.logical_shift)) << b->desc.logical_shift;
	n = min(n, (uint64_t)b->desc.max_segment_size);
	return (uint32_t)min(n, left);
}

static void add_piece(const Banos_X_Block *b, struct block_request *r, uint32_t n)
{
	struct block_piece *p = &r->pieces[r->piece_count];
	Banos_X_Block_Segment segment = {.length = n};
	void *memory;

	if (posix_memalign(&memory, 1ul << b->desc.logical_shift, n))
		abort();
	memset(memory, UNREAD, n);
	*p = (struct block_piece){.memory = memory, .length = n};
	segment.address = memory;
	segment.physical = (uintptr_t)memory;
	memcpy(r->segments + (size_t)r->piece_count * SEGMENT_STRIDE, &segment, sizeof(segment));
	r->piece_count++;
}

/* Segments for up to `blocks` blocks of the io; how many blocks have found room. */
static uint64_t make_segments(const Banos_X_Block *b, struct block_request *r, uint64_t blocks)
{
	uint64_t size = blocks << b->desc.logical_shift, done = 0;
	const uint8_t *from = r->io->bytes + (r->first << b->desc.logical_shift);

	request_drop(r);
	while (done < size && r->piece_count < b->desc.max_segments) {
		uint32_t n = choose_length(b, size - done);

		add_piece(b, r, n);
		if (r->io->op == BANOS_X_BLOCK_OP_WRITE)
			memcpy(r->pieces[r->piece_count - 1].memory, from + done, n);
		done += n;
	}
	return done >> b->desc.logical_shift;
}

/* Fill in a request whose io and range are set; the range may become shorter. */
void request_make(struct block_queue *q, struct block_request *r)
{
	Banos_X_Block *b = q->device;
	uint32_t op = block_op_of(r->io);
	bool fua = op == BANOS_X_BLOCK_OP_WRITE && r->io->flags & BANOS_X_BLOCK_REQUEST_FUA &&
		   b->desc.features & BANOS_X_BLOCK_FUA;

	if (block_has_data(op))
		r->blocks = make_segments(b, r, min(r->blocks, b->max_blocks));
	else
		r->blocks = min(r->blocks, b->max_discard);
	r->tag += 1u << BLOCK_INDEX_BITS;
	r->sent = (Banos_X_Block_Request){
		.operation = op,
		.flags = fua ? BANOS_X_BLOCK_REQUEST_FUA : 0,
		.block = op == BANOS_X_BLOCK_OP_FLUSH ? 0 : r->io->block + r->first,
		.blocks = (uint32_t)r->blocks,
		.segment_count = block_has_data(op) ? r->piece_count : 0,
		.segments = (const Banos_X_Block_Segment *)r->segments,
		.tag = r->tag,
		.index = r->tag & BLOCK_INDEX_MASK,
		.queue = q->number,
	};
	__asan_unpoison_memory_region(r->public, b->stride);
	*r->public = r->sent;
}

void request_init(Banos_X_Block *b, struct block_request *r)
{
	b->stride = ALIGN_UP(PRIVATE_OFFSET + b->desc.private_size, 16u);
	r->public = host_alloc(b->stride);
	r->segments = host_alloc((size_t)b->desc.max_segments * SEGMENT_STRIDE);
	r->pieces = host_alloc(b->desc.max_segments * sizeof(r->pieces[0]));
	request_lock_away(b, r);
}

void request_fini(struct block_request *r)
{
	request_drop(r);
	free(r->pieces);
	free(r->segments);
	free(r->public);
}

/* --- when it is over -------------------------------------------------------------------------- */

/* What a driver only reads is as it was. */
void request_check(struct block_queue *q, const struct block_request *r)
{
	const uint8_t *bytes;

	if (memcmp(r->public, &r->sent, sizeof(r->sent)))
		queue_complain(q, "the public part of a request has been changed (tag %#x)",
			       r->tag);
	if (r->sent.operation != BANOS_X_BLOCK_OP_WRITE)
		return;
	bytes = r->io->bytes + (r->first << q->device->desc.logical_shift);
	for (uint32_t i = 0; i < r->piece_count; bytes += r->pieces[i++].length)
		if (memcmp(r->pieces[i].memory, bytes, r->pieces[i].length))
			queue_complain(q, "data that was to be written has been changed (tag %#x)",
				       r->tag);
}

/* What was read goes to the program: all but the last `residual` bytes. */
void request_copy_back(struct block_queue *q, const struct block_request *r, uint64_t residual)
{
	uint8_t *to = r->io->bytes + (r->first << q->device->desc.logical_shift);
	uint64_t left = (r->blocks << q->device->desc.logical_shift) - residual;

	for (uint32_t i = 0; i < r->piece_count && left; i++) {
		uint64_t n = min(left, (uint64_t)r->pieces[i].length);

		memcpy(to, r->pieces[i].memory, n);
		to += n;
		left -= n;
	}
}
