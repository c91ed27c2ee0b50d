/* SPDX-License-Identifier: BSD-2-Clause */
/* Work queues: a list each, served in order by one kernel thread. Lock: WORK, one for a queue. */
#include "work.h"

#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/compiler.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/epoch.h>
#include <sched/services.h>
#include <sched/thread.h>

struct work_queue {
	struct spinlock lock;	 /* WORK */
	struct list list;	 /* [lock] */
	struct work *running;	 /* [a] only compared, never followed */
	uint32_t ending;	 /* [a] 1: the thread is to end, 2: it does not touch this again */
	struct blocker arrived;	 /* the thread waits here */
	struct blocker finished; /* others wait here for the end of work, or of the thread */
	struct epoch_head epoch;
};

#define QUEUE_INIT(q)                                                                          \
	{                                                                                      \
		.lock = SPINLOCK_INIT(LOCK_WORK), .list = LIST_INIT((q).list),                 \
		.arrived = BLOCKER_INIT(LOCK_BLOCKER), .finished = BLOCKER_INIT(LOCK_BLOCKER), \
	}

static struct work_queue system_queue = QUEUE_INIT(system_queue);
static struct work_queue release_queue = QUEUE_INIT(release_queue);
static struct work_queue driver_queue = QUEUE_INIT(driver_queue);
struct work_queue *const work_release_queue = &release_queue;
struct work_queue *const work_driver_queue = &driver_queue;

void work_init_for(struct work *w, struct work_queue *queue, void (*fn)(struct work *))
{
	list_init(&w->link);
	w->fn = fn;
	w->queue = queue;
	w->pending = 0;
}

void work_init(struct work *w, void (*fn)(struct work *))
{
	work_init_for(w, &system_queue, fn);
}

bool work_submit(struct work *w)
{
	struct work_queue *q = w->queue;
	uint64_t irq;

	if (__atomic_exchange_n(&w->pending, 1, __ATOMIC_ACQ_REL))
		return false;
	irq = spin_lock_irq(&q->lock);
	list_add_tail(&w->link, &q->list);
	spin_unlock_irq(&q->lock, irq);
	blocker_wake_all(&q->arrived);
	return true;
}

bool work_cancel(struct work *w)
{
	uint64_t irq = spin_lock_irq(&w->queue->lock);
	/* Between the two steps of a submission it is pending and on no list: that one runs. */
	bool cancelled = !list_empty(&w->link);

	if (cancelled) {
		list_del(&w->link);
		__atomic_store_n(&w->pending, 0, __ATOMIC_RELEASE);
	}
	spin_unlock_irq(&w->queue->lock, irq);
	return cancelled;
}

static struct work *take(struct work_queue *q)
{
	uint64_t irq = spin_lock_irq(&q->lock);
	struct work *w = list_first_entry_or_null(&q->list, struct work, link);

	if (w) {
		list_del(&w->link);
		__atomic_store_n(&q->running, w, __ATOMIC_RELEASE);
		__atomic_store_n(&w->pending, 0, __ATOMIC_RELEASE);
	}
	spin_unlock_irq(&q->lock, irq);
	return w;
}

static void work_thread(void *arg)
{
	struct work_queue *q = arg;

	while (!READ_ONCE(q->ending)) {
		struct work *w = take(q);

		if (!w) {
			WAIT_UNTIL(&q->arrived, !list_empty(&q->list) || READ_ONCE(q->ending),
				   NEVER, WAIT_UNINTERRUPTIBLE);
			continue;
		}
		w->fn(w);
		__atomic_store_n(&q->running, NULL, __ATOMIC_RELEASE);
		blocker_wake_all(&q->finished);
	}
	/* The queue goes after a grace period, so not under our hands. */
	epoch_enter();
	__atomic_store_n(&q->ending, 2, __ATOMIC_RELEASE);
	blocker_wake_all(&q->finished);
	epoch_exit();
}

static bool busy(struct work *w)
{
	uint64_t irq = spin_lock_irq(&w->queue->lock);
	bool b = __atomic_load_n(&w->pending, __ATOMIC_ACQUIRE) ||
		 __atomic_load_n(&w->queue->running, __ATOMIC_ACQUIRE) == w;

	spin_unlock_irq(&w->queue->lock, irq);
	return b;
}

void work_flush(struct work *w)
{
	WAIT_UNTIL(&w->queue->finished, !busy(w), NEVER, WAIT_UNINTERRUPTIBLE);
}

struct work_queue *work_queue_create(const char *name)
{
	struct work_queue *q = kzalloc(sizeof(*q));

	if (!q)
		return NULL;
	spin_init(&q->lock, LOCK_WORK);
	list_init(&q->list);
	blocker_init(&q->arrived);
	blocker_init(&q->finished);
	if (!kthread_create(name, work_thread, q)) {
		kfree(q);
		return NULL;
	}
	return q;
}

void work_queue_destroy(struct work_queue *q)
{
	assert(list_empty(&q->list));
	__atomic_store_n(&q->ending, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&q->arrived);
	WAIT_UNTIL(&q->finished, __atomic_load_n(&q->ending, __ATOMIC_ACQUIRE) == 2, NEVER,
		   WAIT_UNINTERRUPTIBLE);
	kfree_deferred(q, epoch);
}

void work_start(void)
{
	if (!kthread_create("work", work_thread, &system_queue) ||
	    !kthread_create("release", work_thread, &release_queue) ||
	    !kthread_create("drivers", work_thread, &driver_queue))
		panic("out of memory for the work threads");
}
