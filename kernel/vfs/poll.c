/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread waiting on many files: the common part of poll and select.
 *
 * The first look at a file hangs one node of ours on every blocker it names; the nodes stay there
 * (BLOCKER_STAY) until the wait is over. A wake-up of any of them runs node_wake, which notes
 * that something happened and wakes the thread on a blocker of its own. The thread then looks at
 * the files again; only looks decide, so a spurious wake-up costs a look and nothing else, and an
 * event between a look and the sleep is not lost, because the node was there before the look.
 *
 * Locks: node_wake runs with the file's blocker locked (BLOCKER_OUTER) and takes ours (BLOCKER).
 */
#include "poll.h"

#include <lib/errno.h>
#include <mem/slab.h>

#define CHUNK_ENTRIES 80

/* Further nodes of a wait on many files. */
struct poll_chunk {
	struct poll_chunk *next;
	unsigned used;
	struct poll_entry entries[CHUNK_ENTRIES];
};

static bool node_wake(struct blocker_node *node, uintptr_t key)
{
	struct poll_waiter *w = container_of(node, struct poll_entry, node)->waiter;

	__atomic_store_n(&w->triggered, 1, __ATOMIC_RELEASE);
	blocker_wake_one(&w->wake);
	/* Does not use up a wake-up: others may be waiting to act, we only look. */
	return false;
}

static struct poll_entry *entry_new(struct poll_waiter *w)
{
	struct poll_chunk *c = w->more;

	if (w->used < POLL_ENTRIES_INLINE)
		return &w->entries[w->used++];
	if (!c || c->used == CHUNK_ENTRIES) {
		c = kmalloc(sizeof(*c));
		if (!c)
			return NULL;
		c->used = 0;
		c->next = w->more;
		w->more = c;
	}
	return &c->entries[c->used++];
}

static void waiter_queue(struct poll_table *pt, struct blocker *b)
{
	struct poll_waiter *w = container_of(pt, struct poll_waiter, table);
	struct poll_entry *e = entry_new(w);

	if (!e) {
		w->error = -ENOMEM;
		return;
	}
	e->waiter = w;
	blocker_node_init_fn(&e->node, node_wake, BLOCKER_STAY);
	blocker_add(b, &e->node);
}

void poll_waiter_init(struct poll_waiter *w)
{
	w->table.queue = waiter_queue;
	blocker_init(&w->wake);
	w->triggered = 0;
	w->error = 0;
	w->used = 0;
	w->more = NULL;
}

void poll_waiter_done(struct poll_waiter *w)
{
	for (unsigned i = 0; i < w->used; i++)
		blocker_remove(&w->entries[i].node);
	while (w->more) {
		struct poll_chunk *c = w->more;

		for (unsigned i = 0; i < c->used; i++)
			blocker_remove(&c->entries[i].node);
		w->more = c->next;
		kfree(c);
	}
}

int poll_waiter_sleep(struct poll_waiter *w, nsec_t deadline)
{
	int r = WAIT_UNTIL(&w->wake, __atomic_load_n(&w->triggered, __ATOMIC_ACQUIRE), deadline,
			   WAIT_INTERRUPTIBLE);

	__atomic_exchange_n(&w->triggered, 0, __ATOMIC_ACQ_REL);
	return r;
}

int poll_until(poll_look_fn look, void *ctx, nsec_t deadline)
{
	struct poll_waiter w;
	int count, r = 0;

	if (deadline == 0)
		return look(ctx, NULL);
	poll_waiter_init(&w);
	count = look(ctx, &w.table);
	while (!count && !w.error && !r) {
		r = poll_waiter_sleep(&w, deadline);
		count = look(ctx, NULL);
	}
	poll_waiter_done(&w);
	if (count)
		return count;
	if (w.error)
		return w.error;
	return r == -ETIMEDOUT ? 0 : r;
}
