/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The real-time interval timer of a process (alarm, setitimer): SIGALRM when it runs out. The timer
 * belongs to the process and is disarmed, for good, when the last thread goes.
 */
#include <lib/compiler.h>
#include <proc/process.h>
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
