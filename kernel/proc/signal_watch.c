/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits for signals to arrive, blocked ones too (signalfd): a blocker that belongs to a process
 * and to the files that use it, and that is made when the first one does.
 */
#include "signal_internal.h"

#include <mem/slab.h>
#include <vfs/poll.h>

static struct signal_watch *create(void)
{
	struct signal_watch *w = kzalloc(sizeof(*w));

	if (w) {
		w->refs = 1; /* the process's */
		blocker_init_class(&w->arrived, LOCK_BLOCKER_OUTER);
	}
	return w;
}

struct signal_watch *signal_watch_get(void)
{
	struct process *p = process_current();
	struct signal_watch *w, *none = NULL;

	if (!p)
		return NULL;
	w = __atomic_load_n(&p->signals.watch, __ATOMIC_ACQUIRE);
	if (!w) {
		w = create();
		if (!w)
			return NULL;
		if (!__atomic_compare_exchange_n(&p->signals.watch, &none, w, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			kfree(w); /* another thread was faster */
			w = none;
		}
	}
	__atomic_fetch_add(&w->refs, 1, __ATOMIC_RELAXED);
	return w;
}

void signal_watch_put(struct signal_watch *w)
{
	if (w && __atomic_fetch_sub(&w->refs, 1, __ATOMIC_ACQ_REL) == 1)
		kfree_deferred(w, epoch);
}

void signal_watch_leave(struct process *p)
{
	struct signal_watch *w = p->signals.watch;

	if (w)
		WRITE_ONCE(w->left, true);
	signal_watch_put(w);
}

bool signal_watch_is_left(const struct signal_watch *w)
{
	return READ_ONCE(w->left) && !blocker_has_waiters(&w->arrived);
}

void signal_watch_wake(struct process *p)
{
	struct signal_watch *w = __atomic_load_n(&p->signals.watch, __ATOMIC_ACQUIRE);

	if (w)
		blocker_wake(&w->arrived, ~0U, EPOLLIN);
}
