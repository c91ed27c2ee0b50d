/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in policy: fair by virtual run time.
 *
 * A thread's vruntime grows with the time it runs, divided by its weight; the candidate with the
 * least runs next. min_vruntime follows the least vruntime of the queue and never falls. A thread
 * that sleeps or moves keeps its vruntime relative to the queue's minimum; one that wakes gets
 * at most SLEEPER_CREDIT of head start, so that sleeping does not save up processor time.
 *
 * Weights are the usual geometric row: one nice level is about a tenth of the processor.
 */
#include "rq.h"

#include <base/panic.h>
#include <sched/clock.h>

#define LATENCY	       (6 * NSEC_PER_MSEC)
#define MINIMUM_SLICE  (1 * NSEC_PER_MSEC)
#define GRANULARITY    (1 * NSEC_PER_MSEC)
#define SLEEPER_CREDIT (3 * NSEC_PER_MSEC)
#define WEIGHT_0       1024

/* 1024 * 1.25^-nice, rounded. */
static const uint32_t weights[40] = {88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626,
				     14901, 11921, 9537,  7629,	 6104,	4883,  3906,  3125,
				     2500,  2000,  1600,  1280,	 1024,	819,   655,   524,
				     419,   336,   268,	  215,	 172,	137,   110,   88,
				     70,    56,	   45,	  36,	 29,	23,    18,    15};

uint32_t fair_weight(int nice)
{
	return weights[clamp(nice, -20, 19) + 20];
}

static struct thread *entry(struct rb_node *n)
{
	return n ? rb_entry(n, struct thread, sched.node) : NULL;
}

/* Signed difference: the counters may wrap, and only their distance means anything. */
static bool before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static void insert(struct run_queue *rq, struct thread *t)
{
	struct rb_node **link = &rq->tree.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = before(t->sched.vruntime, entry(parent)->sched.vruntime) ? &parent->left
										: &parent->right;
	}
	rb_link(&t->sched.node, parent, link);
	rb_insert_fixup(&t->sched.node, &rq->tree);
	rq->weight += t->sched.weight;
}

static void remove(struct run_queue *rq, struct thread *t)
{
	rb_erase(&t->sched.node, &rq->tree);
	rq->weight -= t->sched.weight;
}

static void fair_enqueue(struct run_queue *rq, struct thread *t, bool woken)
{
	if (woken) {
		int64_t lag = (int64_t)t->sched.vruntime;
		int64_t debt = (int64_t)(LATENCY * WEIGHT_0 / t->sched.weight);

		/* Neither credit nor debt is kept for ever: a processor that was taken away by the
		 * hypervisor makes a thread look as if it had run for seconds. */
		lag = clamp(lag, -(int64_t)SLEEPER_CREDIT, debt);
		t->sched.vruntime = rq->min_vruntime + (uint64_t)lag;
	}
	insert(rq, t);
}

static void fair_leave(struct run_queue *rq, struct thread *t)
{
	t->sched.vruntime -= rq->min_vruntime;
}

static void fair_dequeue(struct run_queue *rq, struct thread *t)
{
	remove(rq, t);
	fair_leave(rq, t);
}

static void advance_minimum(struct run_queue *rq)
{
	struct thread *first = entry(rb_first(&rq->tree));
	uint64_t least;

	if (rq->curr != rq->idle)
		least = first && before(first->sched.vruntime, rq->curr->sched.vruntime)
				? first->sched.vruntime
				: rq->curr->sched.vruntime;
	else if (first)
		least = first->sched.vruntime;
	else
		return;
	if (before(rq->min_vruntime, least))
		rq->min_vruntime = least;
}

static void fair_account(struct run_queue *rq, nsec_t now)
{
	struct sched_entity *e = &rq->curr->sched;
	/* Counters of two processors may differ by a hair: never let that become an age. */
	nsec_t ran = now > e->exec_start ? now - e->exec_start : 0;

	e->exec_start = now;
	e->runtime_ns += ran;
	if (rq->curr != rq->idle)
		e->vruntime += e->weight == WEIGHT_0 ? ran : ran * WEIGHT_0 / e->weight;
	advance_minimum(rq);
}

static struct thread *fair_pick(struct run_queue *rq)
{
	struct thread *t = entry(rb_first(&rq->tree));

	if (t)
		remove(rq, t);
	return t;
}

void fair_join(struct run_queue *rq, struct thread *t)
{
	if (!t->sched.rt_priority)
		t->sched.vruntime += rq->min_vruntime;
}

static bool fair_preempts(struct run_queue *rq, struct thread *t)
{
	/* Those that only want to get work done do not interrupt; everybody interrupts the idle. */
	if (t->sched.policy == THREAD_BATCH || t->sched.policy == THREAD_IDLE)
		return false;
	if (rq->curr->sched.policy == THREAD_IDLE)
		return true;
	return before(t->sched.vruntime + GRANULARITY, rq->curr->sched.vruntime);
}

static nsec_t fair_slice(struct run_queue *rq, struct thread *t)
{
	nsec_t share = LATENCY * t->sched.weight / (rq->weight + t->sched.weight);

	return max(share, (nsec_t)MINIMUM_SLICE);
}

/* The one that would wait longest here: the last. */
static struct thread *fair_steal(struct run_queue *rq, unsigned cpu)
{
	for (struct rb_node *n = rb_last(&rq->tree); n; n = rb_prev(n))
		if (bit_test(entry(n)->affinity, cpu))
			return entry(n);
	return NULL;
}

const struct sched_policy fair_policy = {.name = "fair",
					 .enqueue = fair_enqueue,
					 .dequeue = fair_dequeue,
					 .pick = fair_pick,
					 .leave = fair_leave,
					 .account = fair_account,
					 .preempts = fair_preempts,
					 .slice = fair_slice,
					 .steal = fair_steal};
