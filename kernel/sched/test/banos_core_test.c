/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate, and what drivers get of locks, events, work, threads and grace periods. */
#include <banos/cpu.h>
#include <banos/epoch.h>
#include <banos/memory.h>
#include <banos/sync.h>
#include <banos/thread.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/work.h>
#include <base/ktest.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/gate.h>
#include <sched/test/team.h>
#include <sched/test/test_driver.h>
#include <sched/thread.h>
#include <sched/work.h>

#define MS   NSEC_PER_MSEC
#define TEAM 4

static struct test_driver driver;

/* --- the gate -------------------------------------------------------------------------------- */

static uint32_t inside, closed, seen_inside; /* [a] */

/* Some go in and out, sleeping in between; one closes and opens. */
static void visit(void *ctx, unsigned i)
{
	struct gate_pass pass;

	while (team_time()) {
		if (i == 0) {
			if (owner_close(&driver.owner) == 0) {
				__atomic_store_n(&closed, 1, __ATOMIC_SEQ_CST);
				if (__atomic_load_n(&inside, __ATOMIC_SEQ_CST))
					seen_inside++;
				__atomic_store_n(&closed, 0, __ATOMIC_SEQ_CST);
				owner_open(&driver.owner);
			}
		} else if (gate_enter(&driver.owner.gate, &pass)) {
			__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST);
			if (__atomic_load_n(&closed, __ATOMIC_SEQ_CST))
				__atomic_fetch_add(&seen_inside, 1, __ATOMIC_RELAXED);
			if (i % 2)
				thread_yield();
			else
				clock_delay_ns(20000);
			__atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
			gate_leave(&pass);
		}
	}
}

KTEST(gate_keeps_out)
{
	if (!test_driver_begin(&driver))
		return;
	inside = closed = seen_inside = 0;
	team_run(TEAM, visit, NULL);
	ktest_check_eq(seen_inside, 0);
	ktest_check(owner_hold(&driver.owner));
	ktest_check_eq(owner_close(&driver.owner), -EBUSY);
	owner_drop(&driver.owner);
	ktest_check_eq(owner_close(&driver.owner), 0);
	ktest_check(!owner_hold(&driver.owner));
	test_driver_end(&driver);
}

KTEST(gate_knows_who_is_inside)
{
	struct gate_pass outer, inner;
	struct gate other;

	if (!test_driver_begin(&driver) || !ktest_check_eq(gate_init(&other), 0))
		return;
	ktest_check(!gate_is_inside(&other));
	ktest_check(gate_enter(&driver.owner.gate, &outer));
	ktest_check(gate_enter(&other, &inner));
	ktest_check(gate_is_inside(&other) && gate_is_inside(&driver.owner.gate));
	gate_leave(&inner);
	ktest_check(!gate_is_inside(&other) && gate_is_inside(&driver.owner.gate));
	/* Somebody is inside, and does not leave in time. */
	ktest_check_eq(owner_close(&driver.owner), -EBUSY);
	gate_leave(&outer);
	gate_shut(&other);
	gate_fini(&other);
	test_driver_end(&driver);
}

/* --- events ---------------------------------------------------------------------------------- */

static Banos_Event event;
static uint32_t taken; /* [a] */
static uint64_t given; /* [a] */

/* Setters and waiters: each setting of an automatic event lets at most one go, and none is lost. */
static void pass_on(void *ctx, unsigned i)
{
	if (i == 0) {
		while (team_time()) {
			uint32_t before = __atomic_load_n(&taken, __ATOMIC_ACQUIRE);

			banos_event_set(&event);
			given++;
			while (__atomic_load_n(&taken, __ATOMIC_ACQUIRE) == before && team_time())
				cpu_relax();
		}
		__atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
		return;
	}
	while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		if (banos_event_wait(&event, MS / (i % 2 ? 1 : 10), 0) == 0)
			__atomic_fetch_add(&taken, 1, __ATOMIC_ACQ_REL);
}

KTEST(automatic_event)
{
	ktest_check_eq(banos_event_init(&event, "test", BANOS_EVENT_AUTO), 0);
	taken = inside = 0;
	given = 0;
	team_run(TEAM, pass_on, NULL);
	ktest_check(given > 0);
	ktest_check(taken <= given && taken + 1 >= given);
	banos_event_fini(&event);
}

