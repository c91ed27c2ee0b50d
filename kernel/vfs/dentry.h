/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name cache: directory entries in memory, found by (parent, name) without a lock.
 * States and transitions are described in dentry.c.
 */
#ifndef VFS_DENTRY_H
#define VFS_DENTRY_H

#include "path.h"
#include <sched/epoch.h>

struct inode;
struct super;

/* The text of a name; never changes, a rename brings a new one. */
struct dentry_name {
	struct epoch_head epoch;
	uint32_t len;
	uint32_t hash;
	bool inside; /* storage at the end of the dentry itself */
	char text[]; /* terminated */
};

#define DENTRY_HASHED  1 /* [bucket lock] in the table, which holds a reference */
#define DENTRY_MOUNTED 2 /* [a] something is mounted here in some mount */
#define DENTRY_RECENT  4 /* [a] used since the last sweep of unused names */

struct dentry {
	uint32_t refs;	       /* [a] 0: dying */
	uint32_t flags;	       /* [a] DENTRY_* */
	struct dentry *next;   /* [bucket lock; readers under epoch] */
	struct dentry *parent; /* [rename lock; readers under epoch] counted; self: a root */
	const struct dentry_name *name; /* [rename lock; readers under epoch] */
	struct inode *inode; /* [a] NULL: known to be absent. Set once, under the parent's
				inode lock; counted */
	struct super *super; /* [I] */
	struct epoch_head epoch;
};

int dentry_cache_init(void);

/* A root: no parent, not in the table. Takes over the inode's reference. */
struct dentry *dentry_create_root(struct inode *inode);
/* A name outside the tree (pipes, sockets, unnamed files), shown as it is. Likewise. */
struct dentry *dentry_create_detached(struct inode *inode, const char *text);
struct dentry *dentry_get(struct dentry *d);
bool dentry_try_get(struct dentry *d); /* context: any, under epoch */
/* Context: process. */
void dentry_put(struct dentry *d);
/* The parent, counted; a root gives itself. */
struct dentry *dentry_parent(struct dentry *d);

/* The cached entry with a reference, or NULL: unknown, or a rename was just changing it. */
struct dentry *dentry_lookup(struct dentry *parent, const struct name *name);
/* The same without a reference. Context: any, under epoch. */
struct dentry *dentry_peek(const struct dentry *parent, const struct name *name);
/*
 * The entry for name, from the cache or from the filesystem; its inode is NULL when the name is
 * absent. 0, -ENOENT (the directory itself was removed), -ENOMEM, -EIO. Takes parent's inode
 * lock for reading if it must ask.
 */
int dentry_find(struct dentry *parent, const struct name *name, struct dentry **out);
/* The same while the caller holds parent's inode lock. */
int dentry_find_locked(struct dentry *parent, const struct name *name, struct dentry **out);

/* The rest: parent's inode lock is held for writing. */
/* An absent name got an inode; takes over its reference. */
void dentry_instantiate(struct dentry *d, struct inode *inode);
/* The name is gone: out of the table; users keep it with its inode. Any context of process. */
void dentry_drop(struct dentry *d);
static inline bool dentry_is_dropped(const struct dentry *d)
{
	return !(__atomic_load_n(&d->flags, __ATOMIC_ACQUIRE) & DENTRY_HASHED) && d->parent != d;
}
/* The text of a new name, made before effects begin. NULL: no memory. Free an unused one by kfree.
 */
struct dentry_name *dentry_name_create(const char *text, size_t len);
/* Make d the entry (parent, name); what was there has been dropped. Takes over the name. */
void dentry_move(struct dentry *d, struct dentry *parent, struct dentry_name *name);
/* a and b change places; a_name is the new name of a. */
void dentry_exchange(struct dentry *a, struct dentry *b, struct dentry_name *a_name,
		     struct dentry_name *b_name);

/* True if `ancestor` is d or above it. super->rename_lock held: the answer stays true. */
bool dentry_is_ancestor(const struct dentry *ancestor, struct dentry *d);

/* The name of d, cut to size, not terminated; its length. Context: any. */
size_t dentry_copy_name(const struct dentry *d, char *buf, size_t size);

/* The path of d inside its filesystem, at the end of buf; ERR_PTR(-ENAMETOOLONG). */
char *dentry_text(struct dentry *d, char *buf, size_t size);

/* Forget the unused names of one filesystem (NULL: of all). */
void dentry_prune(struct super *s);
/* Names held, and those of them that nobody uses. */
void dentry_stats(uint64_t *held, uint64_t *unused);

/* Sequence of renames: a walk up the tree that saw no change in between is consistent. */
uint32_t dentry_seq_begin(void);
bool dentry_seq_retry(uint32_t seq);

#endif
