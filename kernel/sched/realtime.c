/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real-time threads, and the two classes as one policy.
 *
 * Threads of the policies FIFO and RR have a priority, 1 to 99, and run before all others; of
 * one priority the one that has waited longest. Each priority has a list; a bitmap tells which
 * are not empty. A thread goes to the end of its list when it wakes, yields, or (RR) its slice is
 * over, and to the front when it was preempted.
 *
 * A real-time thread that never sleeps would starve what keeps the system alive (grace periods,
 * work). So in each period of a second these threads get THROTTLE of it at most on a processor
 * where others wait; then those run until the period is over.
 *
 * What the core calls is class_policy, which asks the class of the thread. A thread's virtual run
 * time is kept relative while it is real-time, as if it slept.
 */
#include "rq.h"

#include <sched/clock.h>

#define RR_SLICE (100 * NSEC_PER_MSEC)
#define PERIOD	 NSEC_PER_SEC
#define THROTTLE (950 * NSEC_PER_MSEC)
#define FOREVER	 (1ULL << 62) /* a slice without end that can be added to a time */

static bool is_rt(const struct thread *t)
{
	return t->sched.rt_priority;
}

/* --- the real-time class --------------------------------------------------------------------- */

void rt_queue_init(struct rt_queue *q)
{
	for (unsigned i = 0; i < ARRAY_SIZE(q->lists); i++)
		list_init(&q->lists[i]);
}

static void rt_enqueue(struct run_queue *rq, struct thread *t, bool woken)
{
	struct list *l = &rq->rt.lists[t->sched.rt_priority];

	if (woken || t->sched.to_end)
		list_add_tail(&t->sched.rt_link, l);
	else
		list_add(&t->sched.rt_link, l);
	t->sched.to_end = false;
	bit_set(rq->rt.used, t->sched.rt_priority);
}

static void rt_dequeue(struct run_queue *rq, struct thread *t)
{
	list_del(&t->sched.rt_link);
	if (list_empty(&rq->rt.lists[t->sched.rt_priority]))
		bit_clear(rq->rt.used, t->sched.rt_priority);
}

/* The highest priority below `below` that has candidates, or 0. */
static unsigned rt_highest(const struct run_queue *rq, unsigned below)
{
	for (unsigned w = BITMAP_WORDS(RT_PRIORITIES); w--;) {
		unsigned long bits = rq->rt.used[w];

		if (below < (w + 1) * 64)
			bits &= below > w * 64 ? (1UL << (below - w * 64)) - 1 : 0;
		if (bits)
			return w * 64 + 63 - (unsigned)__builtin_clzl(bits);
	}
	return 0;
}

static struct thread *rt_pick(struct run_queue *rq)
{
	unsigned prio = rt_highest(rq, RT_PRIORITIES);
	struct thread *t = list_first_entry(&rq->rt.lists[prio], struct thread, sched.rt_link);

	rt_dequeue(rq, t);
	return t;
}

static void new_period(struct run_queue *rq, nsec_t now)
{
	if (now - rq->rt.period_start >= PERIOD) {
		rq->rt.period_start = now;
		rq->rt.used_ns = 0;
	}
}

static void rt_account(struct run_queue *rq, nsec_t now)
{
	struct sched_entity *e = &rq->curr->sched;
	nsec_t ran = now > e->exec_start ? now - e->exec_start : 0;

	e->exec_start = now;
	e->runtime_ns += ran;
	new_period(rq, now);
	rq->rt.used_ns += ran;
}

static struct thread *rt_steal(struct run_queue *rq, unsigned cpu)
{
	struct thread *t;

	for (unsigned prio = rt_highest(rq, RT_PRIORITIES); prio; prio = rt_highest(rq, prio))
		list_for_each_entry(t, &rq->rt.lists[prio], sched.rt_link)
			if (bit_test(t->affinity, cpu))
				return t;
	return NULL;
}

/* --- both ------------------------------------------------------------------------------------ */

static const struct sched_policy *const fair = &fair_policy;

static bool rt_waits(const struct run_queue *rq)
{
	return rt_highest(rq, RT_PRIORITIES);
}

/* Real-time threads have had their part of this period, and others wait. */
static bool throttled(struct run_queue *rq, nsec_t now)
{
	new_period(rq, now);
	return rq->rt.used_ns >= THROTTLE && rb_first(&rq->tree);
}

static void class_enqueue(struct run_queue *rq, struct thread *t, bool woken)
{
	if (is_rt(t))
		rt_enqueue(rq, t, woken);
	else
		fair->enqueue(rq, t, woken);
}

static void class_dequeue(struct run_queue *rq, struct thread *t)
{
	if (is_rt(t))
		rt_dequeue(rq, t);
	else
		fair->dequeue(rq, t);
}

static struct thread *class_pick(struct run_queue *rq)
{
	if (rt_waits(rq) && !throttled(rq, clock_mono_ns()))
		return rt_pick(rq);
	return fair->pick(rq);
}

static void class_leave(struct run_queue *rq, struct thread *t)
{
	if (!is_rt(t))
		fair->leave(rq, t);
}

static void class_account(struct run_queue *rq, nsec_t now)
{
	if (is_rt(rq->curr))
		rt_account(rq, now);
	else
		fair->account(rq, now);
}

static bool class_preempts(struct run_queue *rq, struct thread *t)
{
	if (is_rt(t))
		return t->sched.rt_priority > rq->curr->sched.rt_priority &&
		       (is_rt(rq->curr) || !throttled(rq, clock_mono_ns()));
	return !is_rt(rq->curr) && fair->preempts(rq, t);
}

/* Until the share of real-time threads changes. */
static nsec_t until_throttle(struct run_queue *rq)
{
	return rq->rt.used_ns < THROTTLE ? THROTTLE - rq->rt.used_ns : NSEC_PER_MSEC;
}

static nsec_t class_slice(struct run_queue *rq, struct thread *t)
{
	nsec_t now = clock_mono_ns(), slice;

	if (is_rt(t)) {
		slice = t->sched.policy == THREAD_RR ? RR_SLICE : FOREVER;
		return rb_first(&rq->tree) ? min(slice, until_throttle(rq)) : slice;
	}
	slice = fair->slice(rq, t);
	if (rt_waits(rq))
		slice = min(slice, rq->rt.period_start + PERIOD > now
					   ? rq->rt.period_start + PERIOD - now
					   : NSEC_PER_MSEC);
	return slice;
}

static struct thread *class_steal(struct run_queue *rq, unsigned cpu)
{
	struct thread *t = rt_steal(rq, cpu);

	return t ? t : fair->steal(rq, cpu);
}

const struct sched_policy class_policy = {.name = "classes",
					  .enqueue = class_enqueue,
					  .dequeue = class_dequeue,
					  .pick = class_pick,
					  .leave = class_leave,
					  .account = class_account,
					  .preempts = class_preempts,
					  .slice = class_slice,
					  .steal = class_steal};
