/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Within sched/: waiting awake for a sleeping lock. Between begin and end preemption is off,
 * messages of other processors are served without an interrupt, and owners that are read do not
 * vanish: threads are freed after a grace period.
 */
#ifndef SCHED_LOCK_SPIN_H
#define SCHED_LOCK_SPIN_H

#include "message_internal.h"

#include <arch/cpu.h>
#include <sched/thread.h>

/* Locks of drivers that may be owned by a thread that has ended: somebody broke the rules. */
extern bool spin_drivers_not;

/*
 * Is it likely to be short? The owner (NULL: the lock was just let go) runs on another processor,
 * so that it goes on towards its unlock, nobody waits for this one, and no signal is to end the
 * wait.
 */
static inline bool spin_is_worth(const struct thread *owner, unsigned how)
{
	return (!owner ||
		(owner != current() && __atomic_load_n(&owner->on_cpu, __ATOMIC_RELAXED))) &&
	       !READ_ONCE(this_cpu()->need_resched) && !thread_interrupted(how);
}

static inline bool spin_is_allowed(uint16_t class)
{
	return class != LOCK_DRIVER_MUTEX || !READ_ONCE(spin_drivers_not);
}

static inline void spin_begin(void)
{
	preempt_disable();
	message_attend();
}

static inline void spin_pause(void)
{
	message_serve();
	cpu_relax();
}

static inline void spin_end(void)
{
	message_leave();
	preempt_enable();
}

#endif
