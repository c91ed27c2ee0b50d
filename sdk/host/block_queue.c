/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of block devices, as kernel/block/queue.c hands them to drivers and takes them back: its
 * head has the states and who moves them. What differs:
 *
 *	- who finds something to offer need not be told: the device's task looks whenever anything
 *	  happens (task.h). With a seed it is by chance the program itself or the task that offers.
 *	- a request is something else than memory of the queue: block_request.c.
 *	- what the kernel logs of a driver's mistakes is a failure of the run.
 *
 * What is late: block_late.c.
 */
#include "block.h"
#include "host.h"
#include "task.h"
#include <base/log.h>
#include <sched/gate.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define BATCH	       16
#define COMPLAINTS_MAX 10

void queue_complain(struct block_queue *q, const char *format, ...)
{
	char text[200];
	va_list ap;

	if (++q->complaints > COMPLAINTS_MAX) {
		host_failures++;
		return;
	}
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	host_complain("driver %s: %s, queue %u: %s%s", q->device->object.owner->name,
		      q->device->name, q->number, text,
		      q->complaints == COMPLAINTS_MAX ? "; further complaints are not shown" : "");
}

/* --- requests -------------------------------------------------------------------------------- */

/* A part of the first io that waits, into a free request. */
static struct block_request *next_request(struct block_queue *q)
{
	struct block_io *io = list_first_entry(&q->waiting, struct block_io, link);
	struct block_request *r = list_first_entry(&q->free, struct block_request, link);

	list_del(&r->link);
	r->io = io;
	r->first = io->flush == 2 ? 0 : io->next;
	r->blocks = io->flush == 2 ? 0 : io->blocks - io->next;
	r->resets = 0;
	r->deadline = task_now() + q->device->desc.timeout_ns;
	request_make(q, r);
	if (io->flush != 2)
		io->next += r->blocks;
	io->flying++;
	if (io->next == io->blocks)
		list_del(&io->link);
	return r;
}

/* --- offering -------------------------------------------------------------------------------- */

struct batch {
	unsigned count;
	Banos_X_Block_Request *public[BATCH];
	struct block_request *requests[BATCH];
	uint32_t tags[BATCH];
};

bool queue_can_offer(const struct block_queue *q)
{
	return !q->held && !q->device->dead &&
	       (!list_empty(&q->kept) || (!list_empty(&q->waiting) && !list_empty(&q->free)));
}

static void collect(struct block_queue *q, struct batch *batch)
{
	while (batch->count < BATCH && queue_can_offer(q)) {
		struct block_request *r =
			list_first_entry_or_null(&q->kept, struct block_request, link);

		if (r)
			list_del(&r->link);
		else
			r = next_request(q);
		r->state = BLOCK_OFFERED;
		batch->public[batch->count] = r->public;
		batch->tags[batch->count] = r->tag;
		batch->requests[batch->count++] = r;
	}
}

/* What has become of those that were offered; backwards, so that the kept ones stay in order. */
static void settle(struct block_queue *q, struct batch *batch, uint32_t taken)
{
	if (taken > batch->count) {
		queue_complain(q, "submit took %u requests of %u", taken, batch->count);
		taken = batch->count;
	}
	if (taken && q->forgotten)
		queue_complain(
			q, "refused requests when it had none, and takes some now, but never said "
			   "that it would (banos_x_block_requeue)");
	q->forgotten = false;
	q->full = taken < batch->count && !q->again;
	for (unsigned i = 0; i < taken; i++) {
		struct block_request *r = batch->requests[i];

		if (r->state != BLOCK_OFFERED || r->tag != batch->tags[i])
			continue; /* it is back already */
		r->state = BLOCK_TAKEN;
		r->deadline = task_now() + q->device->desc.timeout_ns;
		list_add_tail(&r->link, &q->taken);
	}
	for (unsigned i = batch->count; i-- > taken;) {
		struct block_request *r = batch->requests[i];

		if (r->state == BLOCK_OFFERED && r->tag == batch->tags[i]) {
			r->state = BLOCK_KEPT;
			list_add(&r->link, &q->kept);
		} else {
			queue_complain(q, "a request is done that was not taken (tag %#x)",
				       batch->tags[i]);
		}
	}
}

static uint32_t call_submit(struct block_queue *q, struct batch *batch)
{
	Banos_X_Block *b = q->device;
	struct task *t = task_self();
	const char *before = t->no_sleep;
	uint32_t taken;

	t->no_sleep = "in submit of a block device";
	taken = BLOCK_CALL(b, submit, b->ctx, q->number, batch->public, batch->count);
	t->no_sleep = before;
	return taken;
}

