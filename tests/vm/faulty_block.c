/* SPDX-License-Identifier: MIT */
/*
 * A disk with faults that banos-host is to find: the parameter `what` names one, which the second
 * request of a program meets. Like tests/vm/faulty.c.
 */
#include <banos/driver.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/x_block.h>

#define EIO    5
#define BLOCKS 64
#define SHIFT  9

static Banos_X_Block *device;
static Banos_X_Block_Layout layout = {.size = sizeof(layout)};
static Banos_X_Block_Request *kept;
static Banos_Timer *timer;
static uint8_t store[BLOCKS << SHIFT];
static uint32_t served, last_tag;
static char what[32];

static int is(const char *fault)
{
	const char *x = what;

	while (*x && *x == *fault) {
		x++;
		fault++;
	}
	return *x == *fault;
}

static void move(const Banos_X_Block_Request *r)
{
	/* The elements of this kernel, not ours. */
	uint64_t stride = is("stride") ? sizeof(Banos_X_Block_Segment) : layout.segment_stride;
	const char *at = (const char *)r->segments;
	uint8_t *block = store + (r->block << SHIFT);

	for (uint32_t i = 0; i < r->segment_count; i++, at += stride) {
		const Banos_X_Block_Segment *s = (const Banos_X_Block_Segment *)at;

		if (r->operation == BANOS_X_BLOCK_OP_READ)
			__builtin_memcpy(s->address, block, s->length);
		else
			__builtin_memcpy(block, s->address, s->length);
		block += s->length;
	}
}

static void done(uint32_t tag, int32_t status, uint64_t residual)
{
	Banos_X_Block_Completion c = {.tag = tag, .status = status, .residual = residual};

	banos_x_block_done(device, 0, &c, 1);
}

static void complete_kept(void *ctx)
{
	(void)ctx;
	if (kept)
		done(kept->tag, 0, 0);
	kept = NULL;
	if (is("poke"))
		banos_x_block_requeue(device, 0);
}

static void make_fault(Banos_X_Block_Request *r)
{
	if (is("twice"))
		done(r->tag, 0, 0);
	else if (is("foreign"))
		done(r->tag + 1, 0, 0);
	else if (is("old"))
		done(last_tag, 0, 0);
	else if (is("queue"))
		banos_x_block_requeue(device, 1);
	else if (is("sleep"))
		banos_sleep_ns(1000, 0);
	else if (is("scribble"))
		r->blocks = 0;
	else if (is("corrupt"))
		((uint8_t *)r->segments[0].address)[7] ^= 1;
	else if (is("wrong"))
		store[(r->block << SHIFT) + 3] ^= 1;
	else if (is("beyond"))
		((volatile uint8_t *)r->segments[0].address)[r->segments[0].length] = 1;
}

static void finish(Banos_X_Block_Request *r, uint32_t tag)
{
	if (is("status"))
		done(tag, EIO, 0);
	else if (is("residual"))
		done(tag, 0, 100000);
	else if (is("nothing"))
		done(tag, 0, (uint64_t)r->blocks << SHIFT);
	else
		done(tag, 0, 0);
	if (is("use"))
		last_tag = ((volatile Banos_X_Block_Request *)r)->blocks;
}

static int keeps(void)
{
	return is("lost") || is("liar") || is("late") || is("more");
}

static uint32_t submit(void *ctx, uint32_t queue, Banos_X_Block_Request *const *requests,
		       uint32_t count)
{
	(void)ctx, (void)queue;
	if ((is("refuse") && served == 1 && ++served) || (is("poke") && !served++)) {
		banos_timer_arm(timer, banos_time_mono_ns() + 1000000, 0, 0);
		return 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		Banos_X_Block_Request *r = requests[i];
		uint32_t tag = r->tag;

		move(r);
		if (++served != 2) {
			done(tag, 0, 0);
		} else if (keeps()) {
			kept = r;
			if (is("late"))
				banos_timer_arm(timer, banos_time_mono_ns() + 50000000, 0, 0);
		} else {
			make_fault(r);
			finish(r, tag);
		}
		last_tag = tag;
	}
	return is("toomany") ? count + 1 : is("untaken") ? 0 : count;
}

static int32_t timeout(void *ctx, Banos_X_Block_Request *request)
{
	(void)ctx, (void)request;
	if (is("liar"))
		return BANOS_X_BLOCK_TIMEOUT_DONE;
	return is("more") || is("late") ? BANOS_X_BLOCK_TIMEOUT_MORE : BANOS_X_BLOCK_TIMEOUT_RESET;
}

static const Banos_X_Block_Ops ops = {.size = sizeof(ops), .submit = submit, .timeout = timeout};

static int stop(Banos_Driver *driver)
{
	(void)driver;
	if (is("after")) {
		banos_x_block_unregister(device);
		done(last_tag, 0, 0);
	} else if (!is("forget")) {
		banos_timer_destroy(timer);
		banos_x_block_unregister(device);
		return 0;
	}
	banos_timer_destroy(timer);
	return 0;
}

static int start(Banos_Driver *driver)
{
	Banos_X_Block_Desc desc = {.size = sizeof(desc),
				   .name = "faulty",
				   .blocks = BLOCKS,
				   .logical_shift = SHIFT,
				   .private_size = 8,
				   .completion_stride = sizeof(Banos_X_Block_Completion),
				   .timeout_ns = 10000000};
	int32_t result;

	banos_param_get(driver, "what", BANOS_PARAM_TEXT, what, sizeof(what));
	banos_x_block_layout(&layout);
	if (is("shift"))
		desc.logical_shift = 13;
	result = banos_timer_create(driver, complete_kept, NULL, 0, &timer);
	if (!result)
		result = banos_x_block_register(driver, &desc, &ops, NULL, &device);
	if (result < 0)
		banos_timer_destroy(timer);
	return result < 0 ? result : 0;
}

static const Banos_Parameter parameters[] = {
	{.name = "what", .fallback = "", .type = BANOS_PARAM_TEXT},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.flags = BANOS_META_EXPERIMENTAL,
	.parameters = BANOS_LIST(parameters),
};

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(Banos_Driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "faulty",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = start,
	.uninit = stop,
};
