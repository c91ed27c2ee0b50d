/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' timers. */
#include <banos/time.h>
#include <banos/timer.h>
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/test/test_driver.h>
#include <sched/thread.h>

#define MS NSEC_PER_MSEC

static struct test_driver driver;

struct probe {
	Banos_Timer *timer;
	uint32_t calls;	   /* [a] */
	uint32_t inside;   /* [a] */
	uint32_t overlaps; /* [a] */
	uint32_t in_irq;   /* [a] */
	int32_t own_cancel;
	nsec_t busy;
};

static void probe_call(void *ctx)
{
	struct probe *p = ctx;

	if (__atomic_fetch_add(&p->inside, 1, __ATOMIC_ACQ_REL))
		p->overlaps++;
	if (in_interrupt())
		p->in_irq++;
	if (p->busy)
		clock_delay_ns(p->busy);
	p->own_cancel = banos_timer_cancel_sync(p->timer);
	__atomic_fetch_add(&p->calls, 1, __ATOMIC_ACQ_REL);
	__atomic_fetch_sub(&p->inside, 1, __ATOMIC_ACQ_REL);
}

static void sleep_ms(unsigned ms)
{
	thread_sleep_until(clock_mono_ns() + ms * MS, WAIT_UNINTERRUPTIBLE);
}

static void one_shot_and_periodic(uint32_t flags)
{
	struct probe p = {0};
	uint32_t calls;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_timer_create(&driver.record, probe_call, &p, flags, &p.timer), 0);
	ktest_check_eq(banos_timer_cancel_sync(p.timer), 0);
	ktest_check_eq(banos_timer_arm(p.timer, banos_time_mono_ns() + 5 * MS, 0, 0), 0);
	sleep_ms(50);
	ktest_check_eq(p.calls, 1);
	ktest_check_eq(p.own_cancel, -EDEADLK);
	ktest_check_eq(p.in_irq, flags ? 1 : 0);
	/* A deadline in the past is due at once. */
	banos_timer_arm(p.timer, 1, 0, 0);
	sleep_ms(20);
	ktest_check_eq(p.calls, 2);
	ktest_check_eq(banos_timer_arm(p.timer, banos_time_mono_ns() + 1000000 * MS, 0, 0), 0);
	ktest_check_eq(banos_timer_cancel_sync(p.timer), 1);

	ktest_check_eq(banos_timer_arm(p.timer, 0, 2 * MS, 0), 0);
	sleep_ms(100);
	banos_timer_cancel_sync(p.timer);
	calls = p.calls;
	ktest_check(calls > 5);
	sleep_ms(30);
	ktest_check_eq(p.calls, calls);
	ktest_check_eq(p.overlaps, 0);
	ktest_check_eq(banos_timer_destroy(p.timer), 0);
	test_driver_end(&driver);
}

KTEST(timer_in_a_thread)
{
	one_shot_and_periodic(0);
}

KTEST(timer_in_the_interrupt)
{
	one_shot_and_periodic(BANOS_TIMER_INTERRUPT);
}

/* Cancelling while it runs and arms itself again: afterwards there is silence. */
KTEST(timer_cancel_races)
{
	struct probe p = {.busy = 50000};

	if (!test_driver_begin(&driver))
		return;
	for (unsigned round = 0; round < 300; round++) {
		uint32_t flags = round & 1 ? BANOS_TIMER_INTERRUPT : 0, calls;

		ktest_check_eq(banos_timer_create(&driver.record, probe_call, &p, flags, &p.timer),
			       0);
		banos_timer_arm(p.timer, 0, BANOS_TIMER_PERIOD_MIN, 0);
		clock_delay_ns(round * 1000);
		banos_timer_cancel_sync(p.timer);
		calls = p.calls;
		clock_delay_ns(200000);
		ktest_check_eq(p.calls, calls);
		banos_timer_destroy(p.timer);
	}
	ktest_check_eq(p.overlaps, 0);
	test_driver_end(&driver);
}

