/* SPDX-License-Identifier: BSD-2-Clause */
/* Names: mkdir, mknod, link, symlink, unlink, rmdir, rename. */
#include "file_args.h"

#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <syscalls_proto.h>
#include <vfs/inode.h>
#include <vfs/names.h>

int64_t sys_mkdirat(int dirfd, uaddr_t path, unsigned mode)
{
	struct path_arg a;
	int64_t r = path_arg_get(&a, dirfd, path);

	if (r)
		return r;
	r = vfs_mkdir(path_arg_base(&a), a.text, mode);
	path_arg_put(&a);
	return r;
}

int64_t sys_mkdir(uaddr_t path, unsigned mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

int64_t sys_mknodat(int dirfd, uaddr_t path, unsigned mode, unsigned dev)
{
	struct path_arg a;
	int64_t r;

	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	r = path_arg_get(&a, dirfd, path);
	if (r)
		return r;
	r = vfs_mknod(path_arg_base(&a), a.text, mode, dev_decode(dev));
	path_arg_put(&a);
	return r;
}

int64_t sys_mknod(uaddr_t path, unsigned mode, unsigned dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

int64_t sys_symlinkat(uaddr_t target, int dirfd, uaddr_t path)
{
	struct path_arg a, t;
	int64_t r = path_arg_get(&t, AT_FDCWD, target);

	if (r)
		return r;
	r = path_arg_get(&a, dirfd, path);
	if (!r) {
		r = vfs_symlink(t.text, path_arg_base(&a), a.text);
		path_arg_put(&a);
	}
	path_arg_put(&t);
	return r;
}

int64_t sys_symlink(uaddr_t target, uaddr_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

int64_t sys_linkat(int old_dirfd, uaddr_t old_path, int new_dirfd, uaddr_t new_path, int flags)
{
	unsigned walk = flags & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0;
	struct path from;
	struct path_arg a;
	int64_t r;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		walk |= WALK_EMPTY;
	r = path_arg_walk(old_dirfd, old_path, walk, &from);
	if (r)
		return r;
	r = path_arg_get(&a, new_dirfd, new_path);
	if (!r) {
		r = vfs_link(from, path_arg_base(&a), a.text);
		path_arg_put(&a);
	}
	path_put(from);
	return r;
}

int64_t sys_link(uaddr_t old_path, uaddr_t new_path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

int64_t sys_unlinkat(int dirfd, uaddr_t path, int flags)
{
	struct path_arg a;
	int64_t r;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	r = path_arg_get(&a, dirfd, path);
	if (r)
		return r;
	if (flags & AT_REMOVEDIR)
		r = vfs_rmdir(path_arg_base(&a), a.text);
	else
		r = vfs_unlink(path_arg_base(&a), a.text);
	path_arg_put(&a);
	return r;
}

int64_t sys_unlink(uaddr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

int64_t sys_rmdir(uaddr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int64_t sys_renameat2(int old_dirfd, uaddr_t old_path, int new_dirfd, uaddr_t new_path,
		      unsigned flags)
{
	struct path_arg from, to;
	unsigned native = 0;
	int64_t r;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags & RENAME_NOREPLACE)
		native = RENAME_EXCLUSIVE;
	else if (flags & RENAME_EXCHANGE)
		native = RENAME_SWAP;
	r = path_arg_get(&from, old_dirfd, old_path);
	if (r)
		return r;
	r = path_arg_get(&to, new_dirfd, new_path);
	if (!r) {
		r = vfs_rename(path_arg_base(&from), from.text, path_arg_base(&to), to.text,
			       native);
		path_arg_put(&to);
	}
	path_arg_put(&from);
	return r;
}

int64_t sys_renameat(int old_dirfd, uaddr_t old_path, int new_dirfd, uaddr_t new_path)
{
	return sys_renameat2(old_dirfd, old_path, new_dirfd, new_path, 0);
}

int64_t sys_rename(uaddr_t old_path, uaddr_t new_path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}
