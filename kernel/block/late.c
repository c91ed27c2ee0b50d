/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that take too long. The timer of a queue is armed when a request goes out and it is not;
 * it fires for the first deadline there was, looks, and is armed for the first there is now. So it
 * costs nothing for each request, and at most one interrupt when the queue has become idle.
 *
 * Of those that the driver has it is asked: poll, then timeout. While it is asked about one, that
 * tag is not used again, since the driver may be looking at the request (`asked`). Those that it
 * never took are given up.
 *
 * All queues are held over timeout: it may reset the device and set it up anew, and what the driver
 * took then, from another processor, would pass for lost in the reset. It would be offered again
 * although the device has it.
 */
#include "internal.h"

#include <base/log.h>
#include <lib/errno.h>
#include <sched/clock.h>

#define RESETS_MAX 3

/* The one whose deadline comes first, or NULL. */
static struct block_tag *first_due(struct block_queue *q)
{
	struct block_tag *kept = list_first_entry_or_null(&q->kept, struct block_tag, link);
	struct block_tag *taken = list_first_entry_or_null(&q->taken, struct block_tag, link);

	if (!kept || !taken)
		return kept ? kept : taken;
	return kept->deadline < taken->deadline ? kept : taken;
}

/* Nothing is late: the timer waits for what will be. Holds q->lock. */
static void go_on(struct block_queue *q, const struct block_tag *first)
{
	q->timed = false;
	if (first)
		queue_time_locked(q, first->deadline);
	else if (q->busy) /* what is being offered has its deadline still to come */
		queue_time_locked(q, clock_mono_ns() + q->device->timeout);
}

void late_timer(struct timer *timer)
{
	struct block_queue *q = container_of(timer, struct block_queue, timer);
	uint64_t irq = spin_lock_irq(&q->lock);
	struct block_tag *first = first_due(q);

	if (!q->dead) {
		if (first && first->deadline <= clock_mono_ns())
			work_submit(&q->late);
		else
			go_on(q, first);
	}
	spin_unlock_irq(&q->lock, irq);
}

/* The device was reset: what the driver had is offered again, but not for ever. */
static void after_reset(struct block_queue *q)
{
	struct list ended = LIST_INIT(ended), lost = LIST_INIT(lost);
	uint64_t irq = spin_lock_irq(&q->lock);

	list_splice_tail(&q->taken, &lost);
	while (!list_empty(&lost)) {
		struct block_tag *t = list_first_entry(&lost, struct block_tag, link);

		if (++t->resets >= RESETS_MAX || q->dead) {
			queue_finish_locked(q, t, q->dead ? -ENODEV : -EIO, &ended);
			continue;
		}
		queue_keep_locked(q, t);
	}
	q->full = false;
	queue_kick_locked(q);
	spin_unlock_irq(&q->lock, irq);
	queue_end_all(&ended);
}

/* Has the driver still got it? */
static bool still_out(struct block_queue *q, const struct block_tag *t, uint32_t tag)
{
	uint64_t irq = spin_lock_irq(&q->lock);
	bool out = t->state == TAG_TAKEN && t->tag == tag;

	spin_unlock_irq(&q->lock, irq);
	return out;
}

static int32_t ask_driver(struct block_queue *q, struct block_tag *t, uint32_t tag)
{
	struct Banos_X_Block *b = q->device;
	int32_t answer = BANOS_X_BLOCK_TIMEOUT_MORE;
	struct gate_pass pass;

	if (!gate_enter(&b->gate, &pass))
		return answer;
	if (b->ops.poll)
		GATE_CALL_VOID(b->object.owner, "poll", b->ops.poll(b->ctx, q->number));
	queues_hold(b);
	if (still_out(q, t, tag)) {
		log_warn("block %s: a request is late (queue %u, tag %#x)", b->dev.name, q->number,
			 tag);
		if (b->ops.timeout)
			answer = BLOCK_CALL(b, timeout, b->ctx, t->request);
		if (answer == BANOS_X_BLOCK_TIMEOUT_RESET)
			for (uint32_t i = 0; i < b->queue_count; i++)
				after_reset(&b->queues[i]);
	}
	queues_release(b);
	gate_leave(&pass);
	return answer;
}

/* The driver has been asked about t, whose deadline is a new one by now. */
static void asked(struct block_queue *q, struct block_tag *t, uint32_t tag, int32_t answer)
{
	uint64_t irq = spin_lock_irq(&q->lock);

	t->asked = false;
	if (t->state == TAG_FREE) {
		list_add(&t->link, &q->free);
		queue_kick_locked(q);
	} else if (t->state == TAG_TAKEN && t->tag == tag && answer != BANOS_X_BLOCK_TIMEOUT_MORE) {
		queue_complain_locked(q, "timeout says that a request is done which is not", tag);
	}
	spin_unlock_irq(&q->lock, irq);
}

/* One that is late; false: none is. */
static bool next_late(struct block_queue *q)
{
	struct list ended = LIST_INIT(ended);
	uint64_t irq = spin_lock_irq(&q->lock);
	struct block_tag *t = q->dead ? NULL : first_due(q);
	bool late = t && t->deadline <= clock_mono_ns(), ask = false;
	uint32_t tag = t ? t->tag : 0;

	if (!late) {
		go_on(q, t);
	} else if (t->state == TAG_KEPT) {
		log_error("block %s: a request was not taken in time (queue %u)",
			  q->device->dev.name, q->number);
		queue_finish_locked(q, t, -EIO, &ended);
		q->full = false; /* others are offered, or they would wait for ever */
		queue_kick_locked(q);
	} else {
		ask = true;
		t->asked = true;
		t->deadline = clock_mono_ns() + q->device->timeout;
		list_move_tail(&t->link, &q->taken);
	}
	spin_unlock_irq(&q->lock, irq);
	queue_end_all(&ended);
	if (ask)
		asked(q, t, tag, ask_driver(q, t, tag));
	return late;
}

void late_work(struct work *w)
{
	struct block_queue *q = container_of(w, struct block_queue, late);

	while (next_late(q))
		;
}
