/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers and sleeping: units, the past, re-arming, cancelling, and 100,000 short sleeps. */
#include "team.h"

#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/compiler.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <sched/timer.h>

struct probe {
	struct timer t;
	uint32_t fired; /* [a] */
	uint32_t again; /* times fn arms it again */
	nsec_t at, every;
	bool contended; /* others arm it while fn runs: its deadline says nothing there */
	uint32_t magic;
	uint32_t errors; /* [a] */
};

static void fire(struct timer *t)
{
	struct probe *p = container_of(t, struct probe, t);

	p->at = clock_mono_ns();
	if (p->magic != 0x7e57 || !in_interrupt() || irq_enabled() ||
	    (!p->contended && p->at < t->deadline))
		__atomic_add_fetch(&p->errors, 1, __ATOMIC_RELAXED);
	if (p->again) {
		p->again--;
		timer_arm(t, p->at + p->every);
	}
	__atomic_add_fetch(&p->fired, 1, __ATOMIC_RELEASE);
}

static void probe_init(struct probe *p)
{
	*p = (struct probe){.magic = 0x7e57};
	timer_init(&p->t, fire);
}

KTEST(timer_units)
{
	struct probe p;
	nsec_t best = NEVER;

	/* The machine under us may be busy: of five, one must be prompt; none may be early. */
	for (unsigned i = 0; i < 5; i++) {
		nsec_t from = clock_mono_ns();

		probe_init(&p);
		timer_arm(&p.t, from + 5 * MS);
		ktest_check(reaches(&p.fired, 1));
		ktest_check(p.at >= from + 5 * MS);
		best = min(best, p.at - from);
	}
	ktest_note("a timer of 5 ms fires after %lu us", (unsigned long)(best / US));
	ktest_check(best < 50 * MS);
	ktest_check_eq(p.errors, 0);
}

KTEST(timer_past_deadlines)
{
	static const int64_t when[] = {-(int64_t)NSEC_PER_SEC / 100, -1, 0, 1};
	struct probe p;

	for (unsigned i = 0; i < ARRAY_SIZE(when) + 1; i++) {
		nsec_t from = clock_mono_ns();

		probe_init(&p);
		timer_arm(&p.t, i < ARRAY_SIZE(when) ? from + (nsec_t)when[i] : 0);
		ktest_check(reaches(&p.fired, 1));
		ktest_check(p.at - from < NSEC_PER_SEC);
	}
	probe_init(&p);
	timer_arm(&p.t, NEVER);
	sleep_ns(5 * MS);
	ktest_check_eq(p.fired, 0);
	ktest_check(timer_cancel_sync(&p.t));
	ktest_check(!timer_cancel_sync(&p.t));
}

KTEST(timer_arms_itself_again)
{
	struct probe p;

	probe_init(&p);
	p.again = 49;
	p.every = 200 * US;
	timer_arm(&p.t, clock_mono_ns() + 1 * MS);
	ktest_check(reaches(&p.fired, 50));
	sleep_ns(5 * MS);
	ktest_check_eq(p.fired, 50);
	ktest_check(!timer_cancel_sync(&p.t));
	/* Armed from now on every time, until cancel_sync has the last word. */
	p.again = UINT32_MAX;
	timer_arm(&p.t, 0);
	sleep_ns(2 * MS);
	timer_cancel_sync(&p.t);
	p.fired = 0;
	sleep_ns(5 * MS);
	ktest_check_eq(p.fired, 0);
	ktest_check_eq(p.errors, 0);
}

/* After timer_cancel_sync the timer's memory is ours: it does not fire any more. */
static void cancel_in_time(void *ctx, unsigned i)
{
	uint32_t *errors = ctx, state = i + 1, fired = 0;

	for (unsigned n = 0; n < 3000 && (n < 20 || team_time()); n++) {
		struct probe p;
		bool was;

		probe_init(&p);
		timer_arm(&p.t, clock_mono_ns() + noise(&state) % 30 * US);
		if (n % 2)
			clock_delay_ns(noise(&state) % 30 * US);
		else
			thread_yield();
		was = timer_cancel_sync(&p.t);
		if (was + p.fired != 1 || p.errors)
			__atomic_add_fetch(errors, 1, __ATOMIC_RELAXED);
		fired += p.fired;
		p.magic = 0; /* a late fn would say so, or meet the next round's probe */
		p.errors = 0;
	}
	if (!fired)
		__atomic_add_fetch(errors, 1, __ATOMIC_RELAXED);
}

