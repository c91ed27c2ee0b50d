/* SPDX-License-Identifier: BSD-2-Clause */
/* Mounts: which filesystem's root covers which directory, and the tree they form. */
#ifndef VFS_MOUNT_H
#define VFS_MOUNT_H

#include "path.h"
#include <base/types.h>
#include <lib/list.h>
#include <sched/epoch.h>

struct super;
struct text;

#define MOUNT_READONLY	  1
#define MOUNT_NOSUID	  2
#define MOUNT_NODEV	  4
#define MOUNT_NOEXEC	  8
#define MOUNT_NOATIME	  16
#define MOUNT_NODIRATIME  32
#define MOUNT_STRICTATIME 64

struct mount {
	uint32_t refs;	      /* [a] the tree holds one while it is attached */
	uint32_t flags;	      /* [a] MOUNT_* */
	uint32_t id;	      /* [I] */
	struct super *super;  /* [I] counted */
	struct dentry *root;  /* [I] counted: what it shows */
	struct mount *parent; /* [MOUNT; readers under epoch] counted; NULL: detached or first */
	struct dentry *mountpoint; /* [MOUNT; readers under epoch] counted, in parent */
	struct mount *next;	   /* [MOUNT; readers under epoch] chain of the table */
	struct list link;	   /* [MOUNT] all attached mounts, by age */
	uint32_t children;	   /* [MOUNT] mounts attached to this one */
	uint32_t expiring;	   /* [a] not used since the last MNT_EXPIRE */
	struct mount *copy;	   /* [MOUNT] during a recursive bind */
	char *source;		   /* [I] as /proc/mounts shows it */
	struct epoch_head epoch;
};

/* Mounts a tmpfs as the root of everything, after the type was registered. 0 or -errno. */
int vfs_init(void);

/* Somebody settles in it: a file is opened, a working directory set. MNT_EXPIRE starts again. */
static inline void mount_used(struct mount *m)
{
	if (__atomic_load_n(&m->expiring, __ATOMIC_RELAXED))
		__atomic_store_n(&m->expiring, 0, __ATOMIC_RELAXED);
}

struct mount *mount_get(struct mount *m);
bool mount_try_get(struct mount *m); /* context: any, under epoch */
void mount_put(struct mount *m);
/* The root of the first mount, counted. */
struct path mount_root_path(void);

/* p becomes the root of what is mounted on it, as deep as mounts are stacked. */
void mount_cross_down(struct path *p);
/* p, the root of a mount, becomes the place it is mounted on: true. False at the first mount. */
bool mount_cross_up(struct path *p);

/*
 * The same three under epoch and without references, for a walk that counts nothing. What they show
 * is right if the shape of the tree has not changed from mount_shape_read, before the first of
 * them, to mount_shape_same, after the last. False: it is being changed.
 */
struct path mount_peek_root(void);
void mount_peek_down(struct path *p);
bool mount_peek_up(struct path *p);
bool mount_shape_read(uint32_t *shape);
bool mount_shape_same(uint32_t shape);

static inline bool mount_is_readonly(const struct mount *m)
{
	return __atomic_load_n(&m->flags, __ATOMIC_RELAXED) & MOUNT_READONLY;
}

/*
 * A mount that is in no tree, for the kernel's own files (pipes). Takes over the reference to s.
 * NULL: no memory.
 */
struct mount *mount_create_detached(struct super *s, const char *source);

/* Mount a new filesystem of the type on the directory `where`. */
int mount_new(const char *type, const char *source, const char *options, unsigned flags,
	      struct path where);
/* Show `from` (a directory on a directory, a file on a file) at `where` too. */
int mount_bind(struct path from, struct path where, bool recursive);
int mount_move(struct path from, struct path where);
/* Change flags, of the mount and (options not NULL) of its filesystem. */
int mount_remount(struct path where, unsigned flags, const char *options);
/*
 * where is the root of a mount, and the caller's reference to it is taken over. -EBUSY when
 * anybody uses it. MOUNT_LAZY: detach now with all below, release when the last user is gone.
 * MOUNT_EXPIRE: only if it was not used since the last such call, else -EAGAIN.
 */
enum mount_removal { MOUNT_NOW, MOUNT_LAZY, MOUNT_EXPIRE };
int mount_remove(struct path where, enum mount_removal how);
/*
 * new_root's mount takes the place of the mount that `root` (the caller's) is the root of, which
 * goes to put_old, a directory below new_root; processes follow. -EBUSY, -EINVAL, -ENOTDIR.
 */
int mount_pivot(struct path root, struct path new_root, struct path put_old);

/* Lines of /proc/mounts or (info) /proc/PID/mountinfo, as seen from the caller's root. */
void mount_show(bool info, struct text *out);
/* The first mount, then all others by age; the tree stays as it is meanwhile. fn may sleep. */
void mount_for_each(void (*fn)(struct mount *m, void *ctx), void *ctx);
bool mount_is_first(const struct mount *m);
/* Write back everything. */
void vfs_sync(void);

#endif
