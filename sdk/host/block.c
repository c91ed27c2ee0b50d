/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/x_block.h>: devices as such, as kernel/block/device.c and banos_x_block.c have them.
 *
 *	registered	opens find it
 *	unregistered	nobody finds it; its gate is shut and its task has ended; what is asked of
 * it is -ENODEV. Its record stays for good, so that a driver that still completes is named; the
 * rest of its memory goes with the last file.
 */
#include "block.h"
#include "device.h"
#include "host.h"
#include "task.h"
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <block/desc.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define NUMBERS_MAX 4096u

static struct list all = LIST_INIT(all);
static struct list gone = LIST_INIT(gone);

Banos_X_Block *block_find(const char *name)
{
	Banos_X_Block *b;

	list_for_each_entry(b, &all, link)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}

nsec_t block_next(void)
{
	nsec_t next = NEVER;
	Banos_X_Block *b;

	list_for_each_entry(b, &all, link)
		next = min(next, queues_next(b));
	return next;
}

void block_forget_all(void)
{
	Banos_X_Block *b;

	list_for_each_entry(b, &all, link)
		contents_forget(&b->contents, 0, UINT64_MAX);
}

/* --- use -------------------------------------------------------------------------------------- */

static void put(Banos_X_Block *b)
{
	if (--b->refs)
		return;
	gate_fini(&b->gate);
	queues_free(b);
	contents_forget(&b->contents, 0, UINT64_MAX);
}

static int call_start(Banos_X_Block *b)
{
	struct gate_pass pass;
	int r;

	if (!b->ops.start)
		return 0;
	if (!gate_enter(&b->gate, &pass))
		return -ENXIO;
	r = BLOCK_CALL(b, start, b->ctx);
	gate_leave(&pass);
	if (r < -DRIVER_MAX_ERRNO) {
		host_complain("driver %s: start returned %d, which is no errno",
			      b->object.owner->name, r);
		return -EIO;
	}
	return min(r, 0);
}

static void call_stop(Banos_X_Block *b)
{
	struct gate_pass pass;

	if (!b->ops.stop || !gate_enter(&b->gate, &pass))
		return;
	GATE_CALL_VOID(b->object.owner, "stop", b->ops.stop(b->ctx));
	gate_leave(&pass);
}

/* Programs come one after the other: who opens it first has opened it before the next one does. */
static bool is_settled(const void *on)
{
	return !((const Banos_X_Block *)on)->changing;
}

/* The first calls start. */
static int open_held(Banos_X_Block *b)
{
	int r = 0;

	task_wait(is_settled, b, NEVER, false, "start or stop of %s to return", b->name);
	b->changing = true;
	if (b->dead)
		r = -ENXIO;
	else if (!b->opens)
		r = call_start(b);
	b->changing = false;
	return r;
}

int block_open(const char *name, uint32_t how, const struct user *user, Banos_X_Block **out)
{
	Banos_X_Block *b = block_find(name);
	int r = 0;

	if (b && !user_may(user, how, b->desc.mode, b->desc.uid, b->desc.gid))
		return -EACCES;
	if (!b || !owner_hold(b->object.owner))
		return -ENXIO;
	b->refs++;
	r = owner_await_start(b->object.owner);
	if (!r)
		r = open_held(b);
	/* The unregistration has given the holds of all opens back, but not ours. */
	if (!r && b->dead)
		r = -ENXIO;
	if (r) {
		owner_drop(b->object.owner);
		put(b);
		return r;
	}
	b->opens++;
	*out = b;
	return 0;
}

void block_close(Banos_X_Block *b)
{
	struct owner *owner = b->object.owner;

	task_wait(is_settled, b, NEVER, false, "start or stop of %s to return", b->name);
	if (b->opens == 1) {
		b->changing = true;
		call_stop(b);
		b->changing = false;
	}
	/* Of one that is gone the hold is back. */
	if (b->opens) {
		b->opens--;
		owner_drop(owner);
	}
	put(b);
}

int64_t block_ctl(Banos_X_Block *b, uint32_t operation, const struct request *q)
{
	struct gate_pass pass;
	Banos_Io *io;
	int64_t r;

	if (!b->ops.ctl)
		return -ENOTTY;
	if (!gate_enter(&b->gate, &pass))
		return -ENODEV;
	io = io_begin(q, 0);
	r = BLOCK_CALL(b, ctl, b->ctx, operation, io);
	r = io_end(io, r, b->object.owner, NULL, NULL, "ctl");
	gate_leave(&pass);
	return r;
}

int block_run_checked(Banos_X_Block *b, struct block_io *io)
{
	struct block_operation operation;
	uint64_t block;
	int r;

	b->refs++;
	contents_begin(&b->contents, &operation, io);
	r = block_run(b, io);
	if (!contents_end(&b->contents, &operation, io, &block))
		host_complain("block %s: block %llu is not what was written to it", b->name,
			      (unsigned long long)block);
	put(b);
	return r;
}