static void arm_from_call(void *ctx)
{
	struct probe *p = ctx;

	if (__atomic_add_fetch(&p->calls, 1, __ATOMIC_ACQ_REL) == 1)
		banos_timer_arm(p->timer, banos_time_mono_ns() + 20 * MS, 100000 * MS, 0);
}

/* What the function itself asks for holds, whatever the period that brought it here. */
KTEST(timer_armed_from_its_function)
{
	for (uint32_t flags = 0; flags <= BANOS_TIMER_INTERRUPT; flags++) {
		struct probe p = {0};

		if (!test_driver_begin(&driver))
			return;
		ktest_check_eq(
			banos_timer_create(&driver.record, arm_from_call, &p, flags, &p.timer), 0);
		banos_timer_arm(p.timer, 0, 0, 0);
		for (unsigned i = 0; i < 200 && __atomic_load_n(&p.calls, __ATOMIC_ACQUIRE) < 2;
		     i++)
			sleep_ms(10);
		ktest_check_eq(p.calls, 2);
		banos_timer_destroy(p.timer);
		test_driver_end(&driver);
	}
}

KTEST(timer_arguments)
{
	struct owner_object *object;
	Banos_Timer *t;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_timer_create((Banos_Driver *)&t, probe_call, NULL, 0, &t), -EINVAL);
	ktest_check_eq(banos_timer_create(&driver.record, NULL, NULL, 0, &t), -EINVAL);
	t = (void *)&driver;
	ktest_check_eq(banos_timer_create(&driver.record, probe_call, NULL, 2, &t), -EINVAL);
	ktest_check(t == NULL);
	ktest_check_eq(banos_timer_create(&driver.record, probe_call, NULL, 0, NULL), -EINVAL);
	ktest_check_eq(banos_timer_create(&driver.record, probe_call, NULL, 0, &t), 0);
	ktest_check_eq(banos_timer_arm(t, 0, 1, 0), -EINVAL);
	/* As the loader does with what a driver forgets. */
	object = owner_newest(&driver.owner);
	if (ktest_check(object != NULL))
		object->class->release(object);
	ktest_check_eq(banos_timer_destroy(NULL), 0);
	test_driver_end(&driver);
}

static void tell_nobody(const struct owner_object *object)
{
	(void)object;
}

/* What another thread is about to end is left to it, by whoever comes second. */
KTEST(who_ends_an_object)
{
	const struct thread *other = (const struct thread *)&driver;
	struct owner_object *object;
	Banos_Timer *t;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_timer_create(&driver.record, probe_call, NULL, 0, &t), 0);
	object = owner_newest(&driver.owner);
	object->ender = other;
	ktest_check(!owner_claim(object));
	ktest_check_eq(banos_timer_destroy(t), 0);
	ktest_check(!owner_take_back(&driver.owner, NULL, tell_nobody));
	ktest_check(owner_newest(&driver.owner) == object && object->ender == other);
	object->ender = NULL;
	/* Its own claims nest. */
	ktest_check(owner_claim(object) && owner_claim(object));
	owner_unclaim(object);
	ktest_check(object->ender == current());
	owner_unclaim(object);
	ktest_check(!object->ender);
	ktest_check(!owner_take_back(&driver.owner, NULL, tell_nobody));
	ktest_check(!owner_newest(&driver.owner));
	test_driver_end(&driver);
}

static void refuse(struct owner_object *object)
{
	(void)object;
}

/* What refuses to go, and what is older, stays as if nobody had tried. */
KTEST(an_object_refuses_to_go)
{
	static const struct owner_class class = {.name = "stone", .release = refuse};
	struct owner_object object = {.owner = NULL};
	Banos_Timer *t;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_timer_create(&driver.record, probe_call, NULL, 0, &t), 0);
	owner_add(&driver.owner, &object, &class);
	ktest_check(owner_take_back(&driver.owner, NULL, tell_nobody) == &object);
	ktest_check(!object.ender && !object.claims);
	owner_remove(&object);
	ktest_check(!owner_newest(&driver.owner)->ender);
	ktest_check_eq(banos_timer_destroy(t), 0);
	test_driver_end(&driver);
}
