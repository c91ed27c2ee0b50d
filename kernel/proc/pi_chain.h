/* SPDX-License-Identifier: BSD-2-Clause */
/* Between futex_pi.c and pi_chain.c: locks with an owner, their waiters, lent priorities. */
#ifndef PROC_PI_CHAIN_H
#define PROC_PI_CHAIN_H

#include "futex_internal.h"

#include <lib/rbtree.h>

/* One lock that somebody waits for. */
struct futex_pi {
	struct thread *owner;	     /* [FUTEX_PI] NULL: none, and no waiter that goes on waiting */
	struct rb_node held;	     /* [FUTEX_PI] in the owner's pi_held */
	unsigned priority;	     /* [FUTEX_PI] of the first waiter; the key in pi_held */
	struct rb_root waiters;	     /* [FUTEX_PI] by priority, then age */
	struct futex_bucket *bucket; /* [I] */
	unsigned count;		     /* [bucket->lock] waiters that have not left */
};

/* One thread's wait for one, on its stack. Its futex_waiter is on the bucket's list as well. */
struct pi_waiter {
	struct futex_waiter w;
	struct rb_node node; /* [FUTEX_PI] in w.pi->waiters */
	unsigned priority;   /* [FUTEX_PI] the key there */
	bool queued;	     /* [FUTEX_PI] it is there */
	bool died;	     /* [bucket->lock] the lock is ours, and its owner ended */
};

/* The bucket of the lock is locked in all of these, but for those that have a comment. */

/* Make the thread of this number the owner. 0, -ESRCH. */
int pi_attach_owner(struct futex_pi *pi, int32_t tid);
/* p waits for pi. 0; -EDEADLK: it would wait for itself. */
int pi_join(struct futex_pi *pi, struct pi_waiter *p);
/* p waits no longer; nothing happens if it has left already. */
void pi_leave(struct pi_waiter *p);
/* p waits no longer, and its thread is the owner. */
void pi_grant(struct pi_waiter *p);
/* pi has no owner. */
void pi_disown(struct futex_pi *pi);
/* Who is next; NULL: nobody. */
struct pi_waiter *pi_first_waiter(struct futex_pi *pi);
/*
 * The first lock that the current thread holds, and its bucket, which need not be locked: it may
 * be freed at once, so only compare it. NULL: none; and a thread that ends will own none again.
 */
struct futex_pi *pi_first_held(struct futex_bucket **bucket);

#endif
