/* SPDX-License-Identifier: BSD-2-Clause */
/* The monotonic clock: on one processor, and handed from one to the next. */
#include "team.h"

#include <arch/cpu.h>
#include <base/ktest.h>
#include <base/percpu.h>
#include <sched/clock.h>
#include <sched/thread.h>

struct token {
	uint32_t holder; /* [a] who may read the clock now */
	uint32_t players;
	nsec_t last;	/* by the holder */
	uint32_t steps; /* by the holder: passes so far */
	uint32_t back;	/* by the holder: times the clock stepped back */
	nsec_t end;
	uint32_t stop; /* [a] */
};

static void pass_on(void *ctx, unsigned i)
{
	struct token *t = ctx;

	for (;;) {
		nsec_t now;

		/* Spin first, or every pass would go through the scheduler, whose locks order it.
		 */
		for (unsigned n = 0; __atomic_load_n(&t->holder, __ATOMIC_ACQUIRE) != i; n++) {
			if (__atomic_load_n(&t->stop, __ATOMIC_RELAXED))
				return;
			if (n > 2000)
				thread_yield();
			else
				cpu_relax();
		}
		now = clock_mono_ns();
		if (now < t->last)
			t->back++;
		t->last = now;
		t->steps++;
		if (now > t->end) {
			__atomic_store_n(&t->stop, 1, __ATOMIC_RELAXED);
			return;
		}
		__atomic_store_n(&t->holder, (i + 1) % t->players, __ATOMIC_RELEASE);
	}
}

KTEST(clock_never_steps_back)
{
	struct token t = {.players = max(cpu_count(), 2u)};

	t.end = clock_mono_ns() + NSEC_PER_SEC;
	team_run_bound(t.players, pass_on, &t);
	ktest_check_eq(t.back, 0);
	ktest_check(t.steps > 2 * t.players);
	ktest_note("%u passes among %u processors, clock %s", t.steps, cpu_count(),
		   clock_source_name());
}

KTEST(clock_grows)
{
	nsec_t last = clock_mono_ns(), from = last;
	uint64_t changes = 0;

	for (unsigned i = 0; i < 100000; i++) {
		nsec_t now = clock_mono_ns();

		if (!ktest_check(now >= last))
			return;
		changes += now > last;
		last = now;
	}
	ktest_check(changes > 100);
	from = clock_mono_ns();
	clock_delay_ns(3 * MS);
	ktest_check(clock_mono_ns() - from >= 3 * MS);
	/* Wall time runs along, and is of this century. */
	from = clock_wall_ns();
	sleep_ns(10 * MS);
	ktest_check(clock_wall_ns() - from >= 9 * MS);
	ktest_check(from / NSEC_PER_SEC > 1600000000);
}
