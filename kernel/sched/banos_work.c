/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' work: <banos/work.h> on the kernel's work queues.
 *
 * A Banos_Work may be submitted while `stopping` is 0. Cancel and destroy raise it, take the work
 * back or wait for its end; only then it may be submitted again, or is freed. Lock: the work's; the
 * work queue's comes inside it. The function is called with none held.
 */
#include <banos/export.h>
#include <banos/work.h>
#include <base/banos_refuse.h>
#include <base/owner.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/banos_sleep.h>
#include <sched/banos_queue.h>
#include <sched/banos_runner.h>
#include <sched/gate.h>
#include <sched/thread.h>
#include <sched/work.h>

struct Banos_Workqueue {
	struct owner_object object;
	struct work_queue *queue; /* [I] */
	uint32_t works;		  /* [a] work made for it */
};

struct Banos_Work {
	struct owner_object object;
	Banos_Workqueue *queue;	      /* [I] or NULL: what all of the driver share */
	Banos_Work_Function function; /* [I] */
	void *ctx;		      /* [I] */
	struct work work;
	struct spinlock lock; /* DRIVER_TIMERS */
	uint32_t stopping;    /* [lock] cancels in progress */
	const void *runner;   /* [a] who is in the function: banos_runner() */
};

/* --- queues ---------------------------------------------------------------------------------- */

static void queue_release(struct owner_object *object)
{
	banos_workqueue_destroy(container_of(object, Banos_Workqueue, object));
}

static const struct owner_class queue_class = {.name = "work queue", .release = queue_release};

int32_t banos_workqueue_create(Banos_Driver *driver, const char *name, uint32_t flags,
			       Banos_Workqueue **queue)
{
	struct owner *owner = owner_find(driver);
	Banos_Workqueue *q;

	if (queue)
		*queue = NULL;
	if (!owner || !queue)
		return BANOS_REFUSE_CALLER(owner);
	if (!name || flags)
		return BANOS_REFUSE(owner, -EINVAL,
				    name ? "flags must be 0" : "name is NULL: name the queue");
	q = kzalloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->queue = work_queue_create(name);
	if (!q->queue) {
		kfree(q);
		return -ENOMEM;
	}
	owner_add(owner, &q->object, &queue_class);
	*queue = q;
	return 0;
}
BANOS_EXPORT(banos_workqueue_create);

int32_t banos_workqueue_destroy(Banos_Workqueue *q)
{
	if (!q)
		return 0;
	/* Work of its own that destroys the queue exists, so that it is caught here as well. */
	if (__atomic_load_n(&q->works, __ATOMIC_ACQUIRE))
		return -EBUSY;
	work_queue_destroy(q->queue);
	owner_remove(&q->object);
	kfree(q);
	return 0;
}
BANOS_EXPORT(banos_workqueue_destroy);

/* --- work ------------------------------------------------------------------------------------ */

static void run(struct work *work)
{
	Banos_Work *w = container_of(work, Banos_Work, work);

	__atomic_store_n(&w->runner, banos_runner(), __ATOMIC_RELAXED);
	GATE_CALL_VOID(w->object.owner, "work", w->function(w->ctx));
	__atomic_store_n(&w->runner, NULL, __ATOMIC_RELAXED);
}

static void count_stop(Banos_Work *w, int by)
{
	uint64_t irq = spin_lock_irq(&w->lock);

	w->stopping += by;
	spin_unlock_irq(&w->lock, irq);
}

/* Until count_stop(w, -1) it is not submitted again. */
static bool stop(Banos_Work *w)
{
	bool pending;

	count_stop(w, 1);
	pending = work_cancel(&w->work);
	work_flush(&w->work);
	return pending;
}

static void work_stop(struct owner_object *object)
{
	stop(container_of(object, Banos_Work, object));
}

static void work_release(struct owner_object *object)
{
	banos_work_destroy(container_of(object, Banos_Work, object));
}

static const struct owner_class work_class = {
	.name = "work item", .stage = OWNER_CALLED, .stop = work_stop, .release = work_release};

int32_t banos_work_create(Banos_Driver *driver, Banos_Workqueue *queue,
			  Banos_Work_Function function, void *ctx, Banos_Work **work)
{
	struct owner *owner = owner_find(driver);
	struct work_queue *shared = NULL;
	Banos_Work *w;

	if (work)
		*work = NULL;
	if (!owner || !work)
		return BANOS_REFUSE_CALLER(owner);
	if (!function)
		return BANOS_REFUSE(owner, -EINVAL, "function is NULL");
	if (!queue && banos_queue_of(owner, &shared))
		return -ENOMEM;
	w = kzalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->queue = queue;
	w->function = function;
	w->ctx = ctx;
	spin_init(&w->lock, LOCK_DRIVER_TIMERS);
	work_init_for(&w->work, queue ? queue->queue : shared, run);
	if (queue)
		__atomic_add_fetch(&queue->works, 1, __ATOMIC_RELAXED);
	owner_add(owner, &w->object, &work_class);
	*work = w;
	return 0;
}
BANOS_EXPORT(banos_work_create);

int32_t banos_work_submit(Banos_Work *w)
{
	uint64_t irq = spin_lock_irq(&w->lock);
	int32_t r = -ESHUTDOWN;

	if (!w->stopping)
		r = work_submit(&w->work);
	spin_unlock_irq(&w->lock, irq);
	return r;
}
BANOS_EXPORT(banos_work_submit);

int32_t banos_work_cancel_sync(Banos_Work *w)
{
	bool pending;

	if (banos_runs_here(&w->runner))
		return -EDEADLK;
	banos_may_sleep(__func__);
	pending = stop(w);
	count_stop(w, -1);
	return pending;
}
BANOS_EXPORT(banos_work_cancel_sync);

int32_t banos_work_destroy(Banos_Work *w)
{
	if (!w)
		return 0;
	if (banos_runs_here(&w->runner))
		return -EDEADLK;
	if (!owner_claim(&w->object))
		return 0;
	stop(w);
	owner_remove(&w->object);
	if (w->queue)
		__atomic_sub_fetch(&w->queue->works, 1, __ATOMIC_RELEASE);
	kfree(w);
	return 0;
}
BANOS_EXPORT(banos_work_destroy);
