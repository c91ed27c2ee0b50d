/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"

#include "spinlock.h"

static struct spinlock lock = SPINLOCK_INIT(LOCK_STATS);
static struct list nodes = LIST_INIT(nodes);

void stats_add(struct stats_node *n)
{
	n->refs = 1;
	spin_lock(&lock);
	list_add_tail(&n->link, &nodes);
	spin_unlock(&lock);
}

void stats_remove(struct stats_node *n)
{
	spin_lock(&lock);
	list_del(&n->link);
	__atomic_store_n(&n->gone, true, __ATOMIC_RELEASE);
	spin_unlock(&lock);
	stats_put(n);
}

struct stats_node *stats_get(struct stats_node *n)
{
	if (n->release)
		__atomic_add_fetch(&n->refs, 1, __ATOMIC_RELAXED);
	return n;
}

void stats_put(struct stats_node *n)
{
	if (n->release && __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) == 0)
		n->release(n);
}

int stats_for_each(int (*fn)(struct stats_node *n, void *ctx), void *ctx)
{
	struct stats_node *n;
	int r = 0;

	spin_lock(&lock);
	list_for_each_entry(n, &nodes, link) {
		r = fn(n, ctx);
		if (r)
			break;
	}
	spin_unlock(&lock);
	return r;
}
