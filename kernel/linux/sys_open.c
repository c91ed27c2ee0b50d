/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors: open and its relatives, close, dup, pipe, memfd_create. */
#include "file_args.h"

#include <arch/page.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/pipe.h>
#include <vm/usercopy.h>

/* The size of struct open_how in its first form. */
#define OPEN_HOW_SIZE_FIRST 24

#define OPEN_FLAGS                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
	 O_DSYNC | FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |   \
	 O_CLOEXEC | O_PATH | O_TMPFILE)

/* --- open --------------------------------------------------------------------------------- */

/* flags have been checked; resolve: WALK_*. */
static int64_t do_open(int dirfd, uaddr_t upath, unsigned flags, unsigned mode, unsigned resolve)
{
	struct fd_table *t = current()->files;
	struct path_arg a;
	struct file *f;
	int fd, r = path_arg_get(&a, dirfd, upath);

	/* What a 64-bit Linux adds to every open, and F_GETFL shows. */
	if (!(flags & O_PATH))
		flags |= O_LARGEFILE;

	if (r)
		return r;
	/* The number first: a full table must not create or truncate the file. */
	fd = fd_reserve(t, 0, fd_limit(), flags & O_CLOEXEC);
	if (fd >= 0) {
		r = file_open(path_arg_base(&a), a.text, flags, mode, resolve, &f);
		if (r)
			fd_release(t, fd);
		else
			fd_install(t, fd, f);
	}
	path_arg_put(&a);
	return r ? io_result(r) : fd;
}

