/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes of tmpfs: a tree in the inode. They count against size= by whole pages of
 * what an inode's attributes take together, so that they cannot be used to go round the limit.
 */
#include "tmpfs.h"

#include <lib/errno.h>
#include <vfs/xattr.h>

#define INODE_BYTES_MAX (256UL * 1024) /* of all attributes of one inode */

ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	return xattr_store_get(&tmpfs_inode(inode)->xattrs, name, buf, size);
}

ssize_t tmpfs_listxattr(struct inode *inode, char *buf, size_t size, bool trusted)
{
	return xattr_store_list(&tmpfs_inode(inode)->xattrs, buf, size, trusted);
}

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

int tmpfs_setxattr(struct inode *inode, const char *name, const void *value, size_t size,
		   unsigned flags)
{
	struct tmpfs_inode *t = tmpfs_inode(inode);
	struct tmpfs_super *ts = tmpfs_super(inode);
	uint64_t old = t->xattr_bytes,
		 new = (uint64_t)((int64_t)old + xattr_store_growth(&t->xattrs, name, value, size));
	int r;

	if (new > old &&new > INODE_BYTES_MAX)
		return -ENOSPC;
	if (pages_of(new) > pages_of(old) &&
	    !tmpfs_take(&ts->pages_used, &ts->pages_max, pages_of(new) - pages_of(old)))
		return -ENOSPC;
	r = xattr_store_set(&t->xattrs, name, value, size, flags);
	if (!r)
		t->xattr_bytes = new;
	/* What is not needed: after a failure what was taken, else what has become free. */
	if (r && pages_of(new) > pages_of(old))
		tmpfs_give(&ts->pages_used, pages_of(new) - pages_of(old));
	if (!r && pages_of(old) > pages_of(new))
		tmpfs_give(&ts->pages_used, pages_of(old) - pages_of(new));
	return r;
}

void tmpfs_clear_xattrs(struct inode *inode)
{
	struct tmpfs_inode *t = tmpfs_inode(inode);

	if (!t->xattr_bytes)
		return;
	xattr_store_clear(&t->xattrs);
	tmpfs_give(&tmpfs_super(inode)->pages_used, pages_of(t->xattr_bytes));
	t->xattr_bytes = 0;
}
