/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCHED_BANOS_TIME_H
#define SCHED_BANOS_TIME_H

#include <base/types.h>

/* From a time-out of the driver ABI to a deadline; BANOS_FOREVER gives NEVER. */
nsec_t banos_deadline(uint64_t timeout_ns);

#endif
