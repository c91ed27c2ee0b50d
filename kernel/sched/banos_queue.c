/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread for each driver that has functions to be called by one. See banos_queue.h. */
#include "banos_queue.h"

#include <base/owner.h>
#include <lib/errno.h>
#include <sched/thread.h>
#include <sched/work.h>

static bool may_make_threads(void)
{
	return !in_interrupt() && !preempt_count() && irq_enabled();
}

/* Two may come at once: the first one's is taken. */
static struct work_queue *offer(struct owner *o, struct work_queue *q)
{
	struct work_queue *there = NULL;

	if (__atomic_compare_exchange_n(&o->queue, &there, q, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return q;
	work_queue_destroy(q);
	return there;
}

int banos_queue_of(struct owner *o, struct work_queue **out)
{
	struct work_queue *q = __atomic_load_n(&o->queue, __ATOMIC_ACQUIRE);

	if (!q && !may_make_threads())
		q = work_driver_queue;
	if (!q) {
		q = work_queue_create(o->name);
		if (!q)
			return -ENOMEM;
		q = offer(o, q);
	}
	*out = q;
	return 0;
}

void banos_queue_end(struct owner *o)
{
	if (o->queue)
		work_queue_destroy(o->queue);
	o->queue = NULL;
}
