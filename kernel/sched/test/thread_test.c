/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads and the scheduler: fairness, spreading, preemption, birth and death, stacks. */
#include "team.h"

#include <arch/cpu.h>
#include <arch/thread.h>
#include <base/ktest.h>
#include <base/log.h>
#include <base/percpu.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/mutex.h>
#include <sched/rq.h>
#include <sched/thread.h>

struct race {
	uint32_t go, stop; /* [a] */
	int nice[8];
	struct thread *threads[8]; /* each with a reference */
	uint32_t ready;		   /* [a] */
	unsigned last_cpu[8];
};

static void compute(void *ctx, unsigned i)
{
	struct race *r = ctx;

	r->threads[i] = thread_get(current());
	thread_set_nice(current(), r->nice[i]);
	__atomic_add_fetch(&r->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		cpu_relax();
		r->last_cpu[i] = this_cpu_index();
	}
}

static void on_processor_0(void *ctx, unsigned i)
{
	bind_to(0);
	compute(ctx, i);
}

/* Run them for a while; in ran[] what each had in that time. */
static void race(struct race *r, unsigned n, team_fn fn, nsec_t duration, nsec_t ran[])
{
	team_start(n, fn, r, false);
	ktest_check(reaches(&r->ready, n));
	sleep_ns(20 * MS);
	for (unsigned i = 0; i < n; i++)
		ran[i] = thread_runtime_ns(r->threads[i]);
	sleep_ns(duration);
	for (unsigned i = 0; i < n; i++)
		ran[i] = thread_runtime_ns(r->threads[i]) - ran[i];
	__atomic_store_n(&r->stop, 1, __ATOMIC_RELEASE);
	team_wait();
	for (unsigned i = 0; i < n; i++)
		thread_put(r->threads[i]);
}

KTEST(sched_is_fair)
{
	bool good = false;

	for (unsigned tries = 0; tries < 4 && !good; tries++) {
		struct race r = {0};
		nsec_t ran[4], least = NEVER, most = 0;

		race(&r, 4, on_processor_0, 400 * MS, ran);
		for (unsigned i = 0; i < 4; i++) {
			least = min(least, ran[i]);
			most = max(most, ran[i]);
		}
		ktest_note("of four equal threads the least had %lu ms, the most %lu ms",
			   (unsigned long)(least / MS), (unsigned long)(most / MS));
		good = most < 2 * least && 4 * most > 300 * MS;
	}
	ktest_check(good);
}

KTEST(sched_heeds_nice)
{
	nsec_t ran[2];
	bool good = false;

	/* Five levels are a factor of 1.25^5 = 3.05. A host that takes the processor away for the
	 * length of a slice spoils the figure: one good race of four is enough. */
	for (unsigned tries = 0; tries < 4 && !good; tries++) {
		struct race r = {.nice = {0, 5}};

		race(&r, 2, on_processor_0, 500 * MS, ran);
		ktest_note("nice 0 had %lu ms, nice 5 %lu ms", (unsigned long)(ran[0] / MS),
			   (unsigned long)(ran[1] / MS));
		good = ran[0] > 2 * ran[1] && ran[0] < 5 * ran[1];
	}
	ktest_check(good);
}

KTEST(sched_spreads_threads)
{
	unsigned n = min(cpu_count(), 8u);
	nsec_t ran[8], from;
	DECLARE_BITMAP(used, MAX_CPUS);
	bool good = false;

	/* Where each was at its end tells where it was before, unless a processor that was done
	 * took over a thread that had to make room for another: one good race of four is enough. */
	for (unsigned tries = 0; tries < 4 && !good; tries++) {
		struct race r = {0};

		bitmap_zero(used, MAX_CPUS);
		from = clock_mono_ns();
		race(&r, n, compute, 300 * MS, ran);
		ktest_check(clock_mono_ns() - from < 10 * NSEC_PER_SEC);
		for (unsigned i = 0; i < n; i++) {
			ktest_check(ran[i] > 150 * MS);
			bit_set(used, r.last_cpu[i]);
		}
		good = bitmap_weight(used, MAX_CPUS) == n;
	}
	ktest_check(good);
}

/*
 * All start on the first processor, twice as many as there are processors: the idle ones take some,
 * and later the busy ones share evenly, though none of them is ever idle again.
 */
static void start_crowded(void *ctx, unsigned i)
{
	bind_to(0);
	bind_to(-1);
	compute(ctx, i);
}

KTEST(sched_balances)
{
	unsigned n = min(2 * cpu_count(), 8u);
	struct race r = {0};
	nsec_t ran[8], sum = 0, least = NEVER, most = 0;

	race(&r, n, start_crowded, 400 * MS, ran);
	for (unsigned i = 0; i < n; i++) {
		sum += ran[i];
		least = min(least, ran[i]);
		most = max(most, ran[i]);
	}
	ktest_note("%u threads on %u processors: the least had %lu ms, the most %lu ms", n,
		   cpu_count(), (unsigned long)(least / MS), (unsigned long)(most / MS));
	ktest_check(most < 2 * least);
	/* All processors worked nearly all the time. */
	ktest_check(sum > min(cpu_count(), 8u) * 300 * MS);
}

