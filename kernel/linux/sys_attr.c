/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing attributes: chmod, chown, utimes, truncate, fallocate, umask. */
#include "file_args.h"

#include <asm/signal.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/utime.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/inode.h>
#include <vfs/names.h>
#include <vm/usercopy.h>

/* In place of nanoseconds (UAPI has no header for them). */
#define UTIME_NOW  ((1L << 30) - 1)
#define UTIME_OMIT ((1L << 30) - 2)

static int64_t set_by_path(int dirfd, uaddr_t path, unsigned walk, const struct inode_attr *attr)
{
	struct path p;
	int64_t r = path_arg_walk(dirfd, path, walk, &p);

	if (r)
		return r;
	r = vfs_setattr(p, attr);
	path_put(p);
	return r;
}

static int64_t set_by_fd(int fd, const struct inode_attr *attr)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result = -EBADF;

	if (r.file)
		result = vfs_setattr(r.file->path, attr);
	fd_return(r);
	return result;
}

/* --- mode --------------------------------------------------------------------------------- */

int64_t sys_fchmodat(int dirfd, uaddr_t path, unsigned mode)
{
	struct inode_attr attr = {.valid = ATTR_MODE, .mode = mode & 07777};

	return set_by_path(dirfd, path, WALK_FOLLOW, &attr);
}

int64_t sys_chmod(uaddr_t path, unsigned mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

int64_t sys_fchmod(int fd, unsigned mode)
{
	struct inode_attr attr = {.valid = ATTR_MODE, .mode = mode & 07777};

	return set_by_fd(fd, &attr);
}

int64_t sys_umask(int mask)
{
	return __atomic_exchange_n(&current()->fs->umask, (uint32_t)mask & 0777, __ATOMIC_RELAXED);
}

/* --- owner -------------------------------------------------------------------------------- */

static struct inode_attr owner_attr(unsigned uid, unsigned gid)
{
	/* Set-id bits go even if neither owner changes. */
	struct inode_attr attr = {.valid = ATTR_KILL_ID, .uid = uid, .gid = gid};

	if (uid != ~0U)
		attr.valid |= ATTR_UID;
	if (gid != ~0U)
		attr.valid |= ATTR_GID;
	return attr;
}

int64_t sys_fchownat(int dirfd, uaddr_t path, unsigned uid, unsigned gid, int flags)
{
	struct inode_attr attr = owner_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return set_by_path(dirfd, path, at_walk_flags((unsigned)flags), &attr);
}

int64_t sys_chown(uaddr_t path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

int64_t sys_lchown(uaddr_t path, unsigned uid, unsigned gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int64_t sys_fchown(int fd, unsigned uid, unsigned gid)
{
	struct inode_attr attr = owner_attr(uid, gid);

	return set_by_fd(fd, &attr);
}

/* --- times -------------------------------------------------------------------------------- */

/* One of the two times of utimensat; the flags are those of atime, shifted for mtime. */
static int time_attr(const struct __kernel_timespec *ts, unsigned given, unsigned now,
		     struct file_time *time, unsigned *valid)
{
	if (ts->tv_nsec == UTIME_OMIT)
		return 0;
	if (ts->tv_nsec == UTIME_NOW) {
		*valid |= now;
		return 0;
	}
	if ((uint64_t)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	*valid |= given;
	*time = (struct file_time){.sec = ts->tv_sec, .nsec = (uint32_t)ts->tv_nsec};
	return 0;
}

/* ts NULL: both now. */
static int64_t set_times(int dirfd, uaddr_t path, const struct __kernel_timespec ts[2],
			 unsigned walk)
{
	struct inode_attr attr = {.valid = ATTR_ATIME_NOW | ATTR_MTIME_NOW};
	int r = 0;

	if (ts) {
		attr.valid = 0;
		r = time_attr(&ts[0], ATTR_ATIME, ATTR_ATIME_NOW, &attr.atime, &attr.valid);
		if (!r)
			r = time_attr(&ts[1], ATTR_MTIME, ATTR_MTIME_NOW, &attr.mtime, &attr.valid);
		if (!r && !attr.valid)
			return 0; /* both omitted: not even the path is looked at */
	}
	if (r)
		return r;
	if (!path && dirfd != AT_FDCWD)
		return set_by_fd(dirfd, &attr);
	return set_by_path(dirfd, path, walk, &attr);
}

int64_t sys_utimensat(int dirfd, uaddr_t path, uaddr_t times, int flags)
{
	struct __kernel_timespec ts[2];

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (times && get_user(ts, times))
		return -EFAULT;
	if (!path && flags)
		return -EINVAL;
	return set_times(dirfd, path, times ? ts : NULL, at_walk_flags((unsigned)flags));
}

int64_t sys_futimesat(int dirfd, uaddr_t path, uaddr_t times)
{
	struct __kernel_old_timeval tv[2];
	struct __kernel_timespec ts[2];

	if (!times)
		return set_times(dirfd, path, NULL, WALK_FOLLOW);
	if (get_user(tv, times))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec >= 1000000)
			return -EINVAL;
		ts[i].tv_sec = tv[i].tv_sec;
		ts[i].tv_nsec = tv[i].tv_usec * 1000;
	}
	return set_times(dirfd, path, ts, WALK_FOLLOW);
}

int64_t sys_utimes(uaddr_t path, uaddr_t times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

int64_t sys_utime(uaddr_t path, uaddr_t times)
{
	struct __kernel_timespec ts[2];
	struct utimbuf t;

	if (!times)
		return set_times(AT_FDCWD, path, NULL, WALK_FOLLOW);
	if (get_user(t, times))
		return -EFAULT;
	ts[0] = (struct __kernel_timespec){.tv_sec = t.actime};
	ts[1] = (struct __kernel_timespec){.tv_sec = t.modtime};
	return set_times(AT_FDCWD, path, ts, WALK_FOLLOW);
}

/* --- size --------------------------------------------------------------------------------- */

static int check_limit(off64_t size)
{
	uint64_t limit = process_limit(process_current(), RLIMIT_FSIZE);

	if (size < 0 || (uint64_t)size <= limit)
		return 0;
	signal_send_thread(current(), SIGXFSZ, NULL);
	return -EFBIG;
}

int64_t sys_truncate(uaddr_t path, off64_t size)
{
	struct path p;
	int64_t r;

	if (size < 0)
		return -EINVAL;
	r = path_arg_walk(AT_FDCWD, path, WALK_FOLLOW, &p);
	if (r)
		return r;
	r = check_limit(size);
	if (!r)
		r = vfs_truncate(p, size);
	path_put(p);
	return r;
}

int64_t sys_ftruncate(int fd, off64_t size)
{
	struct fd_ref r;
	int64_t result = -EBADF;

	if (size < 0)
		return -EINVAL;
	r = fd_borrow(fd);
	if (r.file) {
		result = check_limit(size);
		if (!result)
			result = file_truncate(r.file, size);
	}
	fd_return(r);
	return result;
}

int64_t sys_fallocate(int fd, int mode, off64_t offset, off64_t len)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result = r.file ? file_fallocate(r.file, mode, offset, len) : -EBADF;

	fd_return(r);
	return result;
}
