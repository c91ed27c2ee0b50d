/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks, in nanoseconds. Context: any. */
#ifndef SCHED_CLOCK_H
#define SCHED_CLOCK_H

#include <base/types.h>
#include <lib/list.h>

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
/* The monotonic time at which the wall clock will show `at`, as it is set now; NEVER stays. */
nsec_t clock_wall_deadline(nsec_t at);

/*
 * Who waits for a time of the wall clock: `changed` is called when it begins to watch and whenever
 * the clock has been set, in order to arm its timer. Context: any; CLOCK_WATCH is held.
 */
struct clock_watcher {
	struct list link; /* [CLOCK_WATCH] */
	void (*changed)(struct clock_watcher *w);
};
void clock_watch(struct clock_watcher *w);
/* After this `changed` is not called, nor running. Nothing happens if w, initialised, does not
 * watch. */
void clock_unwatch(struct clock_watcher *w);

/* Name of the hardware counter in use: "tsc", "hpet", "acpi_pm". */
const char *clock_source_name(void);
/* Busy-wait at least this long. */
void clock_delay_ns(nsec_t ns);

#endif