KTEST(event_states)
{
	nsec_t from;

	ktest_check_eq(banos_event_init(&event, "test", 2), -EINVAL);
	ktest_check_eq(banos_event_init(&event, "test", 0), 0);
	ktest_check_eq(banos_event_wait(&event, 0, 0), -ETIMEDOUT);
	ktest_check_eq(banos_event_wait(&event, 0, 2), -EINVAL);
	from = clock_mono_ns();
	ktest_check_eq(banos_event_wait(&event, 5 * MS, 0), -ETIMEDOUT);
	ktest_check(clock_mono_ns() - from >= 5 * MS);
	banos_event_set(&event);
	ktest_check_eq(banos_event_wait(&event, BANOS_FOREVER, 0), 0);
	ktest_check_eq(banos_event_wait(&event, 0, 0), 0); /* stays set */
	banos_event_reset(&event);
	ktest_check_eq(banos_event_wait(&event, 0, 0), -ETIMEDOUT);
	banos_event_fini(&event);
}

/* --- threads --------------------------------------------------------------------------------- */

static uint32_t rounds;

static void wait_for_stop(void *ctx)
{
	while (!banos_thread_should_stop()) {
		int32_t r = banos_event_wait(&event, BANOS_FOREVER, BANOS_WAIT_INTERRUPTIBLE);

		ktest_check(r == -EINTR || r == 0);
		rounds++;
	}
}

static void end_at_once(void *ctx)
{
}

KTEST(threads_stop)
{
	Banos_Thread *t;

	if (!test_driver_begin(&driver))
		return;
	banos_event_init(&event, "test", 0);
	for (unsigned i = 0; i < 50; i++) {
		rounds = 0;
		ktest_check_eq(
			banos_thread_create(&driver.record, "waits", wait_for_stop, NULL, 0, &t),
			0);
		if (i % 2)
			banos_sleep_ns(100000, 0);
		ktest_check_eq(banos_thread_destroy(t), 0);
		ktest_check(rounds <= 1);
		ktest_check_eq(
			banos_thread_create(&driver.record, "ends", end_at_once, NULL, 0, &t), 0);
		ktest_check_eq(banos_thread_destroy(t), 0);
	}
	ktest_check_eq(banos_thread_should_stop(), 0);
	banos_event_fini(&event);
	test_driver_end(&driver);
}

/* --- work ------------------------------------------------------------------------------------ */

struct job {
	Banos_Work *work;
	uint32_t runs; /* [a] */
	uint32_t *busy;
	int32_t own;
	bool again;
};

static void run_job(void *ctx)
{
	struct job *j = ctx;

	ktest_check_eq(__atomic_fetch_add(j->busy, 1, __ATOMIC_ACQ_REL), 0);
	j->own = banos_work_cancel_sync(j->work);
	if (j->again)
		banos_work_submit(j->work);
	__atomic_fetch_add(&j->runs, 1, __ATOMIC_ACQ_REL);
	__atomic_fetch_sub(j->busy, 1, __ATOMIC_ACQ_REL);
}

KTEST(work_queues)
{
	Banos_Workqueue *q;
	uint32_t busy = 0, runs;
	struct job a = {.busy = &busy}, b = {.busy = &busy, .again = true};

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_workqueue_create(&driver.record, "jobs", 0, &q), 0);
	ktest_check_eq(banos_work_create(&driver.record, q, run_job, &a, &a.work), 0);
	ktest_check_eq(banos_work_create(&driver.record, q, run_job, &b, &b.work), 0);
	ktest_check_eq(banos_workqueue_destroy(q), -EBUSY);
	ktest_check_eq(banos_work_submit(b.work), 1);
	for (unsigned i = 0; i < 200; i++) {
		banos_work_submit(a.work);
		if (i % 3 == 0)
			banos_work_cancel_sync(a.work);
	}
	banos_sleep_ns(20 * MS, 0);
	ktest_check_eq(a.own, -EDEADLK);
	ktest_check(a.runs > 0 && a.runs <= 200 && b.runs > 10);
	banos_work_cancel_sync(b.work);
	runs = b.runs;
	banos_sleep_ns(5 * MS, 0);
	ktest_check_eq(b.runs, runs);
	ktest_check_eq(banos_work_submit(b.work), 1);
	ktest_check_eq(banos_work_destroy(b.work), 0);
	ktest_check_eq(banos_work_destroy(a.work), 0);
	ktest_check_eq(banos_workqueue_destroy(q), 0);
	test_driver_end(&driver);
}

/* --- who waits behind whom ------------------------------------------------------------------- */

static Banos_Event go_on, seen;

static void wait_long(void *ctx)
{
	banos_event_wait(&go_on, BANOS_FOREVER, 0);
}

static void say_seen(void *ctx)
{
	banos_event_set(&seen);
}

static void wait_long_in_work(struct work *w)
{
	wait_long(NULL);
}

static void say_seen_in_work(struct work *w)
{
	say_seen(NULL);
}

static void check_seen(void)
{
	ktest_check_eq(banos_event_wait(&seen, 10 * NSEC_PER_SEC, 0), 0);
}

