/* SPDX-License-Identifier: BSD-2-Clause */
/* One-shot timers on the monotonic clock, run in interrupt context on the arming processor. */
#ifndef SCHED_TIMER_H
#define SCHED_TIMER_H

#include <base/types.h>
#include <lib/rbtree.h>

struct cpu;

struct timer {
	struct rb_node node; /* [queue lock] */
	nsec_t deadline;     /* [queue lock] absolute */
	void (*fn)(
		struct timer *t); /* [I] hard interrupt context; may arm t again; may not free it */
	struct cpu *cpu;	  /* [a] whose queue it is or was on */
	uint32_t armed;		  /* [queue lock] */
};

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* (Re)arm; a past deadline fires at once (as an interrupt). Context: any. */
void timer_arm(struct timer *t, nsec_t deadline);
/* Disarm without waiting: true if it was armed, so that fn will not run for this arming. */
bool timer_cancel(struct timer *t);
/* Disarm, and wait for a running fn to end. Not from fn itself, and holding no lock fn takes. */
bool timer_cancel_sync(struct timer *t);

#endif