KTEST(timer_cancel_waits)
{
	uint32_t errors = 0;

	team_run_bound(cpu_count() + 1, cancel_in_time, &errors);
	ktest_check_eq(errors, 0);
}

#define ROUNDS 500

/* All processors arm one timer at once: wherever it ends up, it fires. */
struct tug {
	struct probe p;
	uint32_t round; /* [a] */
	uint32_t done;	/* [a] */
};

static void arm_together(void *ctx, unsigned i)
{
	struct tug *t = ctx;
	uint32_t state = i + 1;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		while (__atomic_load_n(&t->round, __ATOMIC_ACQUIRE) < round)
			thread_yield();
		if (__atomic_load_n(&t->round, __ATOMIC_ACQUIRE) > ROUNDS)
			return;
		timer_arm(&t->p.t, clock_mono_ns() + noise(&state) % 50 * US);
		__atomic_add_fetch(&t->done, 1, __ATOMIC_RELEASE);
	}
}

static bool stays_armed(const struct timer *t)
{
	nsec_t end = clock_mono_ns() + 2 * NSEC_PER_SEC;

	while (__atomic_load_n(&t->armed, __ATOMIC_ACQUIRE))
		if (clock_mono_ns() > end)
			return true;
		else
			sleep_ns(100 * US);
	return false;
}

KTEST(timer_armed_from_everywhere)
{
	struct tug t = {0};
	unsigned n = cpu_count();
	bool lost = false;

	probe_init(&t.p);
	t.p.contended = true;
	team_start(n, arm_together, &t, true);
	for (unsigned round = 1; round <= ROUNDS && !lost && (round < 20 || team_time()); round++) {
		__atomic_store_n(&t.round, round, __ATOMIC_RELEASE);
		ktest_check(reaches(&t.done, round * n));
		lost = stays_armed(&t.p.t);
	}
	ktest_check(!lost);
	__atomic_store_n(&t.round, ROUNDS + 1, __ATOMIC_RELEASE);
	team_wait();
	timer_cancel_sync(&t.p.t);
	ktest_check(t.p.fired > 0);
	ktest_check_eq(t.p.errors, 0);
}

struct sleepers {
	uint32_t early; /* [a] */
	uint64_t worst; /* [a] ns late */
	uint32_t done;	/* [a] */
};
#define SLEEPERS 20
#define SLEEPS	 5000

static void sleep_often(void *ctx, unsigned i)
{
	struct sleepers *s = ctx;
	uint32_t state = i + 1;

	for (unsigned n = 0; n < SLEEPS; n++) {
		nsec_t deadline = clock_mono_ns() + noise(&state) % 100 * US, now;
		uint64_t worst = __atomic_load_n(&s->worst, __ATOMIC_RELAXED);

		thread_sleep_until(deadline, WAIT_UNINTERRUPTIBLE);
		now = clock_mono_ns();
		if (now < deadline)
			__atomic_add_fetch(&s->early, 1, __ATOMIC_RELAXED);
		while (now > deadline && now - deadline > worst &&
		       !__atomic_compare_exchange_n(&s->worst, &worst, now - deadline, false,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			;
		if (__atomic_add_fetch(&s->done, 1, __ATOMIC_RELAXED) % 10000 == 0)
			ktest_note("%u sleeps", __atomic_load_n(&s->done, __ATOMIC_RELAXED));
	}
}

KTEST(timer_hundred_thousand_sleeps)
{
	struct sleepers s = {0};

	team_run(SLEEPERS, sleep_often, &s);
	ktest_check_eq(s.early, 0);
	ktest_note("%u sleeps, the latest %lu us late", SLEEPERS * SLEEPS,
		   (unsigned long)(s.worst / US));
}
