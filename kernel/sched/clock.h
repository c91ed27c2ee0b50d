/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks, in nanoseconds. Context: any. */
#ifndef SCHED_CLOCK_H
#define SCHED_CLOCK_H

#include <base/types.h>

/* Since boot; never steps back, on no processor. */
nsec_t clock_mono_ns(void);
/* Since 1970-01-01 UTC. */
nsec_t clock_wall_ns(void);
void clock_wall_set(nsec_t now);
/*
 * Keep this page, which programs see, true from now on: once, at boot. It needs the battery clock,
 * so it is for a thread, not for early boot.
 */
struct clock_page;
void clock_share(struct clock_page *page);
/* Name of the hardware counter in use: "tsc", "hpet", "acpi_pm". */
const char *clock_source_name(void);
/* Busy-wait at least this long. */
void clock_delay_ns(nsec_t ns);

#endif