/* Offer once. False: nothing to do, or somebody else does it. */
static bool offer(struct block_queue *q)
{
	struct batch batch = {.count = 0};
	uint32_t taken;

	if (!q->busy && !q->full)
		collect(q, &batch);
	if (!batch.count)
		return false;
	q->busy = true;
	q->again = false;
	taken = call_submit(q, &batch);
	settle(q, &batch, taken);
	q->busy = false;
	return true;
}

void queue_dispatch(struct block_queue *q)
{
	struct gate_pass pass;

	if (!gate_enter(&q->device->gate, &pass))
		return; /* queues_kill() ends what waits */
	while (offer(q))
		;
	gate_leave(&pass);
}

/* --- the end of requests --------------------------------------------------------------------- */

/* All its requests are back, and no more are to be made. */
static void io_over(struct block_queue *q, struct block_io *io)
{
	bool follow = io->flush == 1 && !io->error;

	if (follow && !q->device->dead) {
		io->flush = 2;
		list_add(&io->link, &q->waiting);
		return;
	}
	if (follow) /* written, but nobody sees it to the medium */
		io->error = -ENODEV;
	io->over = true;
}

void queue_finish(struct block_queue *q, struct block_request *r, int error)
{
	struct block_io *io = r->io;

	list_del(&r->link);
	request_drop(r);
	r->io = NULL;
	r->state = BLOCK_FREE;
	if (!r->asked) {
		request_lock_away(q->device, r);
		list_add(&r->link, &q->free);
	}
	io->flying--;
	if (error && !io->error)
		io->error = error;
	if (error && io->next != io->blocks) { /* the rest is not tried */
		io->next = io->blocks;
		list_del(&io->link);
	}
	if (!io->flying && io->next == io->blocks)
		io_over(q, io);
}

void queue_keep(struct block_queue *q, struct block_request *r)
{
	list_del(&r->link);
	request_make(q, r);
	r->state = BLOCK_KEPT;
	r->deadline = task_now() + q->device->desc.timeout_ns;
	list_add_tail(&r->link, &q->kept);
}

/* What is wrong with what the driver says of a request that it has, or NULL. */
static const char *find_fault(const Banos_X_Block *b, const struct block_request *r,
			      const Banos_X_Block_Completion *c)
{
	uint64_t bytes =
		block_has_data(block_op_of(r->io)) ? r->blocks << b->desc.logical_shift : 0;

	if (c->status > 0 || c->status < -DRIVER_MAX_ERRNO)
		return "a completion's status is no error";
	if (c->residual > bytes || !IS_ALIGNED(c->residual, 1ul << b->desc.logical_shift))
		return "a completion's residual is not of its request";
	if (!c->status && c->residual && c->residual == bytes)
		return "a completion without error has done nothing";
	return NULL;
}

static bool complete(struct block_queue *q, const Banos_X_Block_Completion *c)
{
	uint32_t index = c->tag & BLOCK_INDEX_MASK;
	struct block_request *r = index < q->device->desc.depth ? &q->requests[index] : NULL;
	const char *fault;

	if (!r || r->tag != c->tag || (r->state != BLOCK_OFFERED && r->state != BLOCK_TAKEN)) {
		queue_complain(q, "completed a request that it does not have (tag %#x)", c->tag);
		return false;
	}
	fault = find_fault(q->device, r, c);
	if (fault)
		queue_complain(q, "%s (tag %#x, status %d, residual %llu)", fault, c->tag,
			       c->status, (unsigned long long)c->residual);
	request_check(q, r);
	if (!fault && !c->status && r->sent.operation == BANOS_X_BLOCK_OP_READ)
		request_copy_back(q, r, c->residual);
	if (r->state == BLOCK_OFFERED) /* on no list */
		list_add(&r->link, &q->taken);
	if (fault || c->status || !c->residual) {
		queue_finish(q, r, fault ? -EIO : c->status);
		return true;
	}
	r->first += r->blocks - (c->residual >> q->device->desc.logical_shift);
	r->blocks = c->residual >> q->device->desc.logical_shift;
	queue_keep(q, r);
	return true;
}

/* The device may be gone, and then it is the driver's fault. */
static struct block_queue *queue_of(Banos_X_Block *b, uint32_t queue)
{
	char where[WHERE_SIZE];

	if (b->dead && b->ends)
		host_complain("%s: %s of %s, which was unregistered",
			      images_where(api_caller(), where), api_name(), b->name);
	else if (queue >= b->desc.queues)
		host_complain("%s: %s of queue %u of %s, which has %u",
			      images_where(api_caller(), where), api_name(), queue, b->name,
			      b->desc.queues);
	else
		return &b->queues[queue];
	return NULL;
}

