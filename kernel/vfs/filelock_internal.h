/* SPDX-License-Identifier: BSD-2-Clause */
/* Between filelock.c and record_lock.c. */
#ifndef VFS_FILELOCK_INTERNAL_H
#define VFS_FILELOCK_INTERNAL_H

#include "filelock.h"
#include <base/spinlock.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <sched/blocker.h>
#include <sched/epoch.h>

struct text;

/* What one file description holds by flock(2). */
struct flock {
	enum flock_type type; /* [locks->lock] never FLOCK_NONE */
	int32_t pid;	      /* [I] of who asked for it */
	struct list link;     /* [locks->lock] in locks->flocks */
};

/* One locked range. Those of one owner do not overlap. */
struct record_range {
	struct rb_node node; /* [locks->lock] in owner->ranges */
	uint64_t start, end;
	int32_t pid;
	enum flock_type type;
	struct record_range *next; /* of ranges that are to be freed, or at hand */
};

/* All that one owner has locked in one inode; never empty while it is in the tree. */
struct record_owner {
	struct rb_node node;   /* [locks->lock] in locks->owners */
	uint64_t owner;	       /* [I] */
	struct rb_root ranges; /* [locks->lock] by position */
};

/* Everything that is locked in one inode. */
struct file_locks {
	struct spinlock lock;	    /* FILE_LOCKS */
	struct inode *inode;	    /* [I] whose this is */
	struct list all;	    /* [FILE_LOCK_LIST] for /proc/locks */
	struct list flocks;	    /* [lock] */
	uint32_t flock_shared;	    /* [lock] how many are shared ... */
	uint32_t flock_exclusive;   /* [lock] ... and exclusive: together all of flocks */
	struct blocker flock_wait;  /* woken when one goes */
	struct rb_root owners;	    /* [lock] of record locks, by owner */
	struct list record_waiters; /* [lock] struct record_waiter, for /proc/locks */
	struct blocker record_wait; /* BLOCKER_OUTER; woken with the range that became free */
	struct epoch_head epoch;    /* the blockers' memory */
};

/* The inode's, made if there is none yet. NULL: no memory. */
struct file_locks *file_locks_get(struct inode *inode);
/* The inode's if it has any. */
struct file_locks *file_locks_of(const struct inode *inode);

/* Lines of /proc/locks, numbered from *id on. Holds: locks->lock. */
void record_locks_show(struct file_locks *locks, struct text *out, unsigned *id);
void file_lock_show_line(struct text *out, unsigned id, bool waits, const char *kind,
			 enum flock_type type, int32_t pid, const struct inode *inode,
			 uint64_t start, uint64_t end);

#endif
