/* SPDX-License-Identifier: BSD-2-Clause */
/* Grace periods and the work queue. */
#include "team.h"

#include <arch/cpu.h>
#include <base/ktest.h>
#include <lib/compiler.h>
#include <lib/list.h>
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
	for (unsigned i = 0; i < CALLS; i++) {
		epoch_defer(&c[i].head, called);
		if (i % 100 == 0)
			sleep_ns(200 * US);
	}
	epoch_barrier();
	for (unsigned i = 0; i < CALLS; i++)
		if (!ktest_check(c[i].done) || !ktest_check_eq(c[i].order, i))
			break;
	kfree(c);
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
};
static uint32_t jobs_done;

static void do_job(struct work *w)
{
	struct job *j = container_of(w, struct job, w);

	if (in_interrupt() || preempt_count() || !irq_enabled())
		j->errors++;
	sleep_ns(20 * US);
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
	ktest_check(work_submit(&j[1].w));
	ktest_check(work_submit(&j[0].w));
	ktest_check(!work_submit(&j[0].w));
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
