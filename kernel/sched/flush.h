/* SPDX-License-Identifier: BSD-2-Clause */
/* Dropping translations on other processors; flush.c says how. */
#ifndef SCHED_FLUSH_H
#define SCHED_FLUSH_H

#include <base/types.h>

/*
 * Entries of [start, end) in the tables of `space` have gone or lost rights. Returns when every
 * processor of `cpus` (who had it loaded after the entries changed) has dropped what it had of
 * them, or does not use the space and will drop it before it does.
 *
 * let_go: page tables are to be freed, too, so that the latter may not even have them loaded: they
 * call it with the space. NULL: none are. Context: process, no spinlock held.
 */
void flush_space(const unsigned long *cpus, void *space, uint64_t start, uint64_t end,
		 void (*let_go)(void *space));
/* The same for the kernel's addresses, on all processors. */
void flush_kernel(uint64_t start, uint64_t end);

/*
 * This processor does not use the space it has loaded (it runs a kernel thread, or is idle); uses
 * it again; is about to load another. Interrupts off.
 */
void flush_lazy_begin(void);
void flush_lazy_end(void);
void flush_lazy_reload(void);

#endif
