/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on names and attributes, as the system calls need them, in kernel types. base
 * NULL: working directory. Every one checks permissions of the calling thread and read-only
 * mounts. Context: process.
 */
#ifndef VFS_NAMES_H
#define VFS_NAMES_H

#include "device.h"
#include "inode.h"
#include "path.h"

struct file;

int vfs_mkdir(const struct path *base, const char *text, unsigned mode);
/* Regular file, FIFO, socket or device by mode; -EPERM for devices without CAP_MKNOD. */
int vfs_mknod(const struct path *base, const char *text, unsigned mode, dev_t rdev);
/* The same, and where it is: *out is counted. */
int vfs_make_node(const struct path *base, const char *text, unsigned mode, dev_t rdev,
		  struct path *out);
int vfs_symlink(const char *target, const struct path *base, const char *text);
int vfs_unlink(const struct path *base, const char *text);
int vfs_rmdir(const struct path *base, const char *text);
/* A further name for what is at `from`. */
int vfs_link(struct path from, const struct path *base, const char *text);

#define RENAME_EXCLUSIVE 1 /* -EEXIST if the new name is taken */
#define RENAME_SWAP	 2 /* both names exist and change places */
int vfs_rename(const struct path *old_base, const char *old_text, const struct path *new_base,
	       const char *new_text, unsigned flags);

/* Length of the text of the link at p (cut to size), or -EINVAL. */
ssize_t vfs_readlink(struct path p, char *buf, size_t size);

/* --- attr.c --- */
/* chmod, chown, utimes in terms of inode_attr; checks who may. */
int vfs_setattr(struct path p, const struct inode_attr *attr);
/* The size of a regular file, everything checked but the limit: -EFBIG, -EINVAL. */
int vfs_truncate_checked(struct inode *inode, uint64_t size);
/* truncate(2) on a path, ftruncate(2) on an open file. */
int vfs_truncate(struct path p, off64_t size);
int file_truncate(struct file *f, off64_t size);
int file_fallocate(struct file *f, int mode, off64_t offset, off64_t len);
/* access(2): mask of MAY_*, with the credentials given. */
int vfs_access(struct path p, unsigned mask, const struct cred *cred);

#endif
