/* SPDX-License-Identifier: BSD-2-Clause */
/* Within sched/: when who wants a sleeping lock waits for it awake. */
#ifndef SCHED_LOCK_SPIN_H
#define SCHED_LOCK_SPIN_H

#include <arch/cpu.h>
#include <sched/thread.h>

/*
 * One look at an owner, or at NULL when the lock was just let go. It runs on another processor, so
 * that it goes on towards its unlock, and nobody waits for this processor. The owner may have let
 * go and ended meanwhile: threads are freed after a grace period, and the caller is in a read
 * section since before it read the pointer.
 */
static inline bool spin_is_worth(const struct thread *owner)
{
	return (!owner || __atomic_load_n(&owner->on_cpu, __ATOMIC_RELAXED)) &&
	       !READ_ONCE(this_cpu()->need_resched);
}

#endif
