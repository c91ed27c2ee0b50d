/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: who may do what with which; the filesystem keeps them. */
#ifndef VFS_XATTR_H
#define VFS_XATTR_H

#include "path.h"

#define XATTR_NAME_LIMIT 255   /* characters of a name, "user." included */
#define XATTR_SIZE_LIMIT 65536 /* bytes of a value, and of all names together when listed */

/* buf NULL and size 0 ask for the size. -ERANGE: too small; -ENODATA; -EOPNOTSUPP. */
ssize_t vfs_getxattr(struct path p, const char *name, void *buf, size_t size);
/* The names, each terminated; those that the caller may know. */
ssize_t vfs_listxattr(struct path p, char *buf, size_t size);
/* flags: XATTR_CREATE, XATTR_REPLACE. -EEXIST, -ENODATA, -ENOSPC, -EPERM, -EACCES, -EROFS. */
int vfs_setxattr(struct path p, const char *name, const void *value, size_t size, unsigned flags);
int vfs_removexattr(struct path p, const char *name);

/* --- xattr_store.c: for filesystems that keep them in memory --- */

struct rb_root;

/* Hold inode->lock, for reading where nothing changes. value NULL: remove. */
ssize_t xattr_store_get(const struct rb_root *store, const char *name, void *buf, size_t size);
ssize_t xattr_store_list(const struct rb_root *store, char *buf, size_t size, bool trusted);
int xattr_store_set(struct rb_root *store, const char *name, const void *value, size_t size,
		    unsigned flags);
/* How many bytes a set would add to what the store uses (negative: frees). */
int64_t xattr_store_growth(const struct rb_root *store, const char *name, const void *value,
			   size_t size);
void xattr_store_clear(struct rb_root *store);

#endif
