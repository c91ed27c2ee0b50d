/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/work.h> and <banos/thread.h>. Each queue has a task, which takes the oldest work; the
 * system's queue is there from the beginning.
 */
#include "host.h"
#include "task.h"
#include <banos/thread.h>
#include <banos/work.h>
#include <base/owner.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <sched/gate.h>

struct queue {
	struct list waiting; /* Banos_Work */
	struct task *task;
	bool ends;
};

struct Banos_Workqueue {
	struct owner_object object;
	struct queue queue;
	uint32_t works; /* made for it */
};

struct Banos_Work {
	struct owner_object object;
	struct list link; /* in queue->waiting */
	Banos_Workqueue *of;
	struct queue *queue;
	Banos_Work_Function function;
	void *ctx;
	bool waiting;
	uint32_t stopping;   /* cancels in progress */
	struct task *runner; /* who is in the function */
};

static struct queue system_queue = {.waiting = LIST_INIT(system_queue.waiting)};

/* --- queues ---------------------------------------------------------------------------------- */

static bool has_work(const void *on)
{
	const struct queue *q = on;

	return q->ends || !list_empty(&q->waiting);
}

static void serve(void *arg)
{
	struct queue *q = arg;
	Banos_Work *w;

	for (;;) {
		task_wait(has_work, q, NEVER, false, "work");
		w = list_first_entry_or_null(&q->waiting, Banos_Work, link);
		if (!w) {
			if (q->ends)
				return;
			continue;
		}
		list_del(&w->link);
		w->waiting = false;
		w->runner = task_self();
		GATE_CALL_VOID(w->object.owner, "work", w->function(w->ctx));
		w->runner = NULL;
	}
}

void work_begin(void)
{
	system_queue.task = task_create("the system's work", serve, &system_queue, TASK_SERVICE);
}

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
	if (!owner || !name || !queue || flags)
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	q = host_alloc(sizeof(*q));
	list_init(&q->queue.waiting);
	q->queue.task = task_create(name, serve, &q->queue, TASK_SERVICE);
	owner_add(owner, &q->object, &queue_class);
	*queue = q;
	return 0;
}

int32_t banos_workqueue_destroy(Banos_Workqueue *q)
{
	if (!q)
		return 0;
	if (q->works)
		return -EBUSY;
	q->queue.ends = true;
	task_join(q->queue.task);
	owner_remove(&q->object);
	free(q);
	return 0;
}

/* --- work ------------------------------------------------------------------------------------ */

static bool is_idle(const void *on)
{
	return !((const Banos_Work *)on)->runner;
}

/* Until w->stopping is lowered it is not submitted again. */
static bool stop(Banos_Work *w)
{
	bool waiting = w->waiting;

	w->stopping++;
	if (waiting)
		list_del(&w->link);
	w->waiting = false;
	task_wait(is_idle, w, NEVER, false, "work to be done");
	return waiting;
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
	Banos_Work *w;

	if (work)
		*work = NULL;
	if (!owner || !function || !work)
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	w = host_alloc(sizeof(*w));
	w->of = queue;
	w->queue = queue ? &queue->queue : &system_queue;
	w->function = function;
	w->ctx = ctx;
	if (queue)
		queue->works++;
	owner_add(owner, &w->object, &work_class);
	*work = w;
	return 0;
}

int32_t banos_work_submit(Banos_Work *w)
{
	if (w->stopping)
		return -ESHUTDOWN;
	if (w->waiting)
		return 0;
	w->waiting = true;
	list_add_tail(&w->link, &w->queue->waiting);
	return 1;
}

int32_t banos_work_cancel_sync(Banos_Work *w)
{
	bool waiting;

	if (w->runner == task_self())
		return -EDEADLK;
	waiting = stop(w);
	w->stopping--;
	return waiting;
}

int32_t banos_work_destroy(Banos_Work *w)
{
	if (!w)
		return 0;
	if (w->runner == task_self())
		return -EDEADLK;
	if (!owner_claim(&w->object))
		return 0;
	stop(w);
	owner_remove(&w->object);
	if (w->of)
		w->of->works--;
	free(w);
	return 0;
}

/* --- threads --------------------------------------------------------------------------------- */

struct Banos_Thread {
	struct owner_object object;
	Banos_Thread_Function function;
	void *ctx;
	struct task *task;
	bool stopping;
};

static void thread_run(void *arg)
{
	Banos_Thread *t = arg;

	task_self()->driver_thread = t;
	GATE_CALL_VOID(t->object.owner, "a thread's function", t->function(t->ctx));
}

/* Its task is freed. */
static void wait_for_end(Banos_Thread *t)
{
	if (!t->task)
		return;
	t->stopping = true;
	task_interrupt(t->task);
	task_join(t->task);
	t->task = NULL;
}

static void thread_stop(struct owner_object *object)
{
	wait_for_end(container_of(object, Banos_Thread, object));
}

static void thread_release(struct owner_object *object)
{
	banos_thread_destroy(container_of(object, Banos_Thread, object));
}

static const struct owner_class thread_class = {
	.name = "thread", .stage = OWNER_THREAD, .stop = thread_stop, .release = thread_release};

int32_t banos_thread_create(Banos_Driver *driver, const char *name, Banos_Thread_Function function,
			    void *ctx, uint32_t flags, Banos_Thread **thread)
{
	struct owner *owner = owner_find(driver);
	Banos_Thread *t;

	if (thread)
		*thread = NULL;
	if (!owner || !name || !function || !thread || flags)
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	t = host_alloc(sizeof(*t));
	t->function = function;
	t->ctx = ctx;
	owner_add(owner, &t->object, &thread_class);
	*thread = t;
	t->task = task_create(name, thread_run, t, 0);
	return 0;
}

int32_t banos_thread_should_stop(void)
{
	const Banos_Thread *t = task_self()->driver_thread;

	return t && t->stopping;
}

int32_t banos_thread_destroy(Banos_Thread *t)
{
	if (!t)
		return 0;
	if (t->task == task_self())
		return -EDEADLK;
	if (!owner_claim(&t->object))
		return 0;
	wait_for_end(t);
	owner_remove(&t->object);
	free(t);
	return 0;
}
