/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files that travel with messages: lists of references.
 *
 * Putting the last reference to a socket purges its queue, which puts files, which may be sockets
 * with queues, to any depth a program likes to build. So putting is made flat: the first
 * net_rights_put of a thread works on a list of its own, and those that it causes, which run
 * inside it on the same stack, only add to that list.
 */
#include "socket.h"

#include <base/percpu.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <vfs/file.h>

void net_rights_put(struct net_rights *r)
{
	struct thread *t = current();
	struct list mine = LIST_INIT(mine);

	if (!r)
		return;
	if (t->closing_rights) {
		list_add_tail(&r->link, t->closing_rights);
		return;
	}
	list_add_tail(&r->link, &mine);
	t->closing_rights = &mine;
	while (!list_empty(&mine)) {
		r = list_first_entry(&mine, struct net_rights, link);
		list_del(&r->link);
		for (uint32_t i = 0; i < r->count; i++)
			file_put(r->files[i]);
		kfree(r);
	}
	t->closing_rights = NULL;
}

struct net_rights *net_rights_clone(const struct net_rights *r)
{
	struct net_rights *n = kmalloc(sizeof(*n));

	if (!n)
		return NULL;
	n->count = r->count;
	for (uint32_t i = 0; i < r->count; i++)
		n->files[i] = file_get(r->files[i]);
	return n;
}
