/* SPDX-License-Identifier: BSD-2-Clause */
/* read, write and their relatives, lseek, sendfile, copy_file_range. */
#include "file_args.h"

#include <arch/page.h>
#include <asm/signal.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/resource.h>
#include <linux/stat.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/pipe.h>
#include <vfs/super.h>
#include <vm/usercopy.h>

/* --- one transfer ------------------------------------------------------------------------- */

int write_limit(struct file *f, const off64_t *pos, bool append, size_t *n)
{
	uint64_t limit, at;

	if (!inode_is_regular(f->inode))
		return 0;
	limit = process_limit(process_current(), RLIMIT_FSIZE);
	if (limit == RLIM64_INFINITY || !*n)
		return 0;
	if (f->flags & O_APPEND || append)
		at = inode_size(f->inode);
	else
		at = (uint64_t)(pos ? *pos : READ_ONCE(f->pos));
	if (at >= limit) {
		signal_send_thread(current(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	*n = min(*n, (size_t)(limit - at));
	return 0;
}

static int limit_write(struct file *f, struct iter *it, const off64_t *pos)
{
	return write_limit(f, pos, it->flags & ITER_APPEND, &it->left);
}

static int64_t do_read(int fd, struct iter *it, off64_t *pos)
{
	struct fd_ref r = fd_borrow(fd);
	ssize_t n;

	if (!r.file)
		return -EBADF;
	n = file_read(r.file, it, pos);
	fd_return(r);
	return io_result(n);
}

static int64_t do_write(int fd, struct iter *it, off64_t *pos)
{
	struct fd_ref r = fd_borrow(fd);
	bool quiet;
	ssize_t n;

	if (!r.file)
		return -EBADF;
	n = pos && *pos < 0 ? -EINVAL : limit_write(r.file, it, pos);
	if (!n)
		n = file_write(r.file, it, pos);
	quiet = r.file->ops->flags & FILE_OPS_NO_SIGPIPE;
	fd_return(r);
	return quiet ? io_result(n) : write_result(n);
}

typedef int64_t (*transfer_fn)(int fd, struct iter *it, off64_t *pos);

static int64_t one(transfer_fn fn, int fd, uaddr_t buf, size_t count, off64_t *pos)
{
	struct iter it;

	if (!user_range_ok(buf, count)) {
		struct fd_ref r = fd_borrow(fd);
		bool bad = !r.file;

		fd_return(r);
		return bad ? -EBADF : -EFAULT;
	}
	iter_init_user(&it, buf, min(count, RW_COUNT_MAX));
	return fn(fd, &it, pos);
}

int64_t sys_read(int fd, uaddr_t buf, size_t count)
{
	return one(do_read, fd, buf, count, NULL);
}

int64_t sys_write(int fd, uaddr_t buf, size_t count)
{
	return one(do_write, fd, buf, count, NULL);
}

int64_t sys_pread64(int fd, uaddr_t buf, size_t count, off64_t pos)
{
	return pos < 0 ? -EINVAL : one(do_read, fd, buf, count, &pos);
}

int64_t sys_pwrite64(int fd, uaddr_t buf, size_t count, off64_t pos)
{
	return pos < 0 ? -EINVAL : one(do_write, fd, buf, count, &pos);
}

/* --- vectors ------------------------------------------------------------------------------ */

/* A bad descriptor comes before a bad array. */
static int vector_get(int fd, struct iovec_arg *v, uaddr_t iov, unsigned long count)
{
	struct fd_ref r = fd_borrow(fd);
	bool bad = !r.file;

	fd_return(r);
	return bad ? -EBADF : iovec_arg_get(v, iov, count);
}

static int64_t vector(transfer_fn fn, int fd, uaddr_t iov, unsigned long count, off64_t *pos)
{
	struct iovec_arg v;
	int64_t n = vector_get(fd, &v, iov, count);

	if (n)
		return n;
	n = fn(fd, &v.iter, pos);
	iovec_arg_put(&v);
	return n;
}

int64_t sys_readv(int fd, uaddr_t iov, unsigned long count)
{
	return vector(do_read, fd, iov, count, NULL);
}

int64_t sys_writev(int fd, uaddr_t iov, unsigned long count)
{
	return vector(do_write, fd, iov, count, NULL);
}

int64_t sys_preadv(int fd, uaddr_t iov, unsigned long count, off64_t pos, unsigned long high)
{
	return pos < 0 ? -EINVAL : vector(do_read, fd, iov, count, &pos);
}

int64_t sys_pwritev(int fd, uaddr_t iov, unsigned long count, off64_t pos, unsigned long high)
{
	return pos < 0 ? -EINVAL : vector(do_write, fd, iov, count, &pos);
}

/* What one call may say. Everything is in memory, so HIPRI, DSYNC and SYNC ask for nothing. */
static int decode_rwf(int fd, int flags, bool write, unsigned *out)
{
	struct fd_ref r;
	bool pipe;

	*out = 0;
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND))
		return -EOPNOTSUPP;
	if (flags & RWF_NOWAIT) {
		r = fd_borrow(fd);
		pipe = r.file && file_is_pipe(r.file);
		fd_return(r);
		if (!pipe)
			return -EOPNOTSUPP;
		*out |= ITER_NOWAIT;
	}
	if (flags & RWF_APPEND && write)
		*out |= ITER_APPEND;
	return 0;
}

static int64_t vector2(transfer_fn fn, int fd, uaddr_t iov, unsigned long count, off64_t pos,
		       int flags)
{
	struct iovec_arg v;
	unsigned how;
	int64_t n;

	if (pos < -1)
		return -EINVAL;
	n = vector_get(fd, &v, iov, count);
	if (n)
		return n;
	n = decode_rwf(fd, flags, fn == do_write, &how);
	v.iter.flags |= how;
	if (!n)
		n = fn(fd, &v.iter, pos == -1 ? NULL : &pos);
	iovec_arg_put(&v);
	return n;
}

int64_t sys_preadv2(int fd, uaddr_t iov, unsigned long count, off64_t pos, unsigned long high,
		    int flags)
{
	return vector2(do_read, fd, iov, count, pos, flags);
}

int64_t sys_pwritev2(int fd, uaddr_t iov, unsigned long count, off64_t pos, unsigned long high,
		     int flags)
{
	return vector2(do_write, fd, iov, count, pos, flags);
}

/* --- position ----------------------------------------------------------------------------- */

int64_t sys_lseek(int fd, off64_t offset, int whence)
{
	struct fd_ref r = fd_borrow(fd);
	off64_t pos;

	if (!r.file)
		return -EBADF;
	pos = (unsigned)whence > SEEK_MAX ? -EINVAL : file_llseek(r.file, offset, whence);
	fd_return(r);
	return pos;
}

/* --- from file to file -------------------------------------------------------------------- */

#define COPY_CHUNK (16 * PAGE_SIZE)

/* Write all of buf; stops at an error. */
static ssize_t write_chunk(struct file *out, const void *buf, size_t n, off64_t *pos)
{
	struct iter it;
	ssize_t done = 0;

	iter_init_kernel(&it, (void *)(uintptr_t)buf, n);
	while (iter_left(&it)) {
		ssize_t w = limit_write(out, &it, pos);

		if (!w)
			w = file_write(out, &it, pos);
		if (w <= 0)
			return done ? done : w;
		done += w;
	}
	return done;
}

/*
 * Copy through a buffer of the kernel. in_pos is where to read; what was read and could not be
 * written is not counted.
 */
static ssize_t copy_between(struct file *in, off64_t *in_pos, struct file *out, off64_t *out_pos,
			    size_t count)
{
	char *buf = kmalloc(COPY_CHUNK);
	ssize_t done = 0, n = 0;

	if (!buf)
		return -ENOMEM;
	while (count) {
		off64_t at = *in_pos;
		struct iter it;

		iter_init_kernel(&it, buf, min(count, (size_t)COPY_CHUNK));
		n = file_read(in, &it, &at);
		if (n <= 0)
			break;
		n = write_chunk(out, buf, (size_t)n, out_pos);
		if (n <= 0)
			break;
		*in_pos += n;
		done += n;
		count -= (size_t)n;
		if (signal_pending_current())
			break;
	}
	kfree(buf);
	return done ? done : n;
}

/* The position that a call uses: the program's, or the file's own, and back. */
static int position_get(struct file *f, uaddr_t upos, off64_t *pos)
{
	if (upos)
		return get_user(*pos, upos) ? -EFAULT : 0;
	*pos = file_llseek(f, 0, SEEK_CUR);
	return *pos < 0 ? (int)*pos : 0;
}

static int position_put(struct file *f, uaddr_t upos, off64_t pos)
{
	if (upos)
		return put_user(upos, pos);
	pos = file_llseek(f, pos, SEEK_SET);
	return pos < 0 ? (int)pos : 0;
}

static ssize_t send_file(struct file *out, struct file *in, uaddr_t uoffset, size_t count)
{
	off64_t pos;
	ssize_t n;
	int r;

	if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE))
		return -EBADF;
	if (in->ops->flags & FILE_OPS_STREAM)
		return uoffset ? -ESPIPE : -EINVAL;
	if (out->flags & O_APPEND)
		return -EINVAL;
	r = position_get(in, uoffset, &pos);
	if (!r && (pos < 0 || (ssize_t)count < 0))
		r = -EINVAL;
	if (r)
		return r;
	n = copy_between(in, &pos, out, NULL, min(count, RW_COUNT_MAX));
	r = position_put(in, uoffset, pos);
	return n > 0 && r ? r : n;
}

