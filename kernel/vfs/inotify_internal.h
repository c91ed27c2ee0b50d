/* SPDX-License-Identifier: BSD-2-Clause */
/* Between inotify.c and inotify_queue.c. The head comment of inotify.c describes these. */
#ifndef VFS_INOTIFY_INTERNAL_H
#define VFS_INOTIFY_INTERNAL_H

#include "file.h"
#include "inotify.h"
#include "poll.h"
#include <lib/rbtree.h>

#define INOTIFY_QUEUE_MAX 16384 /* events of one instance */

struct event {
	struct list link; /* [in->lock] */
	int32_t number;
	uint32_t mask, cookie;
	uint32_t len; /* of the name; 0: none */
	char name[];
};

struct inotify {
	struct mutex mutex;	/* INOTIFY */
	struct rb_root numbers; /* [mutex] */
	struct rb_root inodes;	/* [mutex] */
	int32_t last_number;	/* [mutex] */
	struct user *user;	/* [I] who pays; a reference */
	struct spinlock lock;	/* NOTIFY_QUEUE */
	struct list events;	/* [lock] */
	uint32_t count;		/* [lock; a] */
	bool overflowed;	/* [lock] the overflow event is in the queue */
	struct list dead;	/* [lock] watches */
	struct blocker wait;
	struct epoch_head epoch; /* the blocker, and who is about to leave a list's lock */
	struct event overflow;	 /* no allocation may fail for it */
};

/* Put an event at the end, or nothing if the last one says the same. Context: any of process. */
void inotify_queue(struct inotify *in, int32_t number, uint32_t mask, uint32_t cookie,
		   const char *name, size_t len);
void inotify_event_free(struct inotify *in, struct event *e);

/* Operations of the file that only look at the queue. */
ssize_t inotify_read(struct file *f, struct iter *it, off64_t *pos);
unsigned inotify_poll(struct file *f, struct poll_table *pt);
int64_t inotify_ioctl(struct file *f, unsigned cmd, uint64_t arg);

#endif
