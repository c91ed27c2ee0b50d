/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' timers as the kernel sees them. */
#ifndef SCHED_BANOS_TIMER_H
#define SCHED_BANOS_TIMER_H

#include <base/types.h>

/*
 * Destroy every timer whose function lies in [start, start + size): what a driver forgot.
 * Returns how many there were. No code there may run any more. Context: process.
 */
unsigned banos_timers_release(uintptr_t start, size_t size);

#endif
