/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' block devices: <banos/x_block.h>, the part that makes them, ends them and changes their
 * size. Requests are in queue.c.
 */
#include "internal.h"

#include "desc.h"
#include <banos/export.h>
#include <base/banos_refuse.h>
#include <lib/errno.h>
#include <mem/slab.h>

static void set_limits(struct Banos_X_Block *b, const Banos_X_Block_Desc *d)
{
	Banos_X_Block_Layout layout = {.size = sizeof(layout)};
	uint64_t most = BLOCK_SEGMENT_SIZE_MAX >> d->logical_shift;

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
	const char *wrong;
	int r = BANOS_STRUCT_GET(owner, Banos_X_Block_Desc, &desc, given), used;

	if (device)
		*device = NULL;
	if (r)
		return r;
	block_desc_fill_in(&desc);
	if (!owner || !device)
		return BANOS_REFUSE_CALLER(owner);
	wrong = block_desc_wrong(&desc);
	if (wrong)
		return BANOS_REFUSE_WRONG(owner, desc.name, wrong);
	b = kzalloc(sizeof(*b) + desc.queues * sizeof(b->queues[0]));
	if (!b)
		return -ENOMEM;
	used = r = BANOS_OPS_GET(owner, Banos_X_Block_Ops, &b->ops, ops);
	if (r >= 0)
		r = b->ops.submit ? set_up(b, &desc)
				  : BANOS_REFUSE_WRONG(owner, desc.name, BLOCK_SUBMIT_WRONG);
	if (r) {
		undo(b);
		return r;
	}
	b->ctx = ctx;
	/* First: programs may open the device before block_publish() returns. */
	*device = b;
	owner_being_made(&b->object);
	owner_add(owner, &b->object, &block_class);
	r = block_publish(b, desc.name);
	if (r) {
		owner_remove(&b->object);
		undo(b);
	} else {
		r = block_make_node(b);
		if (!r) {
			owner_unclaim(&b->object);
			return used;
		}
		block_end(b);
	}
	*device = NULL;
	if (r == -EEXIST)
		BANOS_REFUSE_TAKEN(owner, desc.name, ", or have %u in it");
	return r;
}
BANOS_EXPORT(banos_x_block_register);

int32_t banos_x_block_unregister(Banos_X_Block *b)
{
	if (!b)
		return 0;
	if (gate_is_inside(&b->gate))
		return -EDEADLK;
	if (owner_claim(&b->object))
		block_end(b);
	return 0;
}
BANOS_EXPORT(banos_x_block_unregister);

int32_t banos_x_block_resize(Banos_X_Block *b, uint64_t blocks)
{
	if (!block_count_ok(blocks, b->dev.shift))
		return -EINVAL;
	return block_cache_resize(&b->cache, blocks);
}
BANOS_EXPORT(banos_x_block_resize);