/* open(2) ignores what it does not know; openat2(2) does not. */
static int64_t open_lenient(int dirfd, uaddr_t path, int flags, unsigned mode)
{
	unsigned f = (unsigned)flags & OPEN_FLAGS;

	if (f & O_PATH)
		f &= O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC;
	if ((f & (O_TMPFILE & ~O_DIRECTORY)) && (!(f & O_DIRECTORY) || (f & O_ACCMODE) == O_RDONLY))
		return -EINVAL;
	if (!(f & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		mode = 0;
	if ((f & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY))
		return -EINVAL; /* also with O_TMPFILE, which contains O_DIRECTORY */

	return do_open(dirfd, path, f, mode, 0);
}

int64_t sys_open(uaddr_t path, int flags, unsigned mode)
{
	return open_lenient(AT_FDCWD, path, flags, mode);
}

int64_t sys_openat(int dirfd, uaddr_t path, int flags, unsigned mode)
{
	return open_lenient(dirfd, path, flags, mode);
}

int64_t sys_creat(uaddr_t path, unsigned mode)
{
	return open_lenient(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int resolve_flags(uint64_t resolve, unsigned *out)
{
	static const struct {
		unsigned linux_flag, walk;
	} map[] = {{RESOLVE_NO_XDEV, WALK_NO_MOUNTS},
		   {RESOLVE_NO_MAGICLINKS, WALK_NO_MAGIC},
		   {RESOLVE_NO_SYMLINKS, WALK_NO_LINKS | WALK_NO_MAGIC},
		   {RESOLVE_BENEATH, WALK_BENEATH},
		   {RESOLVE_IN_ROOT, WALK_IN_ROOT}};

	*out = 0;
	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (resolve & map[i].linux_flag)
			*out |= map[i].walk;
		resolve &= ~(uint64_t)map[i].linux_flag;
	}
	if (resolve & RESOLVE_CACHED)
		return -EAGAIN; /* allowed answer: may have to ask the filesystem */
	if (resolve || (*out & (WALK_BENEATH | WALK_IN_ROOT)) == (WALK_BENEATH | WALK_IN_ROOT))
		return -EINVAL;
	return 0;
}

/* A structure that may be longer than we know, if the rest is zero. */
static int open_how_get(struct open_how *how, uaddr_t uhow, size_t size)
{
	char rest[64];

	if (size < OPEN_HOW_SIZE_FIRST)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (get_user(*how, uhow))
		return -EFAULT;
	for (size_t at = sizeof(*how); at < size; at += sizeof(rest)) {
		size_t n = min(size - at, sizeof(rest));

		if (copy_from_user(rest, uhow + at, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++) {
			if (rest[i])
				return -E2BIG;
		}
	}
	return 0;
}

int64_t sys_openat2(int dirfd, uaddr_t path, uaddr_t uhow, size_t size)
{
	struct open_how how;
	unsigned resolve;
	int r = open_how_get(&how, uhow, size);

	if (r)
		return r;
	if (how.flags & ~(uint64_t)OPEN_FLAGS || how.mode & ~07777ULL)
		return -EINVAL;
	if (how.mode && !(how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		return -EINVAL;
	if ((how.flags & O_PATH) &&
	    (how.flags & ~(uint64_t)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)))
		return -EINVAL;
	if ((how.flags & (O_TMPFILE & ~O_DIRECTORY)) &&
	    (!(how.flags & O_DIRECTORY) || !(how.flags & O_ACCMODE)))
		return -EINVAL;
	r = resolve_flags(how.resolve, &resolve);
	return r ? r : do_open(dirfd, path, (unsigned)how.flags, (unsigned)how.mode, resolve);
}

/* --- close -------------------------------------------------------------------------------- */

int64_t sys_close(int fd)
{
	struct file *f = fd_remove(current()->files, fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

int64_t sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	struct fd_table *t = current()->files, *own;

	if (flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) && fd_table_is_shared(t)) {
		own = fd_table_clone(t);
		if (!own)
			return -ENOMEM;
		__atomic_store_n(&current()->files, own, __ATOMIC_RELEASE);
		fd_table_leave(t);
		t = own;
	}
	fd_close_range(t, first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

/* --- dup ---------------------------------------------------------------------------------- */

int64_t sys_dup(int old)
{
	struct file *f = fd_get(current()->files, old);

	return f ? fd_publish(f, false) : -EBADF;
}

static int64_t dup_to(int old, int new, bool cloexec)
{
	struct file *f = fd_get(current()->files, old);
	int r;

	if (!f)
		return -EBADF;
	r = fd_replace(current()->files, new, f, fd_limit(), cloexec);
	file_put(f);
	return r;
}

int64_t sys_dup2(int old, int new)
{
	if (old == new) {
		bool cloexec;
		int r = fd_get_cloexec(current()->files, old, &cloexec);

		return r ? r : new;
	}
	return dup_to(old, new, false);
}

int64_t sys_dup3(int old, int new, int flags)
{
	if ((flags & ~O_CLOEXEC) || old == new)
		return -EINVAL;
	return dup_to(old, new, flags & O_CLOEXEC);
}

/* --- pipe --------------------------------------------------------------------------------- */

static int64_t install_pair(struct file *files[2], uaddr_t fds, bool cloexec)
{
	struct fd_table *t = current()->files;
	int fd[2];

	fd[0] = fd_reserve(t, 0, fd_limit(), cloexec);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = fd_reserve(t, 0, fd_limit(), cloexec);
	if (fd[1] < 0) {
		fd_release(t, fd[0]);
		return fd[1];
	}
	if (put_user(fds, fd)) {
		fd_release(t, fd[1]);
		fd_release(t, fd[0]);
		return -EFAULT;
	}
	fd_install(t, fd[0], files[0]);
	fd_install(t, fd[1], files[1]);
	return 0;
}

int64_t sys_pipe2(uaddr_t fds, int flags)
{
	struct file *files[2];
	int64_t r;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK)) /* O_DIRECT: packet mode is not there */
		return -EINVAL;
	r = pipe_create((unsigned)flags & O_NONBLOCK, files);
	if (r)
		return r;
	r = install_pair(files, fds, flags & O_CLOEXEC);
	if (r) {
		file_put(files[0]);
		file_put(files[1]);
	}
	return r;
}

int64_t sys_pipe(uaddr_t fds)
{
	return sys_pipe2(fds, 0);
}

/* --- memfd_create ------------------------------------------------------------------------- */

/* Newer than the package of Linux's headers. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#define MFD_EXEC	16
#define F_SEAL_EXEC	0x20
#endif

#define MEMFD_NAME_MAX (NAME_TEXT_MAX - 6) /* "memfd:" and the name make one component */

int64_t sys_memfd_create(uaddr_t uname, unsigned flags)
{
	unsigned mode = 0777, seals = F_SEAL_SEAL;
	char *name;
	struct file *f;
	int64_t r;

	/* No huge pages. */
	if (flags & ~(unsigned)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC) ||
	    (flags & MFD_NOEXEC_SEAL && flags & MFD_EXEC))
		return -EINVAL;
	if (flags & MFD_NOEXEC_SEAL) {
		mode = 0666;
		seals = F_SEAL_EXEC;
	} else if (flags & MFD_ALLOW_SEALING) {
		seals = 0;
	}
	name = kmalloc(MEMFD_NAME_MAX + 1);
	if (!name)
		return -ENOMEM;
	r = copy_string_from_user(name, uname, MEMFD_NAME_MAX + 1);
	if (r == -ENAMETOOLONG)
		r = -EINVAL;
	if (r >= 0)
		r = file_create_memory(name, mode, seals, &f);
	kfree(name);
	return r ? r : fd_publish(f, flags & MFD_CLOEXEC);
}
