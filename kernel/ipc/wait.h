/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for others to change an object. Who changes it also does what the waiter was waiting to
 * do, in the order in which waiters came, and tells it the result: a waiter does not look again,
 * and nobody can be faster than one who was told.
 *
 *	wait_begin(WAIT_INTERRUPTIBLE);
 *	spin_lock(lock);
 *	... if nothing can be done: ipc_waiter_init(&w), put w.link on a list,
 *	r = ipc_wait(lock, &w, deadline);	(otherwise wait_end())
 *
 * The waiter is on its thread's stack: it is touched under the lock only, which the thread takes
 * before it goes on.
 */
#ifndef IPC_WAIT_H
#define IPC_WAIT_H

#include <base/spinlock.h>
#include <lib/list.h>
#include <sched/blocker.h>
#include <sched/thread.h>

#define IPC_WAITING 1 /* no result yet */

struct ipc_waiter {
	struct list link;      /* [lock] */
	struct thread *thread; /* [I] */
	int status;	       /* [lock] IPC_WAITING, or the result: 0 or -errno */
};

static inline void ipc_waiter_init(struct ipc_waiter *w)
{
	list_init(&w->link);
	w->thread = current();
	w->status = IPC_WAITING;
}

/* It has its result: off its list. */
static inline void ipc_waiter_end(struct ipc_waiter *w, int status)
{
	list_del(&w->link);
	w->status = status;
	thread_wake_wait(w->thread);
}

/* Off its list because the sleep ended by itself, with r. A result that came meanwhile counts. */
static inline int ipc_waiter_leave(struct ipc_waiter *w, int r)
{
	if (w->status != IPC_WAITING)
		return w->status;
	list_del(&w->link);
	return r;
}

/* Holds lock, as it does again afterwards. The result, -ETIMEDOUT, -EINTR. */
static inline int ipc_wait(struct spinlock *lock, struct ipc_waiter *w, nsec_t deadline)
{
	int r;

	spin_unlock(lock);
	r = wait_sleep(deadline);
	spin_lock(lock);
	return ipc_waiter_leave(w, r);
}

#endif
