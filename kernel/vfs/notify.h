/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling who watches: what the rest of vfs calls when something happens to a file. Events are
 * IN_* of linux/inotify.h. While nobody watches anything a call is one load and a branch.
 */
#ifndef VFS_NOTIFY_H
#define VFS_NOTIFY_H

#include <base/types.h>
#include <linux/inotify.h>

struct dentry;
struct inode;
struct name;

extern uint32_t notify_watches; /* [a] in the whole system */

static inline bool notify_active(void)
{
	return __atomic_load_n(&notify_watches, __ATOMIC_RELAXED);
}

/* The slow halves. Context: process; locks up to INODE may be held. */
void notify_dentry_slow(struct dentry *d, uint32_t event);
void notify_inode_slow(struct inode *inode, uint32_t event);
void notify_name_slow(struct inode *dir, const struct name *name, const struct inode *inode,
		      uint32_t event, uint32_t cookie);

/* Something was done with the file behind this name: its directory hears it, and it itself. */
static inline void notify_dentry(struct dentry *d, uint32_t event)
{
	if (notify_active())
		notify_dentry_slow(d, event);
}

/* The same for the inode alone. */
static inline void notify_inode(struct inode *inode, uint32_t event)
{
	if (notify_active())
		notify_inode_slow(inode, event);
}

/* A name in dir came, went or moved; inode is what it named. */
static inline void notify_name(struct inode *dir, const struct name *name,
			       const struct inode *inode, uint32_t event, uint32_t cookie)
{
	if (notify_active())
		notify_name_slow(dir, name, inode, event, cookie);
}

/*
 * A name is out of the cache and only the caller has it: if it was the file's last and nobody has
 * the file open, then the file is deleted now, before its directory hears of it.
 */
void notify_removed_slow(struct dentry *d);
static inline void notify_removed(struct dentry *d)
{
	if (notify_active())
		notify_removed_slow(d);
}

/* Joins the two events of one rename. */
uint32_t notify_cookie(void);
/* The last reference of the inode is gone. */
void notify_inode_gone(struct inode *inode);

#endif
