/* SPDX-License-Identifier: BSD-2-Clause */
#include "stats.h"

#include "spinlock.h"

static struct spinlock lock = SPINLOCK_INIT(LOCK_STATS);
static struct list nodes = LIST_INIT(nodes);

void stats_add(struct stats_node *n)
{
	spin_lock(&lock);
	list_add_tail(&n->link, &nodes);
	spin_unlock(&lock);
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
