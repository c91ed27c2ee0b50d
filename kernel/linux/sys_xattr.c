/* SPDX-License-Identifier: BSD-2-Clause */
/* setxattr and its relatives: decode; vfs/xattr.c does the work. */
#include "file_args.h"

#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/xattr.h>
#include <mem/slab.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/walk.h>
#include <vfs/xattr.h>
#include <vm/usercopy.h>

typedef int64_t (*xattr_fn)(struct path p, void *arg);

static int64_t by_path(uaddr_t upath, unsigned walk, xattr_fn fn, void *arg)
{
	struct path p;
	int64_t r = path_arg_walk(AT_FDCWD, upath, walk, &p);

	if (r)
		return r;
	r = fn(p, arg);
	path_put(p);
	return r;
}

static int64_t by_fd(int fd, xattr_fn fn, void *arg)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result = r.file ? fn(r.file->path, arg) : -EBADF;

	fd_return(r);
	return result;
}

/* An empty name and one that is too long are both out of range. */
static int get_name(char *name, uaddr_t uname)
{
	ssize_t n = copy_string_from_user(name, uname, XATTR_NAME_LIMIT + 1);

	if (n == -ENAMETOOLONG)
		return -ERANGE;
	if (n < 0)
		return (int)n;
	return name[0] ? 0 : -ERANGE;
}

/* --- set ---------------------------------------------------------------------------------- */

struct set_args {
	char name[XATTR_NAME_LIMIT + 1];
	void *value;
	size_t size;
	unsigned flags;
};

static int set_begin(struct set_args *a, uaddr_t uname, uaddr_t uvalue, size_t size, int flags)
{
	int r;

	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	r = get_name(a->name, uname);
	if (r)
		return r;
	if (size > XATTR_SIZE_LIMIT)
		return -E2BIG;
	a->value = kmalloc(max(size, (size_t)1));
	if (!a->value)
		return -ENOMEM;
	a->size = size;
	a->flags = (unsigned)flags;
	if (!copy_from_user(a->value, uvalue, size))
		return 0;
	kfree(a->value);
	return -EFAULT;
}

static int64_t do_set(struct path p, void *arg)
{
	struct set_args *a = arg;

	return vfs_setxattr(p, a->name, a->value, a->size, a->flags);
}

static int64_t set_path(uaddr_t path, unsigned walk, uaddr_t name, uaddr_t value, size_t size,
			int flags)
{
	struct set_args a;
	int64_t r = set_begin(&a, name, value, size, flags);

	if (r)
		return r;
	r = by_path(path, walk, do_set, &a);
	kfree(a.value);
	return r;
}

int64_t sys_setxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return set_path(path, WALK_FOLLOW, name, value, size, flags);
}

int64_t sys_lsetxattr(uaddr_t path, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	return set_path(path, 0, name, value, size, flags);
}

int64_t sys_fsetxattr(int fd, uaddr_t name, uaddr_t value, size_t size, int flags)
{
	struct set_args a;
	int64_t r = set_begin(&a, name, value, size, flags);

	if (r)
		return r;
	r = by_fd(fd, do_set, &a);
	kfree(a.value);
	return r;
}

/* --- get ---------------------------------------------------------------------------------- */

struct get_args {
	char name[XATTR_NAME_LIMIT + 1];
	uaddr_t out;
	size_t size;
	bool list;
};

static int64_t do_get(struct path p, void *arg)
{
	struct get_args *a = arg;
	size_t size = min(a->size, (size_t)XATTR_SIZE_LIMIT);
	void *buf = size ? kmalloc(size) : NULL;
	ssize_t n;

	if (size && !buf)
		return -ENOMEM;
	n = a->list ? vfs_listxattr(p, buf, size) : vfs_getxattr(p, a->name, buf, size);
	if (n > 0 && size && copy_to_user(a->out, buf, (size_t)n))
		n = -EFAULT;
	/* The largest buffer was too small. */
	if (n == -ERANGE && size == XATTR_SIZE_LIMIT)
		n = -E2BIG;
	kfree(buf);
	return n;
}

static int64_t get_path(uaddr_t path, unsigned walk, uaddr_t name, uaddr_t out, size_t size)
{
	struct get_args a = {.out = out, .size = size};
	int64_t r = get_name(a.name, name);

	return r ? r : by_path(path, walk, do_get, &a);
}

int64_t sys_getxattr(uaddr_t path, uaddr_t name, uaddr_t out, size_t size)
{
	return get_path(path, WALK_FOLLOW, name, out, size);
}

int64_t sys_lgetxattr(uaddr_t path, uaddr_t name, uaddr_t out, size_t size)
{
	return get_path(path, 0, name, out, size);
}

int64_t sys_fgetxattr(int fd, uaddr_t name, uaddr_t out, size_t size)
{
	struct get_args a = {.out = out, .size = size};
	int64_t r = get_name(a.name, name);

	return r ? r : by_fd(fd, do_get, &a);
}

int64_t sys_listxattr(uaddr_t path, uaddr_t out, size_t size)
{
	struct get_args a = {.out = out, .size = size, .list = true};

	return by_path(path, WALK_FOLLOW, do_get, &a);
}

int64_t sys_llistxattr(uaddr_t path, uaddr_t out, size_t size)
{
	struct get_args a = {.out = out, .size = size, .list = true};

	return by_path(path, 0, do_get, &a);
}

int64_t sys_flistxattr(int fd, uaddr_t out, size_t size)
{
	struct get_args a = {.out = out, .size = size, .list = true};

	return by_fd(fd, do_get, &a);
}

/* --- remove ------------------------------------------------------------------------------- */

static int64_t do_remove(struct path p, void *arg)
{
	return vfs_removexattr(p, arg);
}

static int64_t remove_path(uaddr_t path, unsigned walk, uaddr_t uname)
{
	char name[XATTR_NAME_LIMIT + 1];
	int64_t r = get_name(name, uname);

	return r ? r : by_path(path, walk, do_remove, name);
}

int64_t sys_removexattr(uaddr_t path, uaddr_t name)
{
	return remove_path(path, WALK_FOLLOW, name);
}

int64_t sys_lremovexattr(uaddr_t path, uaddr_t name)
{
	return remove_path(path, 0, name);
}

int64_t sys_fremovexattr(int fd, uaddr_t uname)
{
	char name[XATTR_NAME_LIMIT + 1];
	int64_t r = get_name(name, uname);

	return r ? r : by_fd(fd, do_remove, name);
}
