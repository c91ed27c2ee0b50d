/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods.
 *
 * A reader disables preemption; so a processor that passes through schedule(), or is idle, holds no
 * pointer it read before. Each processor counts such passages (cpu->quiescent). The grace-period
 * thread notes all counters, and waits until each has moved or its processor was seen idle; then no
 * reader from before is left. Processors that do not pass by themselves within a while (they
 * compute in user mode without a tick) are asked to reschedule.
 *
 * Idle: the idle loop sets cpu->idle after its last read; an interrupt there clears it and fences
 * before its first (sched_leave_idle). The thread fences between taking the calls and looking at
 * the flag: either it sees the flag clear, or the interrupt's reads come after the removal.
 *
 * Deferred calls. Each processor has a queue of its own: epoch_defer() writes only that one, under
 * its lock, which nobody else wants but the thread, once a period. One period serves all queues,
 * because what it costs is switches and a look at every processor, whatever the number of calls.
 * Periods have numbers, and only the thread moves them on:
 *
 *	collected = n	the calls of all queues are being taken, and then the counters are noted
 *	passed = n	all processors have passed since
 *	done = n	the calls that were taken have been run
 *
 * What was deferred before somebody read collected = n is taken by period n + 1 at the latest, so
 * epoch_wait() asks for that one (requested) and waits until it has passed, epoch_barrier() until
 * it is done. Neither needs memory. The calls of one processor are run in the order in which
 * they were deferred; between processors there is no order.
 *
 * When the thread runs. A queue that was empty sets `pending` and wakes it, so that a processor
 * touches something shared once in a period. It lets calls gather for GATHER_NS, until a queue has
 * BATCH of them (`full`) or somebody waits. The flags are cleared before the queues are taken: a
 * call that comes later finds its queue empty and sets them again. Nothing runs and no timer is
 * armed while nothing is deferred and nobody waits.
 *
 * A flood of calls must not use up memory before their period ends. From FLOOD calls in one queue
 * on, `flood` is set: the period that is under way asks all processors to reschedule at once and
 * does not wait for them to come by. The thread then has the highest weight among the fair ones, to
 * keep up with programs on its processor that make work for it. Where memory ends all the same, the
 * faulting thread hurries the period (epoch_hurry) before a process must end for it.
 *
 * tests/models/epoch.pml explores the orders of the steps of one reader and the thread.
 *
 * Rejected: counters per reader (an atomic per section on the hottest paths); a period for each
 * processor's queue (as many looks at all processors as there are processors).
 */
#include "epoch.h"

#include <base/panic.h>
#include <base/spinlock.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/message.h>
#include <sched/services.h>
#include <sched/thread.h>

#define POLL_NS	    (1 * NSEC_PER_MSEC)
#define GATHER_NS   (2 * NSEC_PER_MSEC)
#define BATCH	    64
#define FLOOD	    1024
#define PATIENCE_NS (4 * NSEC_PER_MSEC)

/* Its processor adds, with interrupts off; the thread takes all. */
static struct queue {
	struct spinlock lock;	   /* EPOCH */
	unsigned count;		   /* [lock] */
	struct epoch_head *oldest; /* [lock] NULL: empty */
	struct epoch_head *newest; /* [lock] valid if not empty */
} __aligned(64) queues[MAX_CPUS] = {
	[0 ... MAX_CPUS - 1] = {.lock = SPINLOCK_INIT(LOCK_EPOCH)},
};

static uint32_t pending;   /* [a] a queue may hold something */
static uint32_t full;	   /* [a] ... and one of them enough for a period */
static uint32_t flood;	   /* [a] ... and one of them too much */
static uint64_t requested; /* [a] the latest period that somebody waits for; never goes back */
static uint64_t collected; /* [a] written by the thread alone, like the next two */
static uint64_t passed;	   /* [a] */
static uint64_t done;	   /* [a] */
static struct blocker wanted = BLOCKER_INIT(LOCK_BLOCKER);   /* the thread waits for work */
static struct blocker advanced = BLOCKER_INIT(LOCK_BLOCKER); /* others, for a period to get on */

/* --- deferring ---------------------------------------------------------------------------- */

static void raise(uint32_t *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
	blocker_wake_all(&wanted);
}

void epoch_defer(struct epoch_head *head, void (*fn)(struct epoch_head *head))
{
	uint64_t irq = irq_save();
	struct queue *q = &queues[this_cpu_index()];
	unsigned count;

	spin_lock(&q->lock);
	head->fn = fn;
	head->next = NULL;
	if (q->count)
		q->newest->next = head;
	else
		q->oldest = head;
	q->newest = head;
	count = ++q->count;
	spin_unlock_irq(&q->lock, irq);
	if (count == 1)
		raise(&pending);
	else if (count == BATCH)
		raise(&full);
	else if (count % FLOOD == 0)
		raise(&flood);
}

/* kfree needs the start of the block; small offsets are stored where fn would be. */
void epoch_kfree(struct epoch_head *head, size_t offset)
{
	assert(offset < 4096);
	epoch_defer(head, (void (*)(struct epoch_head *))offset);
}

/* --- a period ----------------------------------------------------------------------------- */

