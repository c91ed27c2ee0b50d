/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver ABI's clocks: <banos/time.h>. */
#include "banos_time.h"

#include <banos/export.h>
#include <banos/sync.h>
#include <banos/time.h>
#include <lib/errno.h>
#include <sched/banos_sleep.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/thread.h>

nsec_t banos_deadline(uint64_t timeout_ns)
{
	nsec_t now = clock_mono_ns();

	return timeout_ns >= NEVER - now ? NEVER : now + timeout_ns;
}

uint64_t banos_time_mono_ns(void)
{
	return clock_mono_ns();
}
BANOS_EXPORT(banos_time_mono_ns);

uint64_t banos_time_wall_ns(void)
{
	return clock_wall_ns();
}
BANOS_EXPORT(banos_time_wall_ns);

void banos_delay_ns(uint64_t ns)
{
	nsec_t end = clock_mono_ns() + min(ns, (uint64_t)BANOS_DELAY_MAX);

	while (clock_mono_ns() < end)
		cpu_relax();
}
BANOS_EXPORT(banos_delay_ns);

int32_t banos_sleep_ns(uint64_t ns, uint32_t flags)
{
	if (flags & ~BANOS_WAIT_INTERRUPTIBLE)
		return -EINVAL;
	banos_may_sleep(__func__);
	return thread_sleep_until(banos_deadline(ns), flags & BANOS_WAIT_INTERRUPTIBLE
							      ? WAIT_INTERRUPTIBLE
							      : WAIT_UNINTERRUPTIBLE);
}
BANOS_EXPORT(banos_sleep_ns);
