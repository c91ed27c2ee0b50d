/* SPDX-License-Identifier: BSD-2-Clause */
/* Within sched/: the parts of a blocker from which mutexes are made. */
#ifndef SCHED_BLOCKER_INTERNAL_H
#define SCHED_BLOCKER_INTERNAL_H

#include <sched/blocker.h>
#include <sched/thread.h>

/* The caller holds b->lock. After unlink the owner is let go by storing NULL to n->blocker. */
void blocker_link_locked(struct blocker *b, struct blocker_node *n);
void blocker_unlink_locked(struct blocker *b, struct blocker_node *n);
/* End t's wait: true if we were the one. Context: any. */
bool wait_finish(struct thread *t, enum wait_state end);
/* wait_begin() with a spinlock still held. */
void wait_prepare(unsigned how);
/* The function of every thread's sleep_timer. */
void thread_sleep_timer(struct timer *timer);

#endif
