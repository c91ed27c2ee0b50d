/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grace periods: what is read without a lock is freed only after every processor that may still
 * be reading it has passed through a quiescent state (a context switch, idle, or a moment
 * with preemption enabled). A reader disables preemption; that is all.
 */
#ifndef SCHED_EPOCH_H
#define SCHED_EPOCH_H

#include <base/deferred.h>
#include <base/percpu.h>

/* A read section: nests, must not sleep. Context: any. */
static inline void epoch_enter(void)
{
	preempt_disable();
}
static inline void epoch_exit(void)
{
	preempt_enable();
}

/*
 * Call fn(head) in process context (a kernel thread) after a grace period. Calls that one processor
 * defers are made in that order.
 * Context: any; the caller may hold locks of classes before BLOCKER (a thread is woken).
 */
void epoch_defer(struct epoch_head *head, void (*fn)(struct epoch_head *head));
/* kfree the block that holds `head` at the given offset, after a grace period. */
void epoch_kfree(struct epoch_head *head, size_t offset);
#define kfree_deferred(p, member) epoch_kfree(&(p)->member, offsetof(__typeof__(*(p)), member))
/* Wait for a whole grace period. Context: process. */
void epoch_wait(void);
/* Wait until everything deferred before the call has run. Context: process. */
void epoch_barrier(void);
/* Memory is short: deferred calls shall run at once. True if there are any. Context: as
 * epoch_defer. */
bool epoch_hurry(void);
/* How many grace periods have begun. */
uint64_t epoch_periods(void);

#endif
