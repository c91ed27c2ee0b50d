/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for events of many files at once. A file's poll operation names the blockers whose
 * wake-ups may change its state; who waits hangs a node on each.
 *
 * A blocker that is given to poll_wait() must be of class BLOCKER_OUTER
 * (blocker_init_class(b, LOCK_BLOCKER_OUTER)), because the wake function takes another one. Who
 * wakes it passes the EPOLL* bits that may have become true as the key (0: any).
 */
#ifndef VFS_POLL_H
#define VFS_POLL_H

#include "file.h"

#include <base/types.h>
#include <linux/eventpoll.h> /* EPOLL*: poll(2) has the same values */
#include <sched/blocker.h>

struct poll_table {
	/* Called by poll_wait: poll's hangs a node on the blocker, epoll's its listener. */
	void (*queue)(struct poll_table *pt, struct blocker *b);
};

/* For poll operations. pt may be NULL. */
static inline void poll_wait(struct poll_table *pt, struct blocker *b)
{
	if (pt)
		pt->queue(pt, b);
}

/* One wait of one thread on many files. */
struct poll_entry {
	struct blocker_node node;
	struct poll_waiter *waiter;
};

#define POLL_ENTRIES_INLINE 8

struct poll_waiter {
	struct poll_table table;
	struct blocker wake; /* the thread sleeps here */
	uint32_t triggered;  /* [a] some blocker woke since the last look */
	int error;	     /* -ENOMEM: a node could not be had */
	unsigned used;	     /* of entries[] */
	struct poll_entry entries[POLL_ENTRIES_INLINE];
	struct poll_chunk *more; /* further nodes */
};

void poll_waiter_init(struct poll_waiter *w);
/* Takes all nodes off: before the references to the files are dropped. */
void poll_waiter_done(struct poll_waiter *w);
/* Until some blocker woke since the last call: 0, -ETIMEDOUT, -EINTR. */
int poll_waiter_sleep(struct poll_waiter *w, nsec_t deadline);

/* The events of a file; pt may be NULL. */
static inline unsigned file_poll(struct file *f, struct poll_table *pt)
{
	return f->ops->poll ? f->ops->poll(f, pt) : EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

/*
 * Looks at files: how many have wanted events, or an error, which ends the wait. With a table,
 * calls file_poll() with it until it has found the first.
 */
typedef int (*poll_look_fn)(void *ctx, struct poll_table *pt);
/* Until a look finds something: what it returned, 0 at the deadline, -EINTR, -ENOMEM. The caller
 * holds the files. */
int poll_until(poll_look_fn look, void *ctx, nsec_t deadline);

#endif