static bool has_passed(struct cpu *c, uint64_t noted)
{
	return __atomic_load_n(&c->quiescent, __ATOMIC_ACQUIRE) != noted ||
	       __atomic_load_n(&c->idle, __ATOMIC_ACQUIRE) || c == this_cpu();
}

/* flooded: do not wait for processors to come by. */
static void grace_period(bool flooded)
{
	uint64_t noted[MAX_CPUS];
	DECLARE_BITMAP(left, MAX_CPUS);
	nsec_t patience = clock_mono_ns() + PATIENCE_NS;
	bool all;

	bitmap_zero(left, MAX_CPUS);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for_each_cpu(c) {
		noted[c->index] = __atomic_load_n(&c->quiescent, __ATOMIC_ACQUIRE);
		bit_set(left, c->index);
	}
	for (;;) {
		bool hurry = flooded || READ_ONCE(flood),
		     late = hurry || clock_mono_ns() >= patience;

		all = true;
		for_each_cpu(c) {
			if (!bit_test(left, c->index))
				continue;
			if (has_passed(c, noted[c->index])) {
				bit_clear(left, c->index);
				continue;
			}
			all = false;
			if (late && !__atomic_exchange_n(&c->need_resched, 1, __ATOMIC_SEQ_CST))
				message_raise(c, MESSAGE_WAKE);
		}
		if (all)
			return;
		WAIT_UNTIL(&wanted, !hurry && READ_ONCE(flood), clock_mono_ns() + POLL_NS,
			   WAIT_UNINTERRUPTIBLE);
	}
}

static void run(struct epoch_head *h)
{
	while (h) {
		struct epoch_head *next = h->next;
		uintptr_t offset = (uintptr_t)h->fn;

		if (offset < 4096)
			kfree((char *)h - offset);
		else
			h->fn(h);
		h = next;
	}
}

/* The calls of all queues, those of one processor after those of another. */
static struct epoch_head *collect(void)
{
	struct epoch_head *first = NULL, **end = &first;

	for_each_cpu(c) {
		struct queue *q = &queues[c->index];
		uint64_t irq = spin_lock_irq(&q->lock);

		if (q->count) {
			*end = q->oldest;
			end = &q->newest->next;
			q->count = 0;
		}
		spin_unlock_irq(&q->lock, irq);
	}
	return first;
}

/* --- the thread --------------------------------------------------------------------------- */

static bool is_requested(void)
{
	return __atomic_load_n(&requested, __ATOMIC_SEQ_CST) > collected;
}

static void reach(uint64_t *what, uint64_t period)
{
	__atomic_store_n(what, period, __ATOMIC_SEQ_CST);
	blocker_wake_all(&advanced);
}

static void epoch_thread(void *arg)
{
	bool was_flooded = false;

	for (;;) {
		struct epoch_head *calls;
		bool flooded;

		WAIT_UNTIL(&wanted, READ_ONCE(pending) || is_requested(), NEVER,
			   WAIT_UNINTERRUPTIBLE);
		WAIT_UNTIL(&wanted, READ_ONCE(full) || is_requested(), clock_mono_ns() + GATHER_NS,
			   WAIT_UNINTERRUPTIBLE);
		flooded = READ_ONCE(flood);
		if (flooded != was_flooded)
			thread_set_nice(current(), flooded ? -20 : 0);
		was_flooded = flooded;
		__atomic_store_n(&pending, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&full, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&flood, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&collected, collected + 1, __ATOMIC_SEQ_CST);
		calls = collect();
		grace_period(flooded);
		reach(&passed, collected);
		run(calls);
		reach(&done, collected);
	}
}

void epoch_start(void)
{
	if (!kthread_create("epoch", epoch_thread, NULL))
		panic("out of memory for the grace-period thread");
}

/* --- waiting ------------------------------------------------------------------------------ */

/* Ask for a period that begins after this call; returns its number. */
static uint64_t request(void)
{
	uint64_t period, was = __atomic_load_n(&requested, __ATOMIC_RELAXED);

	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* after all that the caller has done */
	period = __atomic_load_n(&collected, __ATOMIC_SEQ_CST) + 1;
	while (was < period && !__atomic_compare_exchange_n(&requested, &was, period, true,
							    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		continue;
	blocker_wake_all(&wanted);
	return period;
}

void epoch_wait(void)
{
	uint64_t period = request();

	WAIT_UNTIL(&advanced, __atomic_load_n(&passed, __ATOMIC_ACQUIRE) >= period, NEVER,
		   WAIT_UNINTERRUPTIBLE);
}

void epoch_barrier(void)
{
	uint64_t period = request();

	WAIT_UNTIL(&advanced, __atomic_load_n(&done, __ATOMIC_ACQUIRE) >= period, NEVER,
		   WAIT_UNINTERRUPTIBLE);
}

bool epoch_hurry(void)
{
	unsigned queued = 0;

	for_each_cpu(c)
		queued += READ_ONCE(queues[c->index].count);
	if (!queued && __atomic_load_n(&done, __ATOMIC_ACQUIRE) ==
			       __atomic_load_n(&collected, __ATOMIC_ACQUIRE))
		return false;
	request();
	raise(&flood);
	return true;
}

uint64_t epoch_periods(void)
{
	return __atomic_load_n(&collected, __ATOMIC_ACQUIRE);
}
