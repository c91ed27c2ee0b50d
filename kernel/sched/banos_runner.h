/* SPDX-License-Identifier: BSD-2-Clause */
/* Who executes a driver's function: for those who must not wait for themselves. */
#ifndef SCHED_BANOS_RUNNER_H
#define SCHED_BANOS_RUNNER_H

#include <base/percpu.h>

/* Never the same for two that run at once. */
static inline const void *banos_runner(void)
{
	return in_interrupt() ? (const void *)this_cpu() : (const void *)current();
}

/* Is the function that *runner names running below us on this stack? */
static inline bool banos_runs_here(const void *const *runner)
{
	return __atomic_load_n(runner, __ATOMIC_RELAXED) == banos_runner();
}

#endif
