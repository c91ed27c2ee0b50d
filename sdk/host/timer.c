/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/timer.h>. A timer is on the list while it exists. Tasks look for one that is due: one
 * task, as an interrupt, for those that ask for that; two others for the rest, so that the
 * functions of two timers may meet, but never two calls of one. Without a seed one of these would
 * do; the order of events is the same.
 */
#include "host.h"
#include "task.h"
#include <banos/timer.h>
#include <base/owner.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <sched/gate.h>

struct Banos_Timer {
	struct owner_object object;
	struct list link; /* in timers */
	Banos_Timer_Function function;
	void *ctx;
	uint32_t flags;
	bool armed;
	nsec_t deadline;
	nsec_t period;
	uint32_t stopping;   /* cancels in progress */
	struct task *runner; /* who is in the function */
};

static struct list timers = LIST_INIT(timers);

static bool is_due(const Banos_Timer *t, uint32_t flags)
{
	return t->armed && t->deadline <= task_now() && !t->runner && t->flags == flags;
}

static Banos_Timer *find_due(uint32_t flags)
{
	Banos_Timer *t, *first = NULL;

	list_for_each_entry(t, &timers, link)
		if (is_due(t, flags) && (!first || t->deadline < first->deadline))
			first = t;
	return first;
}

nsec_t timer_next(void)
{
	nsec_t next = NEVER;
	Banos_Timer *t;

	list_for_each_entry(t, &timers, link)
		if (t->armed && t->deadline > task_now())
			next = min(next, t->deadline);
	return next;
}

static void call(Banos_Timer *t)
{
	t->armed = t->period != 0;
	if (t->period)
		t->deadline += t->period * ((task_now() - t->deadline) / t->period + 1);
	t->runner = task_self();
	GATE_CALL_VOID(t->object.owner, "a timer's function", t->function(t->ctx));
	t->runner = NULL;
}

static bool some_due(const void *on)
{
	return find_due(*(const uint32_t *)on) != NULL;
}

static void serve(void *arg)
{
	const uint32_t *flags = arg;
	Banos_Timer *t;

	for (;;) {
		task_wait(some_due, flags, NEVER, false, "a timer");
		t = find_due(*flags);
		if (!t)
			continue;
		task_self()->interrupt = *flags & BANOS_TIMER_INTERRUPT;
		call(t);
		task_self()->interrupt = false;
	}
}

void timer_begin(void)
{
	static uint32_t interrupt = BANOS_TIMER_INTERRUPT, process;

	task_create("the timer interrupt", serve, &interrupt, TASK_SERVICE);
	task_create("timers", serve, &process, TASK_SERVICE);
	task_create("timers, too", serve, &process, TASK_SERVICE);
}

static bool is_idle(const void *on)
{
	return !((const Banos_Timer *)on)->runner;
}

/* Until t->stopping is lowered it is not armed again. */
static bool stop(Banos_Timer *t)
{
	bool armed = t->armed;

	t->stopping++;
	t->armed = false;
	t->period = 0;
	task_wait(is_idle, t, NEVER, false, "a timer's function to return");
	return armed;
}

static void stop_for_good(struct owner_object *object)
{
	stop(container_of(object, Banos_Timer, object));
}

static void release(struct owner_object *object)
{
	banos_timer_destroy(container_of(object, Banos_Timer, object));
}

static const struct owner_class timer_class = {
	.name = "timer", .stage = OWNER_CALLED, .stop = stop_for_good, .release = release};

int32_t banos_timer_create(Banos_Driver *driver, Banos_Timer_Function function, void *ctx,
			   uint32_t flags, Banos_Timer **timer)
{
	struct owner *owner = owner_find(driver);
	Banos_Timer *t;

	if (timer)
		*timer = NULL;
	if (!owner || !function || !timer || (flags & ~BANOS_TIMER_INTERRUPT))
		return -EINVAL;
	if (host_fails())
		return -ENOMEM;
	t = host_alloc(sizeof(*t));
	t->function = function;
	t->ctx = ctx;
	t->flags = flags;
	list_add_tail(&t->link, &timers);
	owner_add(owner, &t->object, &timer_class);
	*timer = t;
	return 0;
}

int32_t banos_timer_arm(Banos_Timer *t, uint64_t deadline_ns, uint64_t period_ns, uint64_t slack_ns)
{
	if (period_ns && (period_ns < BANOS_TIMER_PERIOD_MIN || period_ns > INT64_MAX))
		return -EINVAL;
	if (t->stopping)
		return -ESHUTDOWN;
	if (slack_ns > INT64_MAX - deadline_ns || deadline_ns > INT64_MAX)
		slack_ns = 0;
	/* It is allowed to be late: it is. */
	t->deadline = deadline_ns + (slack_ns ? task_random(slack_ns) : 0);
	t->period = period_ns;
	t->armed = true;
	return 0;
}

int32_t banos_timer_cancel_sync(Banos_Timer *t)
{
	bool armed;

	if (t->runner == task_self())
		return -EDEADLK;
	armed = stop(t);
	t->stopping--;
	return armed;
}

int32_t banos_timer_destroy(Banos_Timer *t)
{
	if (!t)
		return 0;
	if (t->runner == task_self())
		return -EDEADLK;
	if (!owner_claim(&t->object))
		return 0;
	stop(t);
	owner_remove(&t->object);
	list_del(&t->link);
	free(t);
	return 0;
}
