/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers that want to sleep where they must not, or give what they do not have. */
#ifndef SCHED_BANOS_SLEEP_H
#define SCHED_BANOS_SLEEP_H

#include <base/percpu.h>

void banos_sleeps_wrongly(const char *function, uintptr_t caller) __cold;
/* Log "driver NAME ...: calls FUNCTION WHAT", once for each place. */
void banos_calls_wrongly(const char *function, const char *what, uintptr_t caller) __cold;

/*
 * In a function of the ABI, before it waits. As a rule it need not: the lock is free, and nobody
 * notices until it is not, and the machine stops. So the driver is named at the first time (test
 * builds: it is a panic, but for epoch sections).
 */
static __always_inline void banos_may_sleep(const char *function)
{
	if (unlikely(in_interrupt() || preempt_count()))
		banos_sleeps_wrongly(function, (uintptr_t)__builtin_return_address(0));
}

#endif
