/* SPDX-License-Identifier: BSD-2-Clause */
#include "team.h"

#include <base/ktest.h>
#include <lib/bitmap.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/thread.h>

#define STRESS_TIME NSEC_PER_SEC

static uint32_t running; /* [a] */
static nsec_t stress_end;
static struct blocker ended = BLOCKER_INIT(LOCK_BLOCKER);

struct member {
	team_fn fn;
	void *ctx;
	unsigned i;
	bool bound;
};

static void member_main(void *arg)
{
	struct member m = *(struct member *)arg;

	kfree(arg);
	if (m.bound)
		bind_to((int)(m.i % cpu_count()));
	m.fn(m.ctx, m.i);
	__atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL);
	blocker_wake_all(&ended);
}

void team_start(unsigned n, team_fn fn, void *ctx, bool bound)
{
	if (!__atomic_load_n(&running, __ATOMIC_ACQUIRE))
		stress_end = clock_mono_ns() + STRESS_TIME;
	for (unsigned i = 0; i < n; i++) {
		struct member *m = kmalloc(sizeof(*m));

		*m = (struct member){fn, ctx, i, bound};
		__atomic_add_fetch(&running, 1, __ATOMIC_ACQ_REL);
		if (!ktest_check(kthread_create("team", member_main, m))) {
			__atomic_sub_fetch(&running, 1, __ATOMIC_ACQ_REL);
			kfree(m);
		}
	}
}

bool team_time(void)
{
	return clock_mono_ns() < stress_end;
}

void team_wait(void)
{
	WAIT_UNTIL(&ended, !__atomic_load_n(&running, __ATOMIC_ACQUIRE), NEVER,
		   WAIT_UNINTERRUPTIBLE);
}

void team_run(unsigned n, team_fn fn, void *ctx)
{
	team_start(n, fn, ctx, false);
	team_wait();
}

void team_run_bound(unsigned n, team_fn fn, void *ctx)
{
	team_start(n, fn, ctx, true);
	team_wait();
}

void bind_to(int cpu)
{
	DECLARE_BITMAP(map, MAX_CPUS);

	bitmap_zero(map, MAX_CPUS);
	if (cpu < 0)
		bitmap_fill(map, MAX_CPUS);
	else
		bit_set(map, (size_t)cpu);
	thread_set_affinity(current(), map);
}

void sleep_ns(nsec_t ns)
{
	thread_sleep_until(clock_mono_ns() + ns, WAIT_UNINTERRUPTIBLE);
}

bool reaches(const uint32_t *word, uint32_t value)
{
	nsec_t end = clock_mono_ns() + 10 * NSEC_PER_SEC;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value) {
		if (clock_mono_ns() > end)
			return false;
		sleep_ns(100 * US);
	}
	return true;
}

uint32_t noise(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}
