/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instances that watch instances: no cycles, no deep chains, no fans of wake-ups.
 *
 * The edges form a directed graph: down from an instance over ep->nested, up over the watchers of
 * its file. Both are walked under epoll_nest_lock, which every change of an edge holds. A walk
 * marks where it has been with its number and remembers the result there, so it is linear in the
 * edges however many paths there are; its depth is bounded because the graph was checked at
 * every edge before.
 */
#include "epoll_internal.h"

#include <lib/errno.h>

#define DEPTH_MAX 4   /* edges in a chain; Linux has the same */
#define PATHS_MAX 100 /* ways up from one instance: each is a wake-up per event */

struct mutex epoll_nest_lock = MUTEX_INIT(LOCK_EPOLL_NEST);

static uint64_t last_visit; /* [epoll_nest_lock] */

typedef unsigned (*measure_fn)(struct epoll *ep);

/* Visit ep once a walk: measure it, or remember. */
static unsigned visit(struct epoll *ep, measure_fn measure)
{
	if (ep->visit != last_visit) {
		ep->visit = last_visit;
		ep->visit_value = 0;
		ep->visit_value = measure(ep);
	}
	return ep->visit_value;
}

static unsigned depth_below(struct epoll *ep)
{
	struct epoll_item *it;
	unsigned depth = 0;

	list_for_each_entry(it, &ep->nested, nested)
		depth = max(depth, 1 + visit(it->file->priv, depth_below));
	return depth;
}

/* The watchers of an instance's file are edges themselves, so the nest lock holds them still. */
static unsigned depth_above(struct epoll *ep)
{
	struct epoll_item *it;
	unsigned depth = 0;

	list_for_each_entry(it, &ep->file->watchers, watcher)
		depth = max(depth, 1 + visit(it->ep, depth_above));
	return depth;
}

static unsigned paths_above(struct epoll *ep)
{
	struct epoll_item *it;
	unsigned paths = 0;

	list_for_each_entry(it, &ep->file->watchers, watcher)
		paths = min(paths + 1 + visit(it->ep, paths_above), PATHS_MAX + 1U);
	return paths;
}

int epoll_nest_check(struct epoll *ep, struct epoll *inner)
{
	unsigned depth;

	last_visit++;
	depth = depth_below(inner);
	/* Reached from there, or itself: the new edge would close a circle. */
	if (ep == inner || ep->visit == last_visit)
		return -ELOOP;
	last_visit++;
	return depth + 1 + depth_above(ep) > DEPTH_MAX ? -ELOOP : 0;
}

/* True if ep or an instance below it has too many ways up. */
static bool too_many(struct epoll *ep)
{
	struct epoll_item *it;

	if (ep->checked == last_visit)
		return false;
	ep->checked = last_visit;
	if (visit(ep, paths_above) > PATHS_MAX)
		return true;
	list_for_each_entry(it, &ep->nested, nested)
		if (too_many(it->file->priv))
			return true;
	return false;
}

int epoll_nest_check_paths(struct epoll *inner)
{
	last_visit++;
	return too_many(inner) ? -EINVAL : 0;
}
