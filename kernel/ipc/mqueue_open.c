/* SPDX-License-Identifier: BSD-2-Clause */
/* mq_open and mq_unlink: names of queues, without a path. */
#include "mqueue_internal.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/names.h>
#include <vfs/notify.h>
#include <vfs/path.h>

#include <linux/fcntl.h>

/* 0, or the error for a name that is none. */
static int check_name(const char *name)
{
	size_t len = strlen(name);

	if (!len)
		return -ENOENT;
	if (strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EACCES;
	return len > NAME_TEXT_MAX ? -ENAMETOOLONG : 0;
}

static int check_existing(const struct inode *inode, unsigned flags)
{
	static const unsigned wanted[] = {
		[O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE};

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return inode_permission(inode, vfs_cred(), wanted[flags & O_ACCMODE]);
}

static int create(struct inode *dir, const struct name *name, struct dentry *d, unsigned mode,
		  const struct mqueue_size *size)
{
	struct fs_context *fs = fs_context_current();
	struct inode *inode;
	int r = inode_permission(dir, vfs_cred(), MAY_WRITE | MAY_EXEC);

	if (fs)
		mode &= ~__atomic_load_n(&fs->umask, __ATOMIC_RELAXED);
	if (!r)
		r = mqueue_create(dir, name, mode, size, &inode);
	if (r)
		return r;
	dentry_instantiate(d, inode);
	notify_name(dir, name, inode, IN_CREATE, 0);
	return 0;
}

/* The entry of the queue, counted, made if flags say so. */
static int find_or_create(struct dentry *root, const struct name *name, unsigned flags,
			  unsigned mode, const struct mqueue_size *size, struct dentry **out)
{
	struct inode *dir = root->inode;
	int r;

	rwlock_write_lock(&dir->lock);
	r = dentry_find_locked(root, name, out);
	if (r)
		goto out;
	if ((*out)->inode)
		r = check_existing((*out)->inode, flags);
	else
		r = flags & O_CREAT ? create(dir, name, *out, mode, size) : -ENOENT;
out:
	rwlock_write_unlock(&dir->lock);
	if (r)
		dentry_put(*out);
	return r;
}

int mqueue_open(const char *text, unsigned flags, unsigned mode, const struct mqueue_size *size,
		struct file **out)
{
	struct name name;
	struct path root;
	struct dentry *d = NULL;
	int r = check_name(text);

	if (r)
		return r;
	name = name_of(text, strlen(text));
	root = mqueue_root();
	r = find_or_create(root.dentry, &name, flags, mode, size, &d);
	if (r) {
		path_put(root);
		return r;
	}
	dentry_put(root.dentry);
	root.dentry = d; /* now the path of the queue */
	r = file_create(
		root, flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC), out);
	if (!r) {
		(*out)->mode |= FILE_OPENED;
		notify_dentry(d, IN_OPEN);
	}
	return r;
}

int mqueue_unlink(const char *text)
{
	struct path root;
	int r = check_name(text);

	if (r)
		return r;
	root = mqueue_root();
	r = vfs_unlink(&root, text);
	path_put(root);
	return r;
}
