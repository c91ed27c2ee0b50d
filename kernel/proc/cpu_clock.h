/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processor time as a clock, and timers on it: what clock_gettime, timer_create, setitimer and
 * RLIMIT_CPU count by. See cpu_clock.c.
 */
#ifndef PROC_CPU_CLOCK_H
#define PROC_CPU_CLOCK_H

#include <base/types.h>
#include <lib/list.h>

struct process;
struct thread;

enum cpu_clock_kind { CPU_CLOCK_TOTAL, CPU_CLOCK_USER };

/* What p, or its thread t, has used. Context: any; nothing held. */
nsec_t cpu_clock_read(struct process *p, struct thread *t, enum cpu_clock_kind kind);

/* Sleep until the clock shows `at`: 0 or -EINTR. Context: process. */
int cpu_clock_sleep(struct process *p, struct thread *t, enum cpu_clock_kind kind, nsec_t at);

struct cpu_timer {
	struct list link;	  /* [PROC_TREE] in process->cpu_timers; empty: not armed */
	struct process *process;  /* [I] */
	struct thread *thread;	  /* [PROC_TREE] whose time; NULL: the process's */
	enum cpu_clock_kind kind; /* [I] */
	nsec_t expires;		  /* [PROC_TREE] of the clock */
	/* Not armed any more; may arm it again. PROC_TREE held, context: thread of the process. */
	void (*fire)(struct cpu_timer *c);
};

void cpu_timer_init(struct cpu_timer *c, struct process *p, struct thread *t,
		    enum cpu_clock_kind kind, void (*fire)(struct cpu_timer *c));
/* All with PROC_TREE held. Arming in the past fires soon. */
void cpu_timer_arm_locked(struct cpu_timer *c, nsec_t expires);
void cpu_timer_cancel_locked(struct cpu_timer *c);
nsec_t cpu_clock_read_locked(struct process *p, struct thread *t, enum cpu_clock_kind kind);

/* The current thread has used up what it was given until the next look. */
void cpu_timers_check(void);
/* The limit has changed, or a thread has been made. PROC_TREE held. */
void cpu_timers_changed_locked(struct process *p);
/* t leaves: its timers never fire. PROC_TREE held. */
void cpu_timers_leave_locked(struct process *p, struct thread *t);

#endif
