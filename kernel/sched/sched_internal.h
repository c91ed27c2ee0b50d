/* SPDX-License-Identifier: BSD-2-Clause */
/* Hooks between the scheduler and its neighbours: arch glue and vm/. */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

struct cpu;
struct thread;

/* Called by interrupt entry on an idle processor, before anything is read. */
void sched_leave_idle(struct cpu *c);
/* Set once by vm/: load the address space of the thread that is switched to. */
extern void (*sched_switch_space_hook)(struct thread *next);

#endif
