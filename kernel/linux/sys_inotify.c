/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify: decode; vfs/inotify.c does the work. */
#include "file_args.h"

#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/inotify.h>
#include <vfs/walk.h>

#define MASK_ALL                                                                                 \
	(IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | \
	 IN_EXCL_UNLINK | IN_MASK_ADD | IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT)

int64_t sys_inotify_init1(int flags)
{
	struct file *f;
	int r;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	r = inotify_create((unsigned)flags & IN_NONBLOCK, &f);
	return r ? r : fd_publish(f, flags & IN_CLOEXEC);
}

int64_t sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

static int64_t add_watch(struct file *f, uaddr_t upath, unsigned mask)
{
	unsigned walk = mask & IN_DONT_FOLLOW ? 0 : WALK_FOLLOW;
	struct path p;
	int64_t r;

	if ((mask & IN_MASK_ADD && mask & IN_MASK_CREATE) || !file_is_inotify(f))
		return -EINVAL;
	r = path_arg_walk(AT_FDCWD, upath, walk | (mask & IN_ONLYDIR ? WALK_DIRECTORY : 0), &p);
	if (r)
		return r;
	r = inode_permission(path_inode(p), vfs_cred(), MAY_READ);
	if (!r)
		r = inotify_add(f, path_inode(p), mask);
	path_put(p);
	return r;
}

int64_t sys_inotify_add_watch(int fd, uaddr_t path, unsigned mask)
{
	struct fd_ref r;
	int64_t result;

	if (mask & ~(unsigned)MASK_ALL || !(mask & MASK_ALL))
		return -EINVAL;
	r = fd_borrow(fd);
	if (!r.file)
		return -EBADF;
	result = add_watch(r.file, path, mask);
	fd_return(r);
	return result;
}

int64_t sys_inotify_rm_watch(int fd, int number)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result;

	if (!r.file)
		return -EBADF;
	result = file_is_inotify(r.file) ? inotify_remove(r.file, number) : -EINVAL;
	fd_return(r);
	return result;
}
