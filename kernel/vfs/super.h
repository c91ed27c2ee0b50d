/* SPDX-License-Identifier: BSD-2-Clause */
/* Filesystems: types, and superblocks (one for each filesystem in use, however often mounted). */
#ifndef VFS_SUPER_H
#define VFS_SUPER_H

#include "device.h"
#include <base/types.h>
#include <lib/list.h>
#include <sched/epoch.h>
#include <sched/mutex.h>

struct dentry;
struct fs_type;
struct inode;
struct super;
struct text;

/* As statfs reports it, in native types. */
struct fs_stat {
	uint64_t magic;
	uint32_t block_size;
	uint64_t blocks, blocks_free, blocks_available;
	uint64_t files, files_free;
	uint64_t id;
	uint32_t name_max;
};

struct super_ops {
	/*
	 * The last reference to an inode is gone: release what it holds, and its memory after a
	 * grace period (inode_free_deferred). Context: process.
	 */
	void (*evict)(struct inode *inode);
	/* The last mount and inode are gone: release super->priv. NULL: nothing to do. */
	void (*destroy)(struct super *s);
	/* Fill what differs from zero. NULL: only the magic number. */
	int (*statfs)(struct super *s, struct fs_stat *out);
	/* Write back. NULL: nothing to do. */
	int (*sync)(struct super *s, bool wait);
	/* New options on a mounted filesystem. NULL: -EINVAL if there are any. */
	int (*remount)(struct super *s, const char *options);
	/* ",size=4k" for /proc/mounts. NULL: none. */
	void (*show_options)(struct super *s, struct text *out);
	/*
	 * Does the name still mean this inode? Asked before a cached name is used, for names that
	 * come and go by themselves (procfs). NULL: names stay. May sleep.
	 */
	bool (*revalidate)(struct dentry *d);
};

#define SUPER_NO_NEGATIVE 1 /* absent names are not cached */
#define SUPER_TRANSIENT	  4 /* names go with their last user: they pin what comes and goes */
#define SUPER_PERSISTENT  2 /* keeps its root without mounts: one instance for ever (procfs) */

struct super {
	uint32_t refs;		     /* [a] mounts and inodes */
	uint32_t flags;		     /* [I] SUPER_* */
	const struct fs_type *type;  /* [I] */
	const struct super_ops *ops; /* [I] */
	dev_t dev;		     /* [I] st_dev of its files */
	uint64_t magic;		     /* [I] as in linux/magic.h */
	uint64_t max_file;	     /* [I] largest size of a file */
	struct dentry *root;	     /* [I] counted; NULL once the last mount is gone */
	uint32_t mounts;	     /* [a] mounts that show it */
	struct mutex rename_lock;    /* RENAME: changes of the shape of the tree */
	void *priv;		     /* the filesystem's own */
	struct epoch_head epoch;
};

struct fs_type {
	const char *name;  /* [I] */
	bool needs_device; /* [I] for /proc/filesystems */
	/* A superblock with its root, or the one there is already; with a reference. */
	int (*mount)(const struct fs_type *type, const char *source, const char *options,
		     struct super **out);
	struct list link; /* [VFS_MISC] */
};

/* Types live for ever. */
void fs_type_register(struct fs_type *type);
/* NULL when there is none. */
const struct fs_type *fs_type_find(const char *name);
/* Calls fn for every type, without locks held (types are never removed). */
void fs_type_for_each(void (*fn)(const struct fs_type *type, void *ctx), void *ctx);

/* One reference, no root yet, an anonymous device number. NULL: no memory. */
struct super *super_create(const struct fs_type *type, const struct super_ops *ops, uint64_t magic);
struct super *super_get(struct super *s);
void super_put(struct super *s);
/* Give it its root directory; takes over the inode's reference. 0 or -ENOMEM. */
int super_set_root(struct super *s, struct inode *root);
int super_statfs(struct super *s, struct fs_stat *out);

#endif
