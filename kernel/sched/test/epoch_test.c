/* SPDX-License-Identifier: BSD-2-Clause */
/* Grace periods and the work queue. */
#include "team.h"

#include <arch/cpu.h>
#include <base/ktest.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <sched/work.h>

struct call {
	struct epoch_head head;
	uint32_t done;	/* [a] */
	uint32_t order; /* its place among all calls */
	uint32_t in_irq;
};
static uint32_t calls; /* [a] */

static void called(struct epoch_head *h)
{
	struct call *c = container_of(h, struct call, head);

	c->order = __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	c->in_irq = in_interrupt() || preempt_count() || !irq_enabled();
	__atomic_store_n(&c->done, 1, __ATOMIC_RELEASE);
}

struct reader {
	uint32_t inside, leave; /* [a] */
	struct call *call;
	uint32_t too_early; /* the call came while we were reading */
};

/* Stays in a read section until told to leave, or for a while. */
static void read_long(void *ctx, unsigned i)
{
	struct reader *r = ctx;
	nsec_t end;

	epoch_enter();
	__atomic_store_n(&r->inside, 1, __ATOMIC_RELEASE);
	end = clock_mono_ns() + 40 * MS;
	while (!__atomic_load_n(&r->leave, __ATOMIC_ACQUIRE) && clock_mono_ns() < end) {
		if (__atomic_load_n(&r->call->done, __ATOMIC_ACQUIRE))
			r->too_early = 1;
		cpu_relax();
	}
	if (__atomic_load_n(&r->call->done, __ATOMIC_ACQUIRE))
		r->too_early = 1;
	epoch_exit();
}

KTEST(epoch_waits_for_readers)
{
	struct call c = {0};
	struct reader r = {.call = &c};

	if (cpu_count() > 1) {
		/* bind_to is what team_run_bound does with i: reader 1 is on processor 1. */
		bind_to(0);
		team_start(2, read_long, &r, true);
		ktest_check(reaches(&r.inside, 1));
		epoch_defer(&c.head, called);
		team_wait();
		bind_to(-1);
	} else {
		nsec_t end;

		epoch_enter();
		epoch_defer(&c.head, called);
		for (end = clock_mono_ns() + 10 * MS; clock_mono_ns() < end;)
			cpu_relax();
		ktest_check_eq(__atomic_load_n(&c.done, __ATOMIC_ACQUIRE), 0);
		epoch_exit();
	}
	ktest_check(reaches(&c.done, 1));
	ktest_check_eq(r.too_early, 0);
	ktest_check_eq(c.in_irq, 0);
}

#define CALLS 1000

KTEST(epoch_keeps_order)
{
	struct call *c = kcalloc(CALLS, sizeof(*c));

	if (!ktest_check(c))
		return;
	calls = 0;
	bind_to(0); /* the order is that of one processor */
	for (unsigned i = 0; i < CALLS; i++) {
		epoch_defer(&c[i].head, called);
		if (i % 100 == 0)
			sleep_ns(200 * US);
	}
	epoch_barrier();
	bind_to(-1);
	for (unsigned i = 0; i < CALLS; i++)
		if (!ktest_check(c[i].done) || !ktest_check_eq(c[i].order, i))
			break;
	kfree(c);
}

/* What every processor has deferred before the barrier has run after it. */
KTEST(epoch_barrier_knows_all_processors)
{
	unsigned n = cpu_count();
	struct call *c = kcalloc(n, sizeof(*c));

	if (!ktest_check(c))
		return;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < n; i++) {
			c[i].done = 0;
			bind_to((int)i);
			epoch_defer(&c[i].head, called);
		}
		bind_to((int)(round % n));
		epoch_barrier();
		for (unsigned i = 0; i < n; i++)
			ktest_check(c[i].done);
	}
	bind_to(-1);
	kfree(c);
}

