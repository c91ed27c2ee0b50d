/* SPDX-License-Identifier: MIT */
/* Clocks and pauses. All time in the ABI is in nanoseconds. Interface "banos.core". */
#ifndef BANOS_TIME_H
#define BANOS_TIME_H

#include <banos/types.h>

BANOS_API_BEGIN

/* Nanoseconds since boot; never steps back. Context: any. Since 0.9. */
uint64_t banos_time_mono_ns(void);
/* Nanoseconds since 1970-01-01 UTC; steps when the clock is set. Context: any. Since 0.9. */
uint64_t banos_time_wall_ns(void);

/* The longest pause that banos_delay_ns makes. */
#define BANOS_DELAY_MAX 1000000u
/* Keep the processor busy for at least so long, at most BANOS_DELAY_MAX. Context: any. Since 0.9.
 */
void banos_delay_ns(uint64_t ns);
/*
 * Sleep for at least so long. flags: BANOS_WAIT_INTERRUPTIBLE (sync.h). 0; -EINTR; -EINVAL for an
 * unknown flag. Context: may sleep. Since 0.9.
 */
int32_t banos_sleep_ns(uint64_t ns, uint32_t flags);

BANOS_API_END

#endif
