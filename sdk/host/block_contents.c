/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must be on a disk, by what was done to it: each block that was written or read without an
 * error is known until something changes it. What is not known is learnt by the next read.
 *
 * Of operations that meet while both are in progress, and of which one changes something, nobody
 * knows which came first: what they read is not looked at, what they write is not known.
 */
#include "block.h"
#include "host.h"
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define BUCKETS	  ARRAY_SIZE(((struct block_contents *)0)->buckets)
#define KNOWN_MAX 65536 /* blocks that one change makes known */

struct block_known {
	struct block_known *next;
	uint64_t block;
	uint8_t data[];
};

void contents_init(struct block_contents *c, uint32_t shift)
{
	*c = (struct block_contents){.shift = shift};
	list_init(&c->operations);
}

static struct block_known **place_of(struct block_contents *c, uint64_t block)
{
	struct block_known **at = &c->buckets[block % BUCKETS];

	while (*at && (*at)->block != block)
		at = &(*at)->next;
	return at;
}

static void drop(struct block_contents *c, struct block_known **at)
{
	struct block_known *k = *at;

	*at = k->next;
	free(k);
	c->count--;
}

void contents_forget(struct block_contents *c, uint64_t from, uint64_t blocks)
{
	/* One by one, or all that are known: whatever is less. */
	for (uint64_t i = 0; blocks <= c->count && i < blocks; i++) {
		struct block_known **at = place_of(c, from + i);

		if (*at)
			drop(c, at);
	}
	for (unsigned i = 0; blocks > c->count && i < BUCKETS; i++)
		for (struct block_known **at = &c->buckets[i]; *at;)
			if ((*at)->block - from < blocks)
				drop(c, at);
			else
				at = &(*at)->next;
}

/* bytes NULL: zeroes. */
static void know(struct block_contents *c, uint64_t block, const uint8_t *bytes)
{
	size_t size = 1ul << c->shift;
	struct block_known **at = place_of(c, block);

	if (!*at) {
		*at = host_alloc(sizeof(**at) + size);
		(*at)->block = block;
		c->count++;
	}
	if (bytes)
		memcpy((*at)->data, bytes, size);
	else
		memset((*at)->data, 0, size);
}

static bool meet(const struct block_operation *a, const struct block_operation *b)
{
	return a->block < b->block + b->blocks && b->block < a->block + a->blocks &&
	       (a->changes || b->changes);
}

void contents_begin(struct block_contents *c, struct block_operation *o, const struct block_io *io)
{
	struct block_operation *other;

	*o = (struct block_operation){.block = io->block,
				      .blocks = io->blocks,
				      .changes = io->op != BANOS_X_BLOCK_OP_READ};
	list_for_each_entry(other, &c->operations, link)
		if (meet(o, other))
			o->mixed = other->mixed = true;
	list_add_tail(&o->link, &c->operations);
}

static bool compare(struct block_contents *c, const struct block_io *io, uint64_t *block)
{
	size_t size = 1ul << c->shift;

	for (uint64_t i = 0; i < io->blocks; i++) {
		const struct block_known *k = *place_of(c, io->block + i);
		const uint8_t *bytes = io->bytes + i * size;

		*block = io->block + i;
		if (!k)
			know(c, *block, bytes);
		else if (memcmp(k->data, bytes, size))
			return false;
	}
	return true;
}

static void change(struct block_contents *c, const struct block_io *io)
{
	for (uint64_t i = 0; i < io->blocks; i++)
		know(c, io->block + i, io->bytes ? io->bytes + (i << c->shift) : NULL);
}

bool contents_end(struct block_contents *c, struct block_operation *o, const struct block_io *io,
		  uint64_t *block)
{
	list_del(&o->link);
	if (io->op == BANOS_X_BLOCK_OP_READ)
		return o->mixed || io->error || compare(c, io, block);
	if (o->mixed || io->error || io->op == BANOS_X_BLOCK_OP_DISCARD || io->blocks > KNOWN_MAX)
		contents_forget(c, io->block, io->blocks);
	else
		change(c, io);
	return true;
}
