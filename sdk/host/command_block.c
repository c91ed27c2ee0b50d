/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands that programs give to block devices. Each goes to the driver as it is: there is no cache
 * in between, so that positions and sizes are those of whole blocks, as with O_DIRECT.
 */
#include "block.h"
#include "command.h"
#include "host.h"
#include "task.h"
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define EXERCISE_BLOCKS 64 /* at a time */

static uint64_t size_of(const Banos_X_Block *b)
{
	return b->desc.blocks << b->desc.logical_shift;
}

static bool is_whole(const Banos_X_Block *b, uint64_t bytes)
{
	return IS_ALIGNED(bytes, 1ull << b->desc.logical_shift);
}

/* `length` bytes at `position`, as far as the device goes. Bytes done, or -errno. */
static int64_t transfer(Banos_X_Block *b, struct block_io *io, uint64_t position, uint64_t length)
{
	uint64_t size = size_of(b);
	int r;

	if (!is_whole(b, position) || !is_whole(b, length))
		return -EINVAL;
	if (position >= size)
		return io->op == BANOS_X_BLOCK_OP_READ || !length ? 0 : -ENOSPC;
	length = min(length, size - position);
	io->block = position >> b->desc.logical_shift;
	io->blocks = length >> b->desc.logical_shift;
	r = block_run_checked(b, io);
	return r ? r : (int64_t)length;
}

/* [at POSITION] [fua] */
static void read_options(struct call *c, struct named *n, struct block_io *io, uint64_t *position)
{
	*position = n->position;
	while (!c->why && c->at < c->end) {
		if (call_is(c, "at"))
			*position = call_number(c, INT64_MAX, "at which position?");
		else if (io->op == BANOS_X_BLOCK_OP_WRITE && call_is(c, "fua"))
			io->flags |= BANOS_X_BLOCK_REQUEST_FUA;
		else
			c->why = "there is a word that does not belong here";
	}
}

void command_block_read(struct call *c, struct named *n)
{
	struct block_io io = {.op = BANOS_X_BLOCK_OP_READ};
	uint64_t length = call_number(c, CALL_SIZE_MAX, "how many bytes?"), position;

	read_options(c, n, &io, &position);
	if (!call_good(c))
		return;
	io.bytes = host_alloc(length);
	c->r->number = transfer(n->block, &io, position, length);
	if (c->r->number >= 0) {
		c->r->has_bytes = true;
		c->r->size = (size_t)c->r->number;
		c->r->bytes = io.bytes;
		n->position = position + (uint64_t)c->r->number;
	} else {
		free(io.bytes);
	}
}

void command_block_write(struct call *c, struct named *n)
{
	struct block_io io = {.op = BANOS_X_BLOCK_OP_WRITE};
	size_t length = 0;
	uint64_t position;

	io.bytes = call_bytes(c, &length);
	read_options(c, n, &io, &position);
	if (call_good(c)) {
		c->r->number = transfer(n->block, &io, position, length);
		if (c->r->number >= 0)
			n->position = position + (uint64_t)c->r->number;
		if (c->r->number >= 0 && (uint64_t)c->r->number < length &&
		    c->w->wanted == c->w->count)
			c->r->sentence = "not all was taken; say `-> BYTES` if that is right";
	}
	free(io.bytes);
}

static Banos_X_Block *next_block(struct call *c)
{
	struct named *n = call_file(c);

	if (n && !n->block)
		c->why = "that is no block device";
	return c->why ? NULL : n->block;
}

void command_flush(struct call *c)
{
	struct block_io io = {.op = BANOS_X_BLOCK_OP_FLUSH};
	Banos_X_Block *b = next_block(c);

	if (call_good(c))
		c->r->number = block_run_checked(b, &io);
}

static void erase(struct call *c, uint32_t op)
{
	struct block_io io = {.op = op};
	Banos_X_Block *b = next_block(c);
	uint64_t position = call_number(c, INT64_MAX, "from which position?");
	uint64_t length = call_number(c, INT64_MAX, "how many bytes?");

	if (!call_good(c))
		return;
	if (!is_whole(b, position) || !is_whole(b, length)) {
		c->r->number = -EINVAL;
		return;
	}
	io.block = position >> b->desc.logical_shift;
	io.blocks = length >> b->desc.logical_shift;
	c->r->number = block_run_checked(b, &io);
}

void command_discard(struct call *c)
{
	erase(c, BANOS_X_BLOCK_OP_DISCARD);
}

void command_zero(struct call *c)
{
	erase(c, BANOS_X_BLOCK_OP_ZEROES);
}

void command_size(struct call *c)
{
	Banos_X_Block *b = next_block(c);

	if (call_good(c))
		c->r->number = (int64_t)size_of(b);
}

/* --- many at once ----------------------------------------------------------------------------- */

/* What the device does not do is not tried. */
static uint32_t choose_op(const Banos_X_Block *b)
{
	uint32_t f = b->desc.features;

	switch (task_random(16)) {
	case 0:
		return BANOS_X_BLOCK_OP_FLUSH;
	case 1:
		if (f & BANOS_X_BLOCK_DISCARD && !(f & BANOS_X_BLOCK_READ_ONLY))
			return BANOS_X_BLOCK_OP_DISCARD;
		break;
	case 2:
		if (f & BANOS_X_BLOCK_ZEROES && !(f & BANOS_X_BLOCK_READ_ONLY))
			return BANOS_X_BLOCK_OP_ZEROES;
		break;
	}
	return f & BANOS_X_BLOCK_READ_ONLY || task_random(2) ? BANOS_X_BLOCK_OP_READ
							     : BANOS_X_BLOCK_OP_WRITE;
}

/* By chance, of the seed. */
static int one_of_many(Banos_X_Block *b)
{
	struct block_io io = {.op = choose_op(b)};
	size_t size;
	int r;

	if (io.op != BANOS_X_BLOCK_OP_FLUSH && b->desc.blocks) {
		io.block = task_random(b->desc.blocks);
		io.blocks = min(1 + task_random(EXERCISE_BLOCKS), b->desc.blocks - io.block);
	}
	size = (size_t)io.blocks << b->desc.logical_shift;
	if (io.op == BANOS_X_BLOCK_OP_WRITE && task_random(4) == 0)
		io.flags = BANOS_X_BLOCK_REQUEST_FUA;
	if (io.op == BANOS_X_BLOCK_OP_READ || io.op == BANOS_X_BLOCK_OP_WRITE)
		io.bytes = host_alloc(size);
	if (io.op == BANOS_X_BLOCK_OP_WRITE)
		words_noise(task_random(0), io.bytes, size);
	r = block_run_checked(b, &io);
	free(io.bytes);
	return r;
}

/* The last error there was, if any; it goes on after one. */
void command_exercise(struct call *c)
{
	Banos_X_Block *b = next_block(c);
	uint64_t count = call_number(c, UINT32_MAX, "how often?");
	int r;

	if (!call_good(c))
		return;
	while (count-- && c->r->number != -ENODEV) {
		r = one_of_many(b);
		if (r)
			c->r->number = r;
	}
}
