/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How often and how long locks were waited for, by class: /proc/lock_stat, while
 * /proc/sys/kernel/lock_stat holds 1. Only who finds a lock taken comes here, so that a lock that
 * is free costs what it costs without.
 */
#ifndef BASE_LOCKSTAT_H
#define BASE_LOCKSTAT_H

#include <arch/cpu.h>
#include <base/percpu.h>
#include <lib/compiler.h>

extern bool lockstat_on; /* [a] */

struct lockstat {
	uint64_t waits;	 /* [a] */
	uint64_t cycles; /* [a] waited in all, of cpu_cycles() */
	uint64_t worst;	 /* [a] the longest of them */
} __aligned(64);

void lockstat_waited(unsigned class, uint64_t cycles);
/* What was counted for a class, and its name. Class below LOCK_CLASS_COUNT. Context: any. */
struct lockstat lockstat_read(unsigned class, const char **name);
void lockstat_clear(void);

/* Around a wait for a lock. 0: not counted. Who switches the counting off waits for a grace period.
 */
static inline uint64_t lockstat_begin(void)
{
	return unlikely(__atomic_load_n(&lockstat_on, __ATOMIC_RELAXED)) ? cpu_cycles() | 1 : 0;
}

static inline void lockstat_end(unsigned class, uint64_t began)
{
	if (likely(!began))
		return;
	/* Switched off in between: it is not counted, or it would come after a clearing. */
	preempt_disable();
	if (__atomic_load_n(&lockstat_on, __ATOMIC_RELAXED))
		lockstat_waited(class, cpu_cycles() - began);
	preempt_enable();
}

#endif
