/* SPDX-License-Identifier: MIT */
/* Clocks. All time in the ABI is in nanoseconds. */
#ifndef BANOS_TIME_H
#define BANOS_TIME_H

#include <banos/types.h>

BANOS_API_BEGIN

/* Nanoseconds since boot; never steps back. Context: any. Since 0.9. */
uint64_t banos_time_mono_ns(void);

BANOS_API_END

#endif
