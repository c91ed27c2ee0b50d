/* SPDX-License-Identifier: BSD-2-Clause */
/* What a process knows of the tree of names: root, working directory, umask. */
#ifndef VFS_FS_CONTEXT_H
#define VFS_FS_CONTEXT_H

#include <base/spinlock.h>
#include "path.h"
#include <sched/epoch.h>

struct fs_context {
	uint32_t users;	      /* [a] threads that have it */
	uint32_t refs;	      /* [a] one for them all, and those who look at another's */
	uint32_t umask;	      /* [a] */
	uint32_t seq;	      /* [a] written under lock; odd while root or cwd changes */
	struct spinlock lock; /* FS_CONTEXT */
	struct path root;     /* [lock; readers under epoch, by seq] */
	struct path cwd;      /* [lock; readers under epoch, by seq] */
	struct epoch_head epoch;
};

/* Root and working directory at the root of the first mount, umask 022. NULL: no memory. */
struct fs_context *fs_context_create(void);
/* A private copy (fork without CLONE_FS, unshare). NULL: no memory. */
struct fs_context *fs_context_clone(struct fs_context *from);
/* One thread more, or less, that has it. NULL may leave. */
struct fs_context *fs_context_join(struct fs_context *fs);
void fs_context_leave(struct fs_context *fs);
/* For readers of other threads, under epoch: a reference, unless the last one is already gone. */
bool fs_context_try_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs); /* NULL is allowed */

/* Counted copies; fs may be NULL for kernel threads: the root of the first mount. */
struct path fs_context_root(struct fs_context *fs);
struct path fs_context_cwd(struct fs_context *fs);
/* The same as they are now, without references; fs not NULL. Context: any, under epoch. */
struct path fs_context_peek_root(const struct fs_context *fs);
struct path fs_context_peek_cwd(const struct fs_context *fs);
/* These take over the caller's reference. */
void fs_context_set_root(struct fs_context *fs, struct path p);
void fs_context_set_cwd(struct fs_context *fs, struct path p);
/* The context of the calling thread; NULL for kernel threads. */
struct fs_context *fs_context_current(void);

#endif