static void nap(void *ctx, unsigned i)
{
	uint32_t *naps = ctx;

	bind_to(0);
	for (unsigned n = 0; n < 20; n++) {
		sleep_ns(1 * MS);
		__atomic_add_fetch(naps, 1, __ATOMIC_RELAXED);
	}
}

KTEST(sched_preempts)
{
	struct race r = {0};
	uint32_t naps = 0;
	nsec_t from;

	team_start(2, on_processor_0, &r, false);
	ktest_check(reaches(&r.ready, 2));
	from = clock_mono_ns();
	team_start(1, nap, &naps, false);
	ktest_check(reaches(&naps, 20));
	ktest_note("20 naps of 1 ms beside two busy threads took %lu ms",
		   (unsigned long)((clock_mono_ns() - from) / MS));
	ktest_check(clock_mono_ns() - from < 2 * NSEC_PER_SEC);
	__atomic_store_n(&r.stop, 1, __ATOMIC_RELEASE);
	team_wait();
	thread_put(r.threads[0]);
	thread_put(r.threads[1]);
}

/* Idle processors wake on time, again and again, and nothing else keeps them awake. */
KTEST(sched_idles)
{
	struct cpu *c = this_cpu();
	uint64_t before;
	nsec_t from;

	bind_to((int)c->index);
	sleep_ns(20 * MS);
	before = c->idle_ns;
	from = clock_mono_ns();
	sleep_ns(200 * MS);
	ktest_check(clock_mono_ns() - from >= 200 * MS);
	ktest_check(c->idle_ns - before > 100 * MS);
	ktest_check(c->idle_ns - before <= clock_mono_ns() - from);
	bind_to(-1);
}

static void live_shortly(void *ctx, unsigned i)
{
	if (i % 3 == 0)
		thread_yield();
	if (i % 7 == 0)
		sleep_ns(10 * US);
}

static uint64_t free_frames(void)
{
	struct frame_stats s;

	epoch_barrier();
	epoch_barrier();
	sleep_ns(2 * MS);
	frame_stats(&s);
	return s.free;
}

KTEST(thread_births_and_deaths)
{
	struct slab_stats before, after;
	uint64_t from, to;
	nsec_t began;

	for (unsigned i = 0; i < 10; i++)
		team_run(50, live_shortly, NULL);
	from = free_frames();
	slab_stats(&before);
	began = clock_mono_ns();
	for (unsigned i = 0; i < 40; i++)
		team_run(50, live_shortly, NULL);
	began = clock_mono_ns() - began;
	to = free_frames();
	slab_stats(&after);
	ktest_note("2000 threads in %lu ms; free frames %lu before, %lu after; objects %lu, %lu",
		   (unsigned long)(began / MS), (unsigned long)from, (unsigned long)to,
		   (unsigned long)before.objects, (unsigned long)after.objects);
	/* A leak of any kind per thread would show 2000 times. */
	ktest_check(to + 100 > from);
	ktest_check(after.objects < before.objects + 200);
}

/* --- depth of the kernel stack --- */

#define PATTERN 0x5afe57ac5afe57acUL

static void deep_work(void *arg)
{
	struct mutex m;
	char text[64];
	void *p;

	/* What is deep in this kernel: printing, allocation, locks that wait, timers, death. */
	mutex_init(&m, LOCK_TEST_OUTER);
	mutex_lock(&m);
	log_info("# a line from a thread whose stack is measured: %s",
		 format(text, sizeof(text), "%d", 42) ? text : "");
	p = kmalloc(100000);
	kfree(p);
	sleep_ns(1 * MS);
	mutex_unlock(&m);
	sleep_ns(1 * MS);
	__atomic_store_n((uint32_t *)arg, 1, __ATOMIC_RELEASE);
}

static size_t depth_of(const uint64_t *stack)
{
	size_t i = 0;

	while (i < KERNEL_STACK_SIZE / 8 && stack[i] == PATTERN)
		i++;
	return KERNEL_STACK_SIZE - i * 8;
}

KTEST(thread_stack_depth)
{
	struct thread *t = thread_create("deep");
	uint32_t done = 0;
	uint64_t *stack;
	size_t depth;

	if (!ktest_check(t))
		return;
	stack = t->stack;
	for (size_t i = 0; i < KERNEL_STACK_SIZE / 8; i++)
		stack[i] = PATTERN;
	arch_thread_setup(t, deep_work, &done);
	thread_get(t);
	thread_start(t);
	ktest_check(reaches(&done, 1));
	sleep_ns(5 * MS);
	depth = depth_of(stack);
	thread_put(t);
	ktest_note("kernel stack: %zu of %d bytes used", depth, KERNEL_STACK_SIZE);
	ktest_check(depth > 256);
	ktest_check(depth < KERNEL_STACK_SIZE * 3 / 4);
}