static void defer_and_wait(void *ctx, unsigned i)
{
	uint32_t *bad = ctx;

	for (unsigned round = 0; round < 20; round++) {
		struct call c = {0};

		epoch_defer(&c.head, called);
		epoch_barrier();
		if (!__atomic_load_n(&c.done, __ATOMIC_ACQUIRE))
			__atomic_fetch_add(bad, 1, __ATOMIC_RELAXED);
	}
}

/* Many ask at once, each for what it has deferred itself. */
KTEST(epoch_barriers_at_once)
{
	uint32_t bad = 0;

	team_run(2 * cpu_count() + 1, defer_and_wait, &bad);
	ktest_check_eq(bad, 0);
}

KTEST(epoch_rests)
{
	uint64_t before = 0, after = 1;

	/* What earlier tests left behind may still be on its way. */
	for (unsigned i = 0; i < 20 && before != after; i++) {
		epoch_barrier();
		before = epoch_periods();
		sleep_ns(20 * MS);
		after = epoch_periods();
	}
	ktest_check_eq(before, after);
}

#define FLOOD_BLOCK 3000

struct flood_block {
	struct epoch_head epoch;
	char rest[FLOOD_BLOCK - sizeof(struct epoch_head)];
};

struct flood {
	uint64_t blocks; /* each thread's share */
	uint32_t failed; /* [a] */
	uint32_t paused; /* [a] */
};

/* Who gets no memory does what a page fault does. */
static struct flood_block *flood_alloc(struct flood *f)
{
	nsec_t end = clock_mono_ns() + 20 * NSEC_PER_SEC;
	struct flood_block *b;

	while (!(b = kmalloc(sizeof(*b))) && clock_mono_ns() < end) {
		epoch_hurry();
		__atomic_fetch_add(&f->paused, 1, __ATOMIC_RELAXED);
		sleep_ns(5 * MS);
	}
	return b;
}

static void flood_with(void *ctx, unsigned i)
{
	struct flood *f = ctx;

	for (uint64_t n = 0; n < f->blocks; n++) {
		struct flood_block *b = flood_alloc(f);

		if (!b) {
			__atomic_fetch_add(&f->failed, 1, __ATOMIC_RELAXED);
			return;
		}
		kfree_deferred(b, epoch);
	}
}

/* More is freed than there is memory, as fast as it goes, and comes back in time. */
KTEST(epoch_stands_a_flood)
{
	struct frame_stats frames;
	struct flood f = {0};

	frame_stats(&frames);
	f.blocks = 2 * frames.total * 4096 / FLOOD_BLOCK / cpu_count();
	team_run_bound(cpu_count(), flood_with, &f);
	epoch_barrier();
	ktest_check_eq(f.failed, 0);
	ktest_note("%llu blocks on each processor, %u pauses", (unsigned long long)f.blocks,
		   f.paused);
}

/* Whoever computes without ever sleeping or entering the kernel holds nobody up for long. */
static void compute(void *ctx, unsigned i)
{
	const uint32_t *stop = ctx;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE))
		cpu_relax();
}

