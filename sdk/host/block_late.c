/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of block devices that take too long, as kernel/block/late.c sees to them, and the task
 * of each device, which does that and offers what nobody else does.
 */
#include "block.h"
#include "host.h"
#include "task.h"
#include <base/log.h>
#include <lib/errno.h>

#define RESETS_MAX 3

/* --- what is late ----------------------------------------------------------------------------- */

/* The one whose deadline comes first, or NULL. */
static struct block_request *first_due(const struct block_queue *q)
{
	struct block_request *kept = list_first_entry_or_null(&q->kept, struct block_request, link);
	struct block_request *taken =
		list_first_entry_or_null(&q->taken, struct block_request, link);

	if (!kept || !taken)
		return kept ? kept : taken;
	return kept->deadline < taken->deadline ? kept : taken;
}

static bool is_late(const struct block_queue *q)
{
	const struct block_request *r = q->device->dead ? NULL : first_due(q);

	return r && r->deadline <= task_now();
}

static bool is_calm(const void *on)
{
	const Banos_X_Block *b = on;

	for (uint32_t i = 0; i < b->desc.queues; i++)
		if (b->queues[i].busy)
			return false;
	return true;
}

static void hold(Banos_X_Block *b, bool held)
{
	for (uint32_t i = 0; i < b->desc.queues; i++)
		b->queues[i].held = held;
	if (held)
		task_wait(is_calm, b, NEVER, false, "submit of %s to return", b->name);
}

/* The device was reset: what the driver had is offered again, but not for ever. */
static void after_reset(struct block_queue *q)
{
	struct list lost = LIST_INIT(lost);

	list_splice_tail(&q->taken, &lost);
	while (!list_empty(&lost)) {
		struct block_request *r = list_first_entry(&lost, struct block_request, link);

		if (++r->resets >= RESETS_MAX)
			queue_finish(q, r, -EIO);
		else
			queue_keep(q, r);
	}
	q->full = false;
}

static int32_t call_timeout(struct block_queue *q, struct block_request *r, uint32_t tag)
{
	int32_t answer = BANOS_X_BLOCK_TIMEOUT_MORE;
	Banos_X_Block *b = q->device;

	/* It may have come back while everybody was made to wait. */
	if (r->state != BLOCK_TAKEN || r->tag != tag)
		return answer;
	log_info("block %s: a request is late (queue %u, tag %#x)", b->name, q->number, tag);
	if (b->ops.timeout)
		answer = BLOCK_CALL(b, timeout, b->ctx, r->public);
	if (answer < BANOS_X_BLOCK_TIMEOUT_DONE || answer > BANOS_X_BLOCK_TIMEOUT_RESET)
		queue_complain(q, "timeout returned %d", answer);
	if (answer == BANOS_X_BLOCK_TIMEOUT_RESET)
		for (uint32_t i = 0; i < b->desc.queues; i++)
			after_reset(&b->queues[i]);
	else if (answer != BANOS_X_BLOCK_TIMEOUT_MORE && r->state == BLOCK_TAKEN && r->tag == tag)
		queue_complain(q, "timeout says that a request is done which is not (tag %#x)",
			       tag);
	return answer;
}

/* While it is asked about, it is not used again. */
static void ask(struct block_queue *q, struct block_request *r)
{
	Banos_X_Block *b = q->device;
	uint32_t tag = r->tag;
	struct gate_pass pass;

	r->asked = true;
	r->deadline = task_now() + b->desc.timeout_ns;
	list_move_tail(&r->link, &q->taken);
	if (gate_enter(&b->gate, &pass)) {
		if (b->ops.poll)
			GATE_CALL_VOID(b->object.owner, "poll", b->ops.poll(b->ctx, q->number));
		hold(b, true);
		call_timeout(q, r, tag);
		hold(b, false);
		gate_leave(&pass);
	}
	r->asked = false;
	if (r->state == BLOCK_FREE) {
		request_lock_away(b, r);
		list_add(&r->link, &q->free);
	}
}

static void see_to_late(struct block_queue *q)
{
	struct block_request *r = first_due(q);

	if (r->state == BLOCK_TAKEN) {
		ask(q, r);
		return;
	}
	log_info("block %s: a request was not taken in time (queue %u)", q->device->name,
		 q->number);
	/* It may be about to be unregistered, and then it need not say anything. */
	q->forgotten = list_empty(&q->taken) && q->full;
	queue_finish(q, r, -EIO);
	q->full = false; /* others are offered, or they would wait for ever */
}

/* --- the device's task ------------------------------------------------------------------------ */

static bool wants_service(const struct block_queue *q)
{
	return is_late(q) || (queue_can_offer(q) && !q->busy && !q->full);
}

static bool has_work(const void *on)
{
	const Banos_X_Block *b = on;

	for (uint32_t i = 0; i < b->desc.queues; i++)
		if (wants_service(&b->queues[i]))
			return true;
	return b->ends;
}

void queues_serve(void *device)
{
	Banos_X_Block *b = device;

	while (!b->ends) {
		task_wait(has_work, b, NEVER, false, "requests for %s", b->name);
		for (uint32_t i = 0; i < b->desc.queues; i++) {
			if (is_late(&b->queues[i]))
				see_to_late(&b->queues[i]);
			queue_dispatch(&b->queues[i]);
		}
	}
}

nsec_t queues_next(const Banos_X_Block *b)
{
	nsec_t next = NEVER;

	for (uint32_t i = 0; i < b->desc.queues && !b->dead; i++) {
		const struct block_request *r = first_due(&b->queues[i]);

		if (r && r->deadline > task_now())
			next = min(next, r->deadline);
	}
	return next;
}
