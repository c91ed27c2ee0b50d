/* SPDX-License-Identifier: BSD-2-Clause */
/* Work queue: one list, served in order by one kernel thread. Lock: WORK. */
#include "work.h"

#include <base/panic.h>
#include <base/spinlock.h>
#include <lib/compiler.h>
#include <sched/blocker.h>
#include <sched/services.h>
#include <sched/thread.h>

static struct spinlock lock = SPINLOCK_INIT(LOCK_WORK);
static struct list queue = LIST_INIT(queue); /* [lock] */
static struct work *running;		     /* [a] only compared, never followed */
static struct blocker arrived = BLOCKER_INIT(LOCK_BLOCKER);
static struct blocker finished = BLOCKER_INIT(LOCK_BLOCKER);

void work_init(struct work *w, void (*fn)(struct work *))
{
	list_init(&w->link);
	w->fn = fn;
	w->pending = 0;
}

bool work_submit(struct work *w)
{
	uint64_t irq;

	if (__atomic_exchange_n(&w->pending, 1, __ATOMIC_ACQ_REL))
		return false;
	irq = spin_lock_irq(&lock);
	list_add_tail(&w->link, &queue);
	spin_unlock_irq(&lock, irq);
	blocker_wake_all(&arrived);
	return true;
}

static struct work *take(void)
{
	uint64_t irq = spin_lock_irq(&lock);
	struct work *w = list_first_entry_or_null(&queue, struct work, link);

	if (w) {
		list_del(&w->link);
		__atomic_store_n(&running, w, __ATOMIC_RELEASE);
		__atomic_store_n(&w->pending, 0, __ATOMIC_RELEASE);
	}
	spin_unlock_irq(&lock, irq);
	return w;
}

static void work_thread(void *arg)
{
	for (;;) {
		struct work *w = take();

		if (!w) {
			WAIT_UNTIL(&arrived, !list_empty(&queue), NEVER, WAIT_UNINTERRUPTIBLE);
			continue;
		}
		w->fn(w);
		__atomic_store_n(&running, NULL, __ATOMIC_RELEASE);
		blocker_wake_all(&finished);
	}
}

static bool busy(struct work *w)
{
	uint64_t irq = spin_lock_irq(&lock);
	bool b = __atomic_load_n(&w->pending, __ATOMIC_ACQUIRE) ||
		 __atomic_load_n(&running, __ATOMIC_ACQUIRE) == w;

	spin_unlock_irq(&lock, irq);
	return b;
}

void work_flush(struct work *w)
{
	WAIT_UNTIL(&finished, !busy(w), NEVER, WAIT_UNINTERRUPTIBLE);
}

void work_start(void)
{
	if (!kthread_create("work", work_thread, NULL))
		panic("out of memory for the work thread");
}