KTEST(epoch_passes_busy_processors)
{
	uint32_t stop = 0;
	nsec_t from, worst = 0;

	team_start(cpu_count(), compute, &stop, true);
	for (unsigned i = 0; i < 10; i++) {
		from = clock_mono_ns();
		epoch_wait();
		worst = max(worst, clock_mono_ns() - from);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	team_wait();
	ktest_note("longest grace period on busy processors: %lu us", (unsigned long)(worst / US));
	ktest_check(worst < 5 * NSEC_PER_SEC);
}

/* Readers follow a pointer that writers replace; poison shows through if one is freed too early. */
struct version {
	uint64_t magic[6];
	struct epoch_head epoch;
};
#define MAGIC 0x600df00d600df00dUL

struct versions {
	struct version *current; /* [a] */
	uint32_t bad, stop;	 /* [a] */
	uint64_t reads;		 /* [a] */
};

static void read_versions(void *ctx, unsigned i)
{
	struct versions *v = ctx;
	uint64_t n = 0;

	while (!__atomic_load_n(&v->stop, __ATOMIC_ACQUIRE)) {
		const struct version *c;

		epoch_enter();
		c = __atomic_load_n(&v->current, __ATOMIC_ACQUIRE);
		for (unsigned k = 0; k < 60; k++)
			if (READ_ONCE(c->magic[k % 6]) != MAGIC)
				__atomic_add_fetch(&v->bad, 1, __ATOMIC_RELAXED);
		epoch_exit();
		n++;
	}
	__atomic_add_fetch(&v->reads, n, __ATOMIC_RELAXED);
}

static struct version *version_new(void)
{
	struct version *c = kmalloc(sizeof(*c));

	for (unsigned k = 0; c && k < 6; k++)
		c->magic[k] = MAGIC;
	return c;
}

KTEST(epoch_protects_readers)
{
	struct versions v = {.current = version_new()};
	nsec_t end;
	unsigned writes = 0;

	team_start(cpu_count() + 1, read_versions, &v, false);
	end = clock_mono_ns() + 500 * MS;
	while (clock_mono_ns() < end) {
		struct version *c = version_new(), *old;

		if (!c)
			break;
		old = __atomic_exchange_n(&v.current, c, __ATOMIC_ACQ_REL);
		kfree_deferred(old, epoch);
		if (++writes % 64 == 0)
			sleep_ns(300 * US);
	}
	__atomic_store_n(&v.stop, 1, __ATOMIC_RELEASE);
	team_wait();
	kfree_deferred(v.current, epoch);
	epoch_barrier();
	ktest_check_eq(v.bad, 0);
	ktest_check(v.reads > 0);
	ktest_note("%u replacements under %lu reads", writes, (unsigned long)v.reads);
}

struct job {
	struct work w;
	struct timer t;
	uint32_t runs; /* [a] */
	uint32_t again;
	uint32_t errors;
	uint32_t order;
	uint32_t held; /* [a] it does not go on, nor does what is behind it */
};
static uint32_t jobs_done;

static void do_job(struct work *w)
{
	struct job *j = container_of(w, struct job, w);

	if (in_interrupt() || preempt_count() || !irq_enabled())
		j->errors++;
	sleep_ns(20 * US);
	while (__atomic_load_n(&j->held, __ATOMIC_ACQUIRE))
		sleep_ns(100 * US);
	if (j->again) {
		j->again--;
		if (!work_submit(w))
			j->errors++;
	}
	j->order = jobs_done++;
	__atomic_add_fetch(&j->runs, 1, __ATOMIC_RELEASE);
}

static void submit_from_interrupt(struct timer *t)
{
	work_submit(&container_of(t, struct job, t)->w);
}

KTEST(work_runs_in_order)
{
	struct job *j = kcalloc(50, sizeof(*j));

	if (!ktest_check(j))
		return;
	jobs_done = 0;
	for (unsigned i = 0; i < 50; i++) {
		work_init(&j[i].w, do_job);
		ktest_check(work_submit(&j[i].w));
	}
	work_flush(&j[49].w);
	for (unsigned i = 0; i < 50; i++) {
		ktest_check_eq(j[i].runs, 1);
		ktest_check_eq(j[i].order, i);
		ktest_check_eq(j[i].errors, 0);
	}
	/* Twice before it runs is once; from within itself and from an interrupt is fine. */
	j[0].again = 5;
	j[1].held = true;
	ktest_check(work_submit(&j[1].w));
	ktest_check(work_submit(&j[0].w));
	ktest_check(!work_submit(&j[0].w));
	__atomic_store_n(&j[1].held, false, __ATOMIC_RELEASE);
	ktest_check(reaches(&j[0].runs, 7));
	work_flush(&j[0].w);
	ktest_check_eq(j[0].runs, 7);
	timer_init(&j[2].t, submit_from_interrupt);
	timer_arm(&j[2].t, 0);
	ktest_check(reaches(&j[2].runs, 2));
	timer_cancel_sync(&j[2].t);
	work_flush(&j[2].w);
	ktest_check_eq(j[0].errors + j[1].errors + j[2].errors, 0);
	kfree(j);
}