/* What a driver waits in is nobody's but its own; so is what gives up programs' files. */
KTEST(a_driver_that_waits_holds_up_no_other)
{
	static struct test_driver other;
	Banos_Work *waits, *works;
	struct work short_work, closing;
	Banos_Timer *timer;

	if (!test_driver_begin(&driver) || !test_driver_begin(&other))
		return;
	banos_event_init(&go_on, "go on", 0);
	banos_event_init(&seen, "seen", BANOS_EVENT_AUTO);
	work_init(&short_work, say_seen_in_work);
	work_init_for(&closing, work_release_queue, wait_long_in_work);
	work_submit(&closing);
	ktest_check_eq(banos_work_create(&driver.record, NULL, wait_long, NULL, &waits), 0);
	banos_work_submit(waits);

	work_submit(&short_work);
	check_seen();
	ktest_check_eq(banos_work_create(&other.record, NULL, say_seen, NULL, &works), 0);
	banos_work_submit(works);
	check_seen();
	ktest_check_eq(banos_timer_create(&other.record, say_seen, NULL, 0, &timer), 0);
	banos_timer_arm(timer, 0, 0, 0);
	check_seen();

	banos_event_set(&go_on);
	work_flush(&closing);
	banos_timer_destroy(timer);
	banos_work_destroy(works);
	banos_work_destroy(waits);
	banos_event_fini(&go_on);
	banos_event_fini(&seen);
	test_driver_end(&other);
	test_driver_end(&driver);
}

/* The first to ask does so where no thread can be made; later ones get one. */
KTEST(work_made_without_a_thread)
{
	Banos_Work *atomic, *usual;

	if (!test_driver_begin(&driver))
		return;
	banos_event_init(&seen, "seen", BANOS_EVENT_AUTO);
	preempt_disable();
	ktest_check_eq(banos_work_create(&driver.record, NULL, say_seen, NULL, &atomic), 0);
	preempt_enable();
	ktest_check(!driver.owner.queue);
	ktest_check_eq(banos_work_create(&driver.record, NULL, say_seen, NULL, &usual), 0);
	ktest_check(driver.owner.queue != NULL);
	banos_work_submit(atomic);
	check_seen();
	banos_work_submit(usual);
	check_seen();
	banos_work_destroy(atomic);
	banos_work_destroy(usual);
	banos_event_fini(&seen);
	test_driver_end(&driver);
}

/* --- memory ---------------------------------------------------------------------------------- */

struct thing {
	Banos_Epoch_Head head;
	uint32_t value;
};

static void free_thing(void *ctx, Banos_Epoch_Head *head)
{
	struct thing *t = container_of(head, struct thing, head);

	*(uint32_t *)ctx += t->value;
	banos_free(t);
}

KTEST(deferred_frees)
{
	static uint32_t sum;

	if (!test_driver_begin(&driver))
		return;
	sum = 0;
	for (unsigned i = 0; i < 100; i++) {
		struct thing *t = banos_alloc(sizeof(*t), 0, 0);

		t->value = 1;
		ktest_check_eq(banos_epoch_defer(&driver.record, free_thing, &sum, &t->head), 0);
	}
	epoch_barrier();
	ktest_check_eq(sum, 100);
	test_driver_end(&driver);
}

KTEST(pools_and_blocks)
{
	void *objects[100];
	Banos_Percpu *each;
	Banos_Pages *pages;
	Banos_Pool *pool;

	if (!test_driver_begin(&driver))
		return;
	ktest_check_eq(banos_pool_create(&driver.record, "x", 0, 0, 0, &pool), -EINVAL);
	ktest_check_eq(banos_pool_create(&driver.record, "x", 100, 64, BANOS_ALLOC_ZERO, &pool), 0);
	for (unsigned round = 0; round < 3; round++) {
		ktest_check_eq(banos_pool_get(pool, objects, 100), 100);
		for (unsigned i = 0; i < 100; i++) {
			ktest_check(((uintptr_t)objects[i] & 63) == 0);
			ktest_check(*(uint8_t *)objects[i] == 0);
			*(uint8_t *)objects[i] = 1;
		}
		banos_pool_put(pool, objects, 100);
	}
	banos_pool_destroy(pool);
	ktest_check_eq(banos_percpu_create(&driver.record, 100, &each), 0);
	ktest_check(banos_percpu_get(each, 0) && !banos_percpu_get(each, banos_cpu_count()));
	banos_percpu_destroy(each);
	ktest_check_eq(banos_pages_create(&driver.record, 0, 0, &pages), -EINVAL);
	ktest_check_eq(banos_pages_create(&driver.record, 3, 0, &pages), 0);
	ktest_check(((uintptr_t)banos_pages_address(pages) & 4095) == 0);
	banos_pages_destroy(pages);
	test_driver_end(&driver);
}
