/* SPDX-License-Identifier: BSD-2-Clause */
/* flock(2) and the record locks of fcntl(2): decode; vfs/filelock.c does the work. */
#include "file_lock.h"

#include "file_args.h"

#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/filelock.h>
#include <vfs/inode.h>
#include <vm/usercopy.h>

int64_t sys_flock(int fd, unsigned op)
{
	enum flock_type type;
	struct fd_ref r;
	int64_t result = -EBADF;

	if (op & LOCK_MAND) /* Linux does nothing for it any more either */
		return 0;
	switch (op & ~(unsigned)LOCK_NB) {
	case LOCK_SH:
		type = FLOCK_SHARED;
		break;
	case LOCK_EX:
		type = FLOCK_EXCLUSIVE;
		break;
	case LOCK_UN:
		type = FLOCK_NONE;
		break;
	default:
		return -EINVAL;
	}
	r = fd_borrow(fd);
	if (!r.file)
		return -EBADF;
	if (type == FLOCK_NONE || r.file->mode & (FILE_READ | FILE_WRITE))
		result = flock_set(r.file, type, !(op & LOCK_NB), process_current()->pid);
	fd_return(r);
	return io_result(result);
}

/* --- record locks ------------------------------------------------------------------------- */

/* The first and the last byte: 0, -EINVAL, -EOVERFLOW. */
static int decode_range(struct file *f, const struct flock64 *in, struct record_lock *out)
{
	int64_t start, length = in->l_len;

	switch (in->l_whence) {
	case SEEK_SET:
		start = 0;
		break;
	case SEEK_CUR:
		start = READ_ONCE(f->pos);
		break;
	case SEEK_END:
		start = (int64_t)inode_size(f->inode);
		break;
	default:
		return -EINVAL;
	}
	if (add_overflow(start, (int64_t)in->l_start, &start))
		return in->l_start > 0 ? -EOVERFLOW : -EINVAL;
	if (start < 0)
		return -EINVAL;
	out->start = (uint64_t)start;
	out->end = RECORD_LOCK_EOF;
	if (length > 0) {
		if (length - 1 > INT64_MAX - start)
			return -EOVERFLOW;
		out->end = (uint64_t)start + (uint64_t)length - 1;
	} else if (length < 0) {
		/* The bytes before. */
		if (start + length < 0)
			return -EINVAL;
		out->start = (uint64_t)(start + length);
		out->end = (uint64_t)start - 1;
	}
	return 0;
}

static int decode_type(int type, enum flock_type *out)
{
	switch (type) {
	case F_RDLCK:
		*out = FLOCK_SHARED;
		return 0;
	case F_WRLCK:
		*out = FLOCK_EXCLUSIVE;
		return 0;
	case F_UNLCK:
		*out = FLOCK_NONE;
		return 0;
	default:
		return -EINVAL;
	}
}

static int decode(struct file *f, const struct flock64 *in, bool ofd, struct record_lock *out)
{
	int r = decode_range(f, in, out);

	if (!r)
		r = decode_type(in->l_type, &out->type);
	out->owner = ofd ? record_lock_owner_of(f) : current()->files->lock_owner;
	out->pid = ofd ? -1 : process_current()->pid;
	return r;
}

static int64_t get_lock(struct file *f, uaddr_t uflock, bool ofd)
{
	struct record_lock l, found;
	struct flock64 fl;
	int r;

	if (get_user(fl, uflock))
		return -EFAULT;
	if (!ofd && fl.l_type != F_RDLCK && fl.l_type != F_WRLCK)
		return -EINVAL;
	r = decode(f, &fl, ofd, &l);
	if (r)
		return r;
	if (ofd && fl.l_pid)
		return -EINVAL;
	if (!record_lock_test(f, &l, &found)) {
		fl.l_type = F_UNLCK;
	} else {
		fl.l_type = found.type == FLOCK_SHARED ? F_RDLCK : F_WRLCK;
		fl.l_whence = SEEK_SET;
		fl.l_start = (int64_t)found.start;
		fl.l_len =
			found.end == RECORD_LOCK_EOF ? 0 : (int64_t)(found.end - found.start + 1);
		fl.l_pid = found.pid;
	}
	return put_user(uflock, fl);
}

/*
 * A close in another thread, between our lookup and the lock, has dropped the locks and did not
 * see ours: take it back.
 */
static int check_still_open(int fd, struct file *f, const struct record_lock *l)
{
	struct record_lock undo = *l;
	struct file *now = fd_get(current()->files, fd);

	file_put(now);
	if (now == f || l->type == FLOCK_NONE)
		return 0;
	undo.type = FLOCK_NONE;
	record_lock_set(f, &undo, false);
	return -EBADF;
}

static int64_t set_lock(int fd, struct file *f, uaddr_t uflock, bool ofd, bool wait)
{
	struct record_lock l;
	struct flock64 fl;
	int r;

	if (get_user(fl, uflock))
		return -EFAULT;
	r = decode(f, &fl, ofd, &l);
	if (r)
		return r;
	if ((l.type == FLOCK_SHARED && !(f->mode & FILE_READ)) ||
	    (l.type == FLOCK_EXCLUSIVE && !(f->mode & FILE_WRITE)))
		return -EBADF;
	if (ofd && fl.l_pid)
		return -EINVAL;
	r = record_lock_set(f, &l, wait);
	if (!r && !ofd)
		r = check_still_open(fd, f, &l);
	return io_result(r);
}

int64_t file_lock_fcntl(int fd, struct file *f, unsigned cmd, uaddr_t arg)
{
	switch (cmd) {
	case F_GETLK:
		return get_lock(f, arg, false);
	case F_OFD_GETLK:
		return get_lock(f, arg, true);
	case F_SETLK:
		return set_lock(fd, f, arg, false, false);
	case F_SETLKW:
		return set_lock(fd, f, arg, false, true);
	case F_OFD_SETLK:
		return set_lock(fd, f, arg, true, false);
	case F_OFD_SETLKW:
		return set_lock(fd, f, arg, true, true);
	default:
		return -EINVAL;
	}
}
