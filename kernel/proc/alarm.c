/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interval timers of a process (alarm, setitimer): SIGALRM when real time runs out, SIGVTALRM
 * and SIGPROF for processor time in user mode and altogether. They belong to the process and are
 * disarmed, for good, when the last thread goes.
 */
#include "proc_internal.h"

#include <lib/compiler.h>
#include <sched/clock.h>

#include <asm/signal.h>

#define SHORTEST 100000 /* ns between two signals of one timer */

static void fire(struct timer *t)
{
	struct process *p = container_of(t, struct process, alarm);
	nsec_t interval, now, next;

	signal_send_process(p, SIGALRM, NULL);
	interval = READ_ONCE(p->alarm_interval);
	if (!interval)
		return;
	/* The next multiple that is still to come, but not before the processor gets something
	 * done. */
	now = clock_mono_ns();
	next = t->deadline + ((now - t->deadline) / interval + 1) * interval;
	timer_arm(t, max(next, now + SHORTEST));
}

void process_alarm_init(struct process *p)
{
	timer_init(&p->alarm, fire);
}

void process_alarm_get(struct process *p, nsec_t *value, nsec_t *interval)
{
	nsec_t now = clock_mono_ns(), deadline = READ_ONCE(p->alarm.deadline);

	*interval = READ_ONCE(p->alarm_interval);
	*value = !READ_ONCE(p->alarm.armed) ? 0 : deadline > now ? deadline - now : 1000;
}

void process_alarm_set(struct process *p, nsec_t value, nsec_t interval, nsec_t *old_value,
		       nsec_t *old_interval)
{
	nsec_t deadline;

	process_alarm_get(p, old_value, old_interval);
	WRITE_ONCE(p->alarm_interval, 0); /* a fire in progress does not arm it again */
	timer_cancel_sync(&p->alarm);
	if (!value)
		return;
	WRITE_ONCE(p->alarm_interval, interval);
	if (!add_overflow(value, clock_mono_ns(), &deadline))
		timer_arm(&p->alarm, deadline);
}

/* --- processor time -------------------------------------------------------------------------- */

static void cpu_fire(struct cpu_timer *c)
{
	struct cpu_alarm *a = container_of(c, struct cpu_alarm, timer);
	nsec_t now, next;

	signal_send_locked(c->process, NULL, c->kind == CPU_CLOCK_USER ? SIGVTALRM : SIGPROF, NULL);
	if (!a->interval)
		return;
	now = cpu_clock_read_locked(c->process, NULL, c->kind);
	next = c->expires + ((now - c->expires) / a->interval + 1) * a->interval;
	cpu_timer_arm_locked(c, next);
}

void process_cpu_alarms_init(struct process *p)
{
	cpu_timer_init(&p->cpu_alarms[CPU_CLOCK_USER].timer, p, NULL, CPU_CLOCK_USER, cpu_fire);
	cpu_timer_init(&p->cpu_alarms[CPU_CLOCK_TOTAL].timer, p, NULL, CPU_CLOCK_TOTAL, cpu_fire);
}

static void get_locked(struct process *p, enum cpu_clock_kind kind, nsec_t *value, nsec_t *interval)
{
	struct cpu_alarm *a = &p->cpu_alarms[kind];
	nsec_t now = cpu_clock_read_locked(p, NULL, kind);

	*interval = a->interval;
	*value = list_empty(&a->timer.link) ? 0
		 : a->timer.expires > now   ? a->timer.expires - now
					    : 1000;
}

void process_cpu_alarm_get(struct process *p, enum cpu_clock_kind kind, nsec_t *value,
			   nsec_t *interval)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	get_locked(p, kind, value, interval);
	spin_unlock_irq(&proc_tree_lock, irq);
}

void process_cpu_alarm_set(struct process *p, enum cpu_clock_kind kind, nsec_t value,
			   nsec_t interval, nsec_t *old_value, nsec_t *old_interval)
{
	struct cpu_alarm *a = &p->cpu_alarms[kind];
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	nsec_t expires;

	get_locked(p, kind, old_value, old_interval);
	cpu_timer_cancel_locked(&a->timer);
	a->interval = value ? interval : 0;
	if (value && !add_overflow(cpu_clock_read_locked(p, NULL, kind), value, &expires))
		cpu_timer_arm_locked(&a->timer, expires);
	spin_unlock_irq(&proc_tree_lock, irq);
}
