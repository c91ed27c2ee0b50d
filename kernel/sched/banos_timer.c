/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' timers: <banos/timer.h> on top of the kernel's timers and work.
 *
 * States of a Banos_Timer, all under its lock:
 *
 *	idle	-> armed	banos_timer_arm
 *	armed	-> running	the deadline: in the interrupt, or through a work item in process
 *				context (`queued` between the two)
 *	running -> idle, armed	the function returns; a period arms it again
 *	any	-> stopping	cancel and destroy: nothing arms it until they are done
 *
 * Lock: the timer's. The kernel's timer queue and the work queue come inside it. The function is
 * called with none held.
 */
#include <banos/export.h>
#include <banos/timer.h>
#include <base/banos_refuse.h>
#include <base/owner.h>
#include <base/percpu.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/banos_sleep.h>
#include <sched/banos_queue.h>
#include <sched/banos_runner.h>
#include <sched/clock.h>
#include <sched/gate.h>
#include <sched/timer.h>
#include <sched/work.h>

struct Banos_Timer {
	struct owner_object object;
	Banos_Timer_Function function; /* [I] */
	void *ctx;		       /* [I] */
	uint32_t flags;		       /* [I] BANOS_TIMER_* */
	struct timer timer;
	struct work work;     /* calls the function, unless in the interrupt */
	struct spinlock lock; /* DRIVER_TIMERS */
	nsec_t deadline;      /* [lock] */
	nsec_t period;	      /* [lock] 0: once */
	uint32_t arms;	      /* [lock] how often it was armed by the driver */
	uint32_t stopping;    /* [lock] cancels in progress */
	const void *runner;   /* [a] who is in the function: banos_runner() */
};

/*
 * After a call, or in place of one that is skipped: the next deadline of a periodic timer, unless
 * the driver has armed it since the deadline that brought us here.
 */
static void arm_again(Banos_Timer *t, uint32_t arms)
{
	uint64_t flags = spin_lock_irq(&t->lock);
	nsec_t now = clock_mono_ns();

	if (t->period && !t->stopping && t->arms == arms) {
		nsec_t late = now > t->deadline ? now - t->deadline : 0;

		t->deadline += t->period * (late / t->period + 1);
		timer_arm(&t->timer, t->deadline);
	}
	spin_unlock_irq(&t->lock, flags);
}

static void call(Banos_Timer *t)
{
	__atomic_store_n(&t->runner, banos_runner(), __ATOMIC_RELAXED);
	GATE_CALL_VOID(t->object.owner, "a timer's function", t->function(t->ctx));
	__atomic_store_n(&t->runner, NULL, __ATOMIC_RELAXED);
}

static void on_work(struct work *w)
{
	call(container_of(w, Banos_Timer, work));
}

static void on_deadline(struct timer *timer)
{
	Banos_Timer *t = container_of(timer, Banos_Timer, timer);
	uint64_t flags = spin_lock_irq(&t->lock);
	bool interrupt = t->flags & BANOS_TIMER_INTERRUPT;
	uint32_t arms = t->arms;

	/* A cancel that has begun must not find new work behind its back. */
	if (!interrupt && !t->stopping)
		work_submit(&t->work);
	spin_unlock_irq(&t->lock, flags);
	if (interrupt)
		call(t);
	arm_again(t, arms);
}

/* Nothing of it runs or will run, until stop_done() allows it to be armed again. True: it was
 * armed. */
static bool stop(Banos_Timer *t)
{
	uint64_t flags = spin_lock_irq(&t->lock);
	bool armed;

	t->stopping++;
	t->period = 0;
	spin_unlock_irq(&t->lock, flags);
	/*
	 * From here on nothing is armed or submitted; but a handler that was past its look at
	 * `stopping` may just have done so. It is over when the first call returns.
	 */
	armed = timer_cancel_sync(&t->timer);
	armed |= timer_cancel_sync(&t->timer);
	armed |= work_cancel(&t->work);
	work_flush(&t->work);
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
	struct work_queue *queue = NULL;
	Banos_Timer *t;

	if (timer)
		*timer = NULL;
	if (!owner || !timer)
		return BANOS_REFUSE_CALLER(owner);
	if (!function)
		return BANOS_REFUSE(owner, -EINVAL, "function is NULL");
	if (flags & ~BANOS_TIMER_INTERRUPT)
		return BANOS_REFUSE(owner, -EINVAL, "flags must be BANOS_TIMER_INTERRUPT or 0");
	if (!(flags & BANOS_TIMER_INTERRUPT) && banos_queue_of(owner, &queue))
		return -ENOMEM;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->function = function;
	t->ctx = ctx;
	t->flags = flags;
	timer_init(&t->timer, on_deadline);
	work_init_for(&t->work, queue ? queue : work_driver_queue, on_work);
	spin_init(&t->lock, LOCK_DRIVER_TIMERS);
	owner_add(owner, &t->object, &timer_class);
	*timer = t;
	return 0;
}
BANOS_EXPORT(banos_timer_create);

int32_t banos_timer_arm(Banos_Timer *t, uint64_t deadline_ns, uint64_t period_ns, uint64_t slack_ns)
{
	uint64_t flags;
	int32_t r = 0;

	/* slack_ns allows us to be late; so far we never use it. */
	if (period_ns && (period_ns < BANOS_TIMER_PERIOD_MIN || period_ns > INT64_MAX))
		return BANOS_REFUSE(
			t->object.owner, -EINVAL,
			"period_ns must be 0, or from BANOS_TIMER_PERIOD_MIN to 2^63 - 1");
	flags = spin_lock_irq(&t->lock);
	if (t->stopping) {
		r = -ESHUTDOWN;
	} else {
		t->deadline = deadline_ns;
		t->period = period_ns;
		t->arms++;
		timer_arm(&t->timer, deadline_ns);
	}
	spin_unlock_irq(&t->lock, flags);
	return r;
}
BANOS_EXPORT(banos_timer_arm);

static void stop_done(Banos_Timer *t)
{
	uint64_t flags = spin_lock_irq(&t->lock);

	t->stopping--;
	spin_unlock_irq(&t->lock, flags);
}

int32_t banos_timer_cancel_sync(Banos_Timer *t)
{
	bool armed;

	if (banos_runs_here(&t->runner))
		return -EDEADLK;
	banos_may_sleep(__func__);
	armed = stop(t);
	stop_done(t);
	return armed;
}
BANOS_EXPORT(banos_timer_cancel_sync);

int32_t banos_timer_destroy(Banos_Timer *t)
{
	if (!t)
		return 0;
	if (banos_runs_here(&t->runner))
		return -EDEADLK;
	if (!owner_claim(&t->object))
		return 0;
	stop(t);
	owner_remove(&t->object);
	kfree(t);
	return 0;
}
BANOS_EXPORT(banos_timer_destroy);
