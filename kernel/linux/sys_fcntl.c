/* SPDX-License-Identifier: BSD-2-Clause */
/* fcntl and ioctl: what every file understands; the rest is the file's own. */
#include "file_args.h"
#include "file_lock.h"

#include <asm/ioctls.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/pipe.h>
#include <vfs/seal.h>
#include <vm/usercopy.h>

#define SETFL_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static int64_t dup_from(struct file *f, unsigned long from, bool cloexec)
{
	struct fd_table *t = current()->files;
	int fd;

	if (from >= fd_limit())
		return -EINVAL;
	fd = fd_reserve(t, (unsigned)from, fd_limit(), cloexec);
	if (fd >= 0)
		fd_install(t, fd, file_get(f));
	return fd;
}

static int64_t set_flags(struct file *f, unsigned flags)
{
	uint32_t old = __atomic_load_n(&f->flags, __ATOMIC_RELAXED);

	if ((flags & ~old & O_NOATIME) && !inode_owner_or_capable(f->inode, vfs_cred()))
		return -EPERM;
	while (!__atomic_compare_exchange_n(&f->flags, &old,
					    (old & ~(uint32_t)SETFL_FLAGS) | (flags & SETFL_FLAGS),
					    false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return 0;
}

static int64_t do_fcntl(int fd, struct file *f, unsigned cmd, unsigned long arg)
{
	bool cloexec;
	int r;

	switch (cmd) {
	case F_DUPFD:
		return dup_from(f, arg, false);
	case F_DUPFD_CLOEXEC:
		return dup_from(f, arg, true);
	case F_GETFD:
		r = fd_get_cloexec(current()->files, fd, &cloexec);
		return r ? r : cloexec ? FD_CLOEXEC : 0;
	case F_SETFD:
		return fd_set_cloexec(current()->files, fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	}
	if (f->mode & FILE_PATH)
		return -EBADF;
	switch (cmd) {
	case F_SETFL:
		return set_flags(f, (unsigned)arg);
	case F_GETPIPE_SZ:
		return pipe_get_size(f);
	case F_SETPIPE_SZ:
		return (unsigned)arg == arg ? pipe_set_size(f, arg) : -EINVAL;
	case F_GET_SEALS:
		return seals_get(f);
	case F_ADD_SEALS:
		return (unsigned)arg == arg ? seals_add(f, (unsigned)arg) : -EINVAL;
	case F_GETLEASE:
		return F_UNLCK; /* there are no leases: F_SETLEASE is -EINVAL */
	default:
		return file_lock_fcntl(fd, f, cmd, arg);
	}
}

int64_t sys_fcntl(int fd, unsigned cmd, unsigned long arg)
{
	struct fd_ref r = fd_borrow_any(fd);
	int64_t result;

	if (!r.file)
		return -EBADF;
	result = do_fcntl(fd, r.file, cmd, arg);
	fd_return(r);
	return result;
}

static int64_t set_flag_from(struct file *f, unsigned flag, uaddr_t arg)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	if (on)
		__atomic_fetch_or(&f->flags, flag, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&f->flags, ~flag, __ATOMIC_RELEASE);
	return 0;
}

static int64_t regular_ioctl(struct file *f, unsigned cmd, uaddr_t arg)
{
	int64_t left;
	int value;

	if (cmd != FIONREAD)
		return -ENOTTY;
	left = (int64_t)inode_size(f->inode) - READ_ONCE(f->pos);
	value = (int)clamp(left, 0, INT32_MAX);
	return put_user(arg, value);
}

static int64_t do_ioctl(int fd, struct file *f, unsigned cmd, unsigned long arg)
{
	switch (cmd) {
	case FIOCLEX:
		return fd_set_cloexec(current()->files, fd, true);
	case FIONCLEX:
		return fd_set_cloexec(current()->files, fd, false);
	case FIONBIO:
		return set_flag_from(f, O_NONBLOCK, arg);
	case FIGETBSZ:
		return put_user(arg, f->inode->block_size);
	}
	if (f->ops->ioctl)
		return f->ops->ioctl(f, cmd, arg);
	return inode_is_regular(f->inode) ? regular_ioctl(f, cmd, arg) : -ENOTTY;
}

int64_t sys_ioctl(int fd, unsigned cmd, unsigned long arg)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result;

	if (!r.file)
		return -EBADF;
	result = do_ioctl(fd, r.file, cmd, arg);
	fd_return(r);
	return io_result(result);
}
