/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes: sleeping on words of user memory. These are the operations of futex(2) with their
 * arguments decoded; addresses are the program's, checked here. All: context process, no locks.
 *
 * private: the word is used by threads of this address space only (FUTEX_PRIVATE_FLAG).
 */
#ifndef PROC_FUTEX_H
#define PROC_FUTEX_H

#include <base/types.h>

struct thread;

/* When a wait ends by itself. */
struct futex_deadline {
	nsec_t at;     /* NEVER: it does not */
	bool realtime; /* of the wall clock, which may be set; else monotonic */
};

/* 0 when woken, -EAGAIN (the word is not `value`), -ETIMEDOUT, -EINTR, -EINVAL, -EFAULT. */
int futex_wait(uaddr_t addr, bool private, uint32_t value, const struct futex_deadline *d,
	       uint32_t bitset);
/* How many were woken (at least one is tried), -EINVAL, -EFAULT. */
int futex_wake(uaddr_t addr, bool private, int count, uint32_t bitset);
/*
 * Wake `wake` waiters of addr and let up to `requeue` others wait on addr2; only if the word at
 * addr is *expect (NULL: in any case), else -EAGAIN. How many were woken or moved.
 */
int futex_requeue(uaddr_t addr, uaddr_t addr2, bool private, int wake, int requeue,
		  const uint32_t *expect);
/* FUTEX_WAKE_OP, with the operation as futex(2) encodes it. How many were woken; -ENOSYS. */
int futex_wake_op(uaddr_t addr, uaddr_t addr2, bool private, int wake, int wake2, uint32_t op);

struct futex_wait_item {
	uaddr_t addr;
	uint32_t value;
	bool private;
};
/* Wait on several: the index of one that was woken, or an error as of futex_wait. */
int futex_wait_many(const struct futex_wait_item *items, unsigned n,
		    const struct futex_deadline *d);

/* --- locks with an owner (futex_pi.c): the word is TID | FUTEX_WAITERS | FUTEX_OWNER_DIED --- */
/*
 * Take it. 0, -EAGAIN (try, and it is taken), -EDEADLK (ours), -ESRCH (the owner is no thread),
 * -ETIMEDOUT, -EINTR, -EINVAL, -EFAULT.
 */
int futex_lock_pi(uaddr_t addr, bool private, bool try, const struct futex_deadline *d);
/* Give it to the most important waiter. 0, -EPERM (not ours), -EINVAL, -EFAULT. */
int futex_unlock_pi(uaddr_t addr, bool private);
/* The current thread ends or gives up its memory: what it holds goes to those who wait. */
void futex_thread_leaves(void);
/* Another priority was given to t: lend it on, if t waits for such a lock. */
void futex_priority_changed(struct thread *t);

/* Compare and exchange the word; *was is what it held. 0 or -EFAULT. May sleep. */
int futex_change_word(uaddr_t addr, uint32_t expect, uint32_t value, uint32_t *was);

void futex_init(void);

#endif