/* --- registration ----------------------------------------------------------------------------- */

static const char *label(const struct owner_object *object)
{
	return container_of(object, Banos_X_Block, object)->name;
}

static void forgotten(struct owner_object *object)
{
	banos_x_block_unregister(container_of(object, Banos_X_Block, object));
}

static const struct owner_class block_class = {
	.name = "block device", .label = label, .release = forgotten};

/* "disk%u" becomes the first that is free. */
static int choose_name(Banos_X_Block *b, const char *wanted)
{
	const char *number = strchr(wanted, '%');

	for (unsigned i = 0; i < NUMBERS_MAX; i++) {
		if (number)
			snprintf(b->name, sizeof(b->name), "%.*s%u%s", (int)(number - wanted),
				 wanted, i, number + 2);
		else
			snprintf(b->name, sizeof(b->name), "%s", wanted);
		if (!block_find(b->name))
			return 0;
		if (!number)
			break;
	}
	return -EEXIST;
}

static void set_limits(Banos_X_Block *b)
{
	uint64_t most = BLOCK_SEGMENT_SIZE_MAX >> b->desc.logical_shift;

	b->desc.max_segment_size =
		ALIGN_DOWN(b->desc.max_segment_size, 1u << b->desc.logical_shift);
	b->max_blocks = b->desc.max_blocks ? min((uint64_t)b->desc.max_blocks, most) : most;
	b->max_discard = b->desc.max_discard ? b->desc.max_discard : UINT32_MAX;
}

int32_t banos_x_block_register(Banos_Driver *driver, const Banos_X_Block_Desc *given,
			       const Banos_X_Block_Ops *ops, void *ctx, Banos_X_Block **device)
{
	struct owner *owner = owner_find(driver);
	Banos_X_Block_Desc desc;
	const char *wrong;
	Banos_X_Block *b;
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
	if (host_fails())
		return -ENOMEM;
	b = host_alloc(sizeof(*b));
	used = r = BANOS_OPS_GET(owner, Banos_X_Block_Ops, &b->ops, ops);
	if (r >= 0)
		r = b->ops.submit ? choose_name(b, desc.name)
				  : BANOS_REFUSE_WRONG(owner, desc.name, BLOCK_SUBMIT_WRONG);
	if (r == -EEXIST)
		BANOS_REFUSE_TAKEN(owner, desc.name, ", or have %u in it");
	if (!r)
		r = gate_init(&b->gate);
	if (r) {
		free(b);
		return r;
	}
	b->ctx = ctx;
	b->desc = desc;
	b->desc.name = NULL; /* the driver's */
	b->refs = 1;
	set_limits(b);
	queues_make(b);
	contents_init(&b->contents, desc.logical_shift);
	*device = b;
	owner_add(owner, &b->object, &block_class);
	list_add_tail(&b->link, &all);
	b->task = task_create(b->name, queues_serve, b, TASK_SERVICE);
	return used;
}

/* A handle of one that is gone is the driver's fault. */
static bool is_registered(const Banos_X_Block *b)
{
	char where[WHERE_SIZE];

	if (!b->ends)
		return true;
	host_complain("%s: %s of %s, which was unregistered", images_where(api_caller(), where),
		      api_name(), b->name);
	return false;
}

int32_t banos_x_block_unregister(Banos_X_Block *b)
{
	if (!b)
		return 0;
	if (!is_registered(b))
		return -EINVAL;
	if (gate_is_inside(&b->gate))
		return -EDEADLK;
	if (!owner_claim(&b->object))
		return 0;
	list_move_tail(&b->link, &gone);
	b->dead = true;
	gate_shut(&b->gate);
	b->ends = true;
	task_join(b->task);
	queues_kill(b);
	owner_remove(&b->object);
	for (; b->opens; b->opens--)
		owner_drop(b->object.owner);
	put(b);
	return 0;
}

struct shrinking {
	const Banos_X_Block *b;
	uint64_t blocks;
};

static bool is_unused(const void *on)
{
	const struct shrinking *s = on;

	return !queues_use(s->b, s->blocks);
}

int32_t banos_x_block_resize(Banos_X_Block *b, uint64_t blocks)
{
	struct shrinking s = {.b = b, .blocks = blocks};

	if (!is_registered(b) || !block_count_ok(blocks, b->desc.logical_shift))
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	s.blocks = min(blocks, b->desc.blocks);
	b->desc.blocks = blocks;
	task_wait(is_unused, &s, NEVER, false, "requests for blocks of %s that go or come",
		  b->name);
	contents_forget(&b->contents, s.blocks, UINT64_MAX - s.blocks);
	return 0;
}
