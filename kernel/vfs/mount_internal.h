/* SPDX-License-Identifier: BSD-2-Clause */
/* Between mount.c and mount_move.c. The head comment of mount.c describes the tree. */
#ifndef VFS_MOUNT_INTERNAL_H
#define VFS_MOUNT_INTERNAL_H

#include "mount.h"
#include <sched/mutex.h>

extern struct mutex mount_tree_lock; /* MOUNT */
extern struct list mount_all;	     /* [mount_tree_lock] attached mounts, by age */
extern struct mount *mount_first;    /* [I] after vfs_init */

/* A mount of s showing root; takes over nothing. */
struct mount *mount_create(struct super *s, struct dentry *root, const char *source,
			   unsigned flags);

/* The rest: mount_tree_lock held. */
/* From begin to end the shape changes; what adds and removes does this itself. They nest. */
void mount_change_begin(void);
void mount_change_end(void);
bool mount_is_attached(const struct mount *m);
void mount_table_add(struct mount *m, struct path where);
/* Out of the table; what the tree held of the place is returned for the caller to put. */
struct path mount_table_remove(struct mount *m);
/* Attach a new one. The place may have been removed or covered since it was looked up. */
int mount_attach(struct mount *m, struct path *where);

#endif
