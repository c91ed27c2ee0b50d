/* SPDX-License-Identifier: BSD-2-Clause */
/* Between epoll.c and epoll_nest.c. The head comment of epoll.c describes the life of these. */
#ifndef VFS_EPOLL_INTERNAL_H
#define VFS_EPOLL_INTERNAL_H

#include "epoll.h"
#include "file.h"
#include "poll.h"
#include <lib/list.h>
#include <lib/rbtree.h>

struct epoll_item;

/* Our listener on one blocker of a watched file. */
struct epoll_node {
	struct blocker_node node;
	struct epoll_item *item; /* [I] */
	struct epoll_node *next; /* [ep->lock] of item->more */
};

#define EPOLL_NODES_INLINE 2

/* One interest of an instance. */
struct epoll_item {
	struct rb_node node; /* [ep->lock] in ep->items */
	struct epoll *ep;    /* [I] */
	struct file *file;   /* [I] not counted: it cannot go without epoll_file_closed() */
	int fd;		     /* [I] */
	uint32_t events;     /* [ep->lock and ep->ready_lock] */
	uint64_t data;	     /* [ep->lock] */
	struct list watcher; /* [file->lock] in file->watchers */
	struct list ready;   /* [ep->ready_lock] in ep->ready, or empty */
	bool hit;	     /* [ep->ready_lock] woken while it was there */
	struct list nested;  /* [epoll_nest_lock] in ep->nested, if the file is an instance */
	struct epoll_node few[EPOLL_NODES_INLINE]; /* [ep->lock] used ones first */
	unsigned nodes;				   /* [ep->lock] of few */
	struct epoll_node *more;		   /* [ep->lock] */
};

struct epoll {
	uint32_t refs;		    /* [a] its file, and whoever removes a closed file from it */
	struct user *user;	    /* [I] whose limit counts the items; a reference */
	struct mutex lock;	    /* EPOLL: the items, and one scan at a time */
	struct rb_root items;	    /* [lock] by file and number */
	struct spinlock ready_lock; /* EPOLL_READY */
	struct list ready;	    /* [ready_lock, and lock but for appending] may have events */
	struct blocker wait;	    /* threads in epoll_wait */
	struct blocker poll_wait;   /* who polls this instance (BLOCKER_OUTER) */
	struct file *file;	    /* [I] the open file that this is */
	struct list nested;	    /* [epoll_nest_lock] items that watch an instance */
	uint64_t visit;		    /* [epoll_nest_lock] walk that was here last ... */
	unsigned visit_value;	    /* ... and what it found */
	uint64_t checked;	    /* [epoll_nest_lock] walk that has compared it */
	struct epoch_head epoch;    /* the blockers' memory */
};

/* Held while an edge between two instances is made or removed. */
extern struct mutex epoll_nest_lock;

/* May `ep` watch `inner`? 0 or -ELOOP. Holds: epoll_nest_lock. */
int epoll_nest_check(struct epoll *ep, struct epoll *inner);
/* With the new edge in place: -EINVAL if one event could now wake too much. Same lock. */
int epoll_nest_check_paths(struct epoll *inner);

#endif
