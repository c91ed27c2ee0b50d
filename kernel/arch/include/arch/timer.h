/* SPDX-License-Identifier: BSD-2-Clause */
/* The per-processor one-shot timer and the hardware counter. Context: any, interrupts off for arm.
 */
#ifndef ARCH_TIMER_H
#define ARCH_TIMER_H

#include <base/types.h>

/* Interrupt this processor at (monotonic) deadline or soon after, once; NEVER disarms. */
void arch_timer_arm(nsec_t deadline);

/* Nanoseconds since boot by the best counter there is; never steps back. */
nsec_t arch_clock_ns(void);
/* A number of cpu_cycles() in nanoseconds of that clock; 0 when they do not count evenly. */
nsec_t arch_cycles_ns(uint64_t cycles);
const char *arch_clock_name(void);
/* Fill in how a program may read the same counter, and its processor's number, by itself. */
struct clock_page;
void arch_clock_page(struct clock_page *page);
/* Seconds since 1970 by the battery clock. */
uint64_t arch_wall_seconds(void);

#endif