int32_t banos_x_block_done(Banos_X_Block *b, uint32_t queue,
			   const Banos_X_Block_Completion *completions, uint32_t count)
{
	struct block_queue *q = queue_of(b, queue);
	const char *at = (const char *)completions;
	int32_t accepted = 0;

	for (uint32_t i = 0; q && i < count; i++, at += b->desc.completion_stride)
		accepted += complete(q, (const Banos_X_Block_Completion *)at);
	if (accepted) {
		q->full = false;
		q->again = q->busy;
	}
	return accepted;
}

void banos_x_block_requeue(Banos_X_Block *b, uint32_t queue)
{
	struct block_queue *q = queue_of(b, queue);

	if (!q)
		return;
	q->full = q->forgotten = false;
	q->again = q->busy;
}

/* --- ios ------------------------------------------------------------------------------------- */

/* What is known at once: an error, 0 to go on, 1: nothing is to be done. */
static int check_io(const Banos_X_Block *b, const struct block_io *io)
{
	uint32_t features = b->desc.features, op = io->op;

	if (op == BANOS_X_BLOCK_OP_FLUSH)
		return features & BANOS_X_BLOCK_FLUSH ? 0 : 1;
	if (op != BANOS_X_BLOCK_OP_READ && features & BANOS_X_BLOCK_READ_ONLY)
		return -EROFS;
	if ((op == BANOS_X_BLOCK_OP_DISCARD && !(features & BANOS_X_BLOCK_DISCARD)) ||
	    (op == BANOS_X_BLOCK_OP_ZEROES && !(features & BANOS_X_BLOCK_ZEROES)))
		return -EOPNOTSUPP;
	if (io->block > b->desc.blocks || io->blocks > b->desc.blocks - io->block)
		return -EIO;
	return io->blocks ? 0 : 1;
}

static bool is_over(const void *on)
{
	return ((const struct block_io *)on)->over;
}

int block_run(Banos_X_Block *b, struct block_io *io)
{
	int r = b->dead ? -ENODEV : check_io(b, io);
	struct block_queue *q;

	io->next = io->flying = 0;
	io->flush = io->op == BANOS_X_BLOCK_OP_WRITE && io->flags & BANOS_X_BLOCK_REQUEST_FUA &&
		    b->desc.features & BANOS_X_BLOCK_FLUSH &&
		    !(b->desc.features & BANOS_X_BLOCK_FUA);
	io->error = min(r, 0);
	io->over = r != 0;
	if (r)
		return io->error;
	q = &b->queues[task_self()->cpu % b->desc.queues];
	list_add_tail(&io->link, &q->waiting);
	if (!task_has_seed() || task_random(2))
		queue_dispatch(q);
	task_wait(is_over, io, NEVER, false, "driver %s to complete a request of %s",
		  b->object.owner->name, b->name);
	return io->error;
}

bool queues_use(const Banos_X_Block *b, uint64_t from)
{
	for (uint32_t i = 0; i < b->desc.queues; i++)
		for (uint32_t k = 0; k < b->desc.depth; k++) {
			const struct block_request *r = &b->queues[i].requests[k];

			if (r->state != BLOCK_FREE && r->sent.block + r->sent.blocks > from)
				return true;
		}
	return false;
}

/* --- queues come and go ----------------------------------------------------------------------- */

static void make_queue(Banos_X_Block *b, struct block_queue *q)
{
	q->device = b;
	list_init(&q->waiting);
	list_init(&q->free);
	list_init(&q->kept);
	list_init(&q->taken);
	q->requests = host_alloc(b->desc.depth * sizeof(q->requests[0]));
	for (uint32_t i = 0; i < b->desc.depth; i++) {
		struct block_request *r = &q->requests[i];

		r->tag = i;
		request_init(b, r);
		list_add_tail(&r->link, &q->free);
	}
}

void queues_make(Banos_X_Block *b)
{
	b->queues = host_alloc(b->desc.queues * sizeof(b->queues[0]));
	for (uint32_t i = 0; i < b->desc.queues; i++) {
		b->queues[i].number = i;
		make_queue(b, &b->queues[i]);
	}
}

void queues_free(Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->desc.queues; i++) {
		for (uint32_t k = 0; k < b->desc.depth; k++) {
			request_fini(&b->queues[i].requests[k]);
		}
		free(b->queues[i].requests);
	}
	free(b->queues);
	b->queues = NULL;
}

static void kill_list(struct block_queue *q, struct list *requests)
{
	while (!list_empty(requests))
		queue_finish(q, list_first_entry(requests, struct block_request, link), -ENODEV);
}

void queues_kill(Banos_X_Block *b)
{
	for (uint32_t i = 0; i < b->desc.queues; i++) {
		struct block_queue *q = &b->queues[i];

		kill_list(q, &q->taken);
		kill_list(q, &q->kept);
		while (!list_empty(&q->waiting)) {
			struct block_io *io = list_first_entry(&q->waiting, struct block_io, link);

			list_del(&io->link);
			io->error = -ENODEV;
			io->over = true;
		}
	}
}
