/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' block devices: <banos/x_block.h>, the part that makes them, ends them and changes their
 * size. Requests are in queue.c.
 */
#include "internal.h"

#include <banos/export.h>
#include <base/banos_name.h>
#include <base/banos_struct.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

#define FEATURES                                                                                  \
	(BANOS_X_BLOCK_FLUSH | BANOS_X_BLOCK_FUA | BANOS_X_BLOCK_DISCARD | BANOS_X_BLOCK_ZEROES | \
	 BANOS_X_BLOCK_READ_ONLY)
#define QUEUES_MAX	 64
#define DEPTH_MAX	 1024
#define SEGMENTS_MAX	 256
#define PRIVATE_MAX	 4096
#define PHYSICAL_MAX	 20
#define NAME_MAX_GIVEN	 20 /* leaves room for a number */
#define DEPTH_USUAL	 32
#define SEGMENTS_USUAL	 32
#define SEGMENT_SIZE_MAX (1U << 30)
#define TIMEOUT_USUAL	 (30 * NSEC_PER_SEC)
#define TIMEOUT_MIN	 NSEC_PER_MSEC

/* What 0 stands for. */
static void fill_in(Banos_X_Block_Desc *d)
{
	d->mode = d->mode ?: 0600;
	d->physical_shift = d->physical_shift ?: d->logical_shift;
	d->queues = d->queues ?: 1;
	d->depth = d->depth ?: DEPTH_USUAL;
	d->max_segments = d->max_segments ?: SEGMENTS_USUAL;
	d->max_segment_size = d->max_segment_size ?: SEGMENT_SIZE_MAX;
	d->timeout_ns = d->timeout_ns ?: TIMEOUT_USUAL;
}

static bool name_ok(const char *name)
{
	return name && banos_name_valid(name, true) && !strchr(name, '/') &&
	       strlen(name) <= NAME_MAX_GIVEN;
}

static bool blocks_ok(uint64_t blocks, uint32_t shift)
{
	return blocks <= (uint64_t)INT64_MAX >> shift;
}

static bool desc_ok(const Banos_X_Block_Desc *d)
{
	if (d->flags || !name_ok(d->name) || d->mode & ~0777u || d->features & ~FEATURES)
		return false;
	if (d->logical_shift < 9 || d->logical_shift > PAGE_SHIFT ||
	    !blocks_ok(d->blocks, d->logical_shift) || d->physical_shift < d->logical_shift ||
	    d->physical_shift > PHYSICAL_MAX)
		return false;
	if (d->queues > QUEUES_MAX || d->depth > DEPTH_MAX || d->max_segments > SEGMENTS_MAX)
		return false;
	if (d->max_segment_size < PAGE_SIZE || d->max_segment_size > SEGMENT_SIZE_MAX ||
	    (d->max_blocks && d->max_blocks < PAGE_SIZE >> d->logical_shift))
		return false;
	return d->private_size <= PRIVATE_MAX && d->timeout_ns >= TIMEOUT_MIN &&
	       d->timeout_ns <= INT64_MAX / 2 &&
	       d->completion_stride >= sizeof(Banos_X_Block_Completion) &&
	       d->completion_stride % 8 == 0 && d->completion_stride <= BANOS_STRUCT_MAX;
}

static void set_limits(struct Banos_X_Block *b, const Banos_X_Block_Desc *d)
{
	Banos_X_Block_Layout layout = {.size = sizeof(layout)};
	uint64_t most = SEGMENT_SIZE_MAX >> d->logical_shift;

	banos_x_block_layout(&layout);
	b->stride = ALIGN_UP(layout.private_offset + d->private_size, 16U);
	b->completion_stride = d->completion_stride;
	b->depth = d->depth;
	b->max_segments = d->max_segments;
	b->max_segment_size = ALIGN_DOWN(d->max_segment_size, 1U << d->logical_shift);
	b->max_blocks = d->max_blocks ? min((uint64_t)d->max_blocks, most) : most;
	b->max_discard = d->max_discard ?: UINT32_MAX;
	b->timeout = d->timeout_ns;
	b->dev = (struct block_device){
		.mode = d->mode,
		.uid = d->uid,
		.gid = d->gid,
		.features = d->features,
		.shift = d->logical_shift,
		.physical_shift = d->physical_shift,
		.blocks = d->blocks,
		.cache = &b->cache,
	};
}

static const char *label(const struct owner_object *object)
{
	return container_of(object, struct Banos_X_Block, object)->dev.name;
}

static void forgotten(struct owner_object *object)
{
	banos_x_block_unregister(container_of(object, struct Banos_X_Block, object));
}

static void stop(struct owner_object *object)
{
	block_withdraw(container_of(object, struct Banos_X_Block, object));
}

static const struct owner_class block_class = {
	.name = "block device",
	.stage = OWNER_FRONT,
	.stop = stop,
	.label = label,
	.release = forgotten,
};

/* Everything but the name: 0 or -ENOMEM. What it has made, undo() takes back. */
static int set_up(struct Banos_X_Block *b, const Banos_X_Block_Desc *d)
{
	int r;

	mutex_init(&b->open_lock, LOCK_BLOCK_OPEN);
	b->queue_count = d->queues;
	set_limits(b, d);
	r = gate_init(&b->gate);
	if (r)
		return r;
	b->thread = work_queue_create("blk");
	if (!b->thread)
		return -ENOMEM;
	block_cache_init(&b->cache, &b->dev);
	return queues_init(b);
}

static void undo(struct Banos_X_Block *b)
{
	queues_free(b);
	if (b->thread)
		work_queue_destroy(b->thread);
	gate_fini(&b->gate);
	kfree(b);
}

int32_t banos_x_block_register(Banos_Driver *driver, const Banos_X_Block_Desc *given,
			       const Banos_X_Block_Ops *ops, void *ctx, Banos_X_Block **device)
{
	struct owner *owner = owner_find(driver);
	struct Banos_X_Block *b;
	Banos_X_Block_Desc desc;
	int r = banos_struct_get(&desc, sizeof(desc), given), used;

	if (device)
		*device = NULL;
	if (r)
		return r;
	fill_in(&desc);
	if (!owner || !device || !desc_ok(&desc))
		return -EINVAL;
	b = kzalloc(sizeof(*b) + desc.queues * sizeof(b->queues[0]));
	if (!b)
		return -ENOMEM;
	used = r = banos_ops_get(&b->ops, sizeof(b->ops), ops);
	if (r >= 0)
		r = b->ops.submit ? set_up(b, &desc) : -EINVAL;
	if (r) {
		undo(b);
		return r;
	}
	b->ctx = ctx;
	/* First: programs may open the device before block_publish() returns. */
	*device = b;
	owner_add(owner, &b->object, &block_class);
	r = block_publish(b, desc.name);
	if (r) {
		owner_remove(&b->object);
		undo(b);
	} else {
		r = block_make_node(b);
		if (!r)
			return used;
		block_end(b);
	}
	*device = NULL;
	return r;
}
BANOS_EXPORT(banos_x_block_register);

int32_t banos_x_block_unregister(Banos_X_Block *b)
{
	if (!b)
		return 0;
	if (gate_is_inside(&b->gate))
		return -EDEADLK;
	block_end(b);
	return 0;
}
BANOS_EXPORT(banos_x_block_unregister);

int32_t banos_x_block_resize(Banos_X_Block *b, uint64_t blocks)
{
	if (!blocks_ok(blocks, b->dev.shift))
		return -EINVAL;
	return block_cache_resize(&b->cache, blocks);
}
BANOS_EXPORT(banos_x_block_resize);
