/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing the scheduler up (init/main.c, arch). */
#ifndef SCHED_BOOT_H
#define SCHED_BOOT_H

#include <base/percpu.h>

/* Run queue, timers, message slots and idle thread of a processor; 0 or -ENOMEM. */
int sched_cpu_prepare(struct cpu *c);
/* Run queue of the first processor; threads can be created from here on. */
void sched_init(void);
/* Leave the boot context and start scheduling on the first processor. */
_Noreturn void sched_begin(void);
/* For ever: run what there is, else halt. */
_Noreturn void sched_idle_loop(void);

#endif
