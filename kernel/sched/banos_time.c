/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver ABI's clock: <banos/time.h>. */
#include <banos/export.h>
#include <banos/time.h>
#include <sched/clock.h>

uint64_t banos_time_mono_ns(void)
{
	return clock_mono_ns();
}
BANOS_EXPORT(banos_time_mono_ns);