int64_t sys_sendfile(int out_fd, int in_fd, uaddr_t offset, size_t count)
{
	struct fd_ref in = fd_borrow(in_fd), out = fd_borrow(out_fd);
	ssize_t n = in.file && out.file ? send_file(out.file, in.file, offset, count) : -EBADF;

	fd_return(out);
	fd_return(in);
	return write_result(n);
}

/* Cut *len to what there is and what may be; the order of the errors is Linux's. */
static int check_range(struct file *in, off64_t from, struct file *out, off64_t to, size_t *len)
{
	off64_t size = (off64_t)inode_size(in->inode);
	off64_t limit = (off64_t)out->inode->super->max_file;
	uint64_t end;

	if (add_overflow((uint64_t)from, *len, &end) || add_overflow((uint64_t)to, *len, &end))
		return -EOVERFLOW;
	if (to >= limit)
		return -EFBIG;
	if (from < 0 || to < 0)
		return -EINVAL;
	*len = min(*len, (size_t)(limit - to));
	*len = from < size ? min(*len, (size_t)(size - from)) : 0;
	if (in->inode == out->inode && from < to + (off64_t)*len && to < from + (off64_t)*len)
		return -EINVAL;
	*len = min(*len, RW_COUNT_MAX);
	return 0;
}

static ssize_t copy_range(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout, size_t len)
{
	off64_t from, to;
	ssize_t n;
	int r;

	if (inode_is_dir(in->inode) || inode_is_dir(out->inode))
		return -EISDIR;
	if (!inode_is_regular(in->inode) || !inode_is_regular(out->inode))
		return -EINVAL;
	if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	r = position_get(in, uin, &from);
	if (!r)
		r = position_get(out, uout, &to);
	if (!r)
		r = check_range(in, from, out, to, &len);
	if (r)
		return r;
	n = copy_between(in, &from, out, &to, len);
	r = position_put(in, uin, from);
	if (!r)
		r = position_put(out, uout, to);
	return n > 0 && r ? r : n;
}

int64_t sys_copy_file_range(int in_fd, uaddr_t in_off, int out_fd, uaddr_t out_off, size_t len,
			    unsigned flags)
{
	struct fd_ref in, out;
	ssize_t n;

	if (flags)
		return -EINVAL;
	in = fd_borrow(in_fd);
	out = fd_borrow(out_fd);
	n = in.file && out.file ? copy_range(in.file, in_off, out.file, out_off, len) : -EBADF;
	fd_return(out);
	fd_return(in);
	return io_result(n);
}
