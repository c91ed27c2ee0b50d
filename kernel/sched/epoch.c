/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods.
 *
 * A reader disables preemption; so a processor that passes through schedule(), or is idle, holds no
 * pointer it read before. Each processor counts such passages (cpu->quiescent). The grace-period
 * thread takes the deferred calls that have gathered, notes all counters, and waits until each
 * has moved or its processor was seen idle; then no reader from before is left, and it runs them.
 * Processors that do not pass by themselves within a while (they compute in user mode
 * without a tick) are asked to reschedule.
 *
 * Idle: the idle loop sets cpu->idle after its last read; an interrupt there clears it and fences
 * before its first (sched_leave_idle). The thread fences between taking the list and looking at
 * the flag: either it sees the flag clear, or the interrupt's reads come after the removal.
 *
 * The thread lets calls gather until there are BATCH of them, GATHER_NS are over or somebody waits:
 * a period costs switches and looks at all processors, whatever the number of calls.
 *
 * tests/models/epoch.pml explores the orders of the steps of one reader and the thread.
 *
 * Nothing runs and no timer is armed while nothing is deferred.
 *
 * Rejected: counters per reader (an atomic per section on the hottest paths).
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
#define PATIENCE_NS (4 * NSEC_PER_MSEC)

static struct spinlock lock = SPINLOCK_INIT(LOCK_EPOCH);
static struct epoch_head *pending;	      /* [lock] newest first */
static struct epoch_head **oldest = &pending; /* [lock] where the next one goes: order is kept */
static unsigned pending_count;		      /* [lock] */
static uint32_t urgent;			      /* [a] somebody waits for the next grace period */
static struct blocker wanted = BLOCKER_INIT(LOCK_BLOCKER);

void epoch_defer(struct epoch_head *head, void (*fn)(struct epoch_head *head))
{
	uint64_t irq = spin_lock_irq(&lock);
	unsigned count = ++pending_count;

	head->fn = fn;
	head->next = NULL;
	*oldest = head;
	oldest = &head->next;
	spin_unlock_irq(&lock, irq);
	if (count == 1 || count == BATCH)
		blocker_wake_all(&wanted);
}

/* kfree needs the start of the block; small offsets are stored where fn would be. */
void epoch_kfree(struct epoch_head *head, size_t offset)
{
	assert(offset < 4096);
	epoch_defer(head, (void (*)(struct epoch_head *))offset);
}

static bool passed(struct cpu *c, uint64_t noted)
{
	return __atomic_load_n(&c->quiescent, __ATOMIC_ACQUIRE) != noted ||
	       __atomic_load_n(&c->idle, __ATOMIC_ACQUIRE) || c == this_cpu();
}

static void grace_period(void)
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
		bool late = clock_mono_ns() >= patience;

		all = true;
		for_each_cpu(c) {
			if (!bit_test(left, c->index))
				continue;
			if (passed(c, noted[c->index])) {
				bit_clear(left, c->index);
				continue;
			}
			all = false;
			if (late && !__atomic_exchange_n(&c->need_resched, 1, __ATOMIC_SEQ_CST))
				message_raise(c, MESSAGE_WAKE);
		}
		if (all)
			return;
		thread_sleep_until(clock_mono_ns() + POLL_NS, WAIT_UNINTERRUPTIBLE);
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

static bool enough(void)
{
	return READ_ONCE(pending_count) >= BATCH || READ_ONCE(urgent);
}

static void epoch_thread(void *arg)
{
	for (;;) {
		struct epoch_head *batch;
		uint64_t irq;

		WAIT_UNTIL(&wanted, READ_ONCE(pending) != NULL, NEVER, WAIT_UNINTERRUPTIBLE);
		WAIT_UNTIL(&wanted, enough(), clock_mono_ns() + GATHER_NS, WAIT_UNINTERRUPTIBLE);
		irq = spin_lock_irq(&lock);
		batch = pending;
		pending = NULL;
		pending_count = 0;
		WRITE_ONCE(urgent, 0);
		oldest = &pending;
		spin_unlock_irq(&lock, irq);
		grace_period();
		run(batch);
	}
}

void epoch_start(void)
{
	if (!kthread_create("epoch", epoch_thread, NULL))
		panic("out of memory for the grace-period thread");
}

/* One wait for a grace period; the two parties each hold a reference. */
struct waiter {
	struct epoch_head head;
	struct blocker done_event;
	uint32_t done; /* [a] */
	uint32_t refs; /* [a] */
};

static void waiter_put(struct waiter *w)
{
	if (__atomic_sub_fetch(&w->refs, 1, __ATOMIC_ACQ_REL) == 0)
		epoch_kfree(&w->head, offsetof(struct waiter, head));
}

static void wake_waiter(struct epoch_head *h)
{
	struct waiter *w = container_of(h, struct waiter, head);

	__atomic_store_n(&w->done, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&w->done_event);
	waiter_put(w);
}

void epoch_wait(void)
{
	struct waiter *w = kzalloc(sizeof(*w));

	if (!w) {
		grace_period(); /* without memory, watch the processors ourselves */
		return;
	}
	blocker_init(&w->done_event);
	w->refs = 2;
	epoch_defer(&w->head, wake_waiter);
	/* After it is on the list, so that the period that is hurried on is the one it waits for.
	 */
	__atomic_store_n(&urgent, 1, __ATOMIC_SEQ_CST);
	blocker_wake_all(&wanted);
	WAIT_UNTIL(&w->done_event, __atomic_load_n(&w->done, __ATOMIC_ACQUIRE), NEVER,
		   WAIT_UNINTERRUPTIBLE);
	waiter_put(w);
}

/* Calls are made in the order in which they were deferred, so ours comes after all earlier ones. */
void epoch_barrier(void)
{
	epoch_wait();
}
