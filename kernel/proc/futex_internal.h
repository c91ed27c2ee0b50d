/* SPDX-License-Identifier: BSD-2-Clause */
/* Between futex.c and futex_pi.c: keys, buckets, waiters. */
#ifndef PROC_FUTEX_INTERNAL_H
#define PROC_FUTEX_INTERNAL_H

#include <base/spinlock.h>
#include <lib/list.h>
#include <proc/futex.h>

struct futex_pi;
struct thread;
struct vm_object;

/* What a word is known by. Equal keys: the same word. */
struct futex_key {
	struct vm_object *object; /* with a reference; NULL: private memory */
	const void *where;	  /* the object, or the address space */
	uint64_t offset;	  /* in it; bit 0: private memory, asked for as shared */
};

struct futex_bucket {
	struct spinlock lock; /* FUTEX */
	struct list waiters;  /* [lock] real-time threads by priority, then the others; by age */
} __attribute__((aligned(32)));

/* One thread's wait on one word, on its stack. */
struct futex_waiter {
	struct list link;	     /* [bucket->lock] */
	struct futex_bucket *bucket; /* [a] on whose list it is; NULL: woken. Changes under lock */
	struct thread *thread;	     /* [I] */
	struct futex_key key;	     /* [bucket->lock] */
	uint32_t bitset;	     /* [I] */
	struct futex_pi *pi;	     /* [I] the lock it waits for, or NULL */
};

int futex_key_get(uaddr_t addr, bool private, bool write, struct futex_key *k);
void futex_key_put(struct futex_key *k);
bool futex_key_equal(const struct futex_key *a, const struct futex_key *b);
struct futex_bucket *futex_bucket_of(const struct futex_key *k);

/* The word, without sleeping; false: it must be faulted in first (futex_fault_in). */
bool futex_peek(uaddr_t addr, uint32_t *value);
/* Compare and exchange without sleeping; false likewise. */
bool futex_try_change(uaddr_t addr, uint32_t expect, uint32_t value, uint32_t *was);
/* 0 or -EFAULT. */
int futex_fault_in(uaddr_t addr, bool write);

/* Put w on the list of its key's bucket, which is locked. */
void futex_queue_locked(struct futex_bucket *b, struct futex_waiter *w);
/* Take w off: true if it was on a list; false: somebody has woken it, and is done with it. */
bool futex_unqueue(struct futex_waiter *w);
/* Wake w, which is on b's locked list: true if it was still waiting. */
bool futex_wake_locked(struct futex_bucket *b, struct futex_waiter *w);
/* Sleep until woken, the deadline or a signal: 0, -ETIMEDOUT, -EINTR. After wait_begin. */
int futex_sleep(const struct futex_deadline *d);

#endif
