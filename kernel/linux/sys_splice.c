/* SPDX-License-Identifier: BSD-2-Clause */
/* splice, tee, vmsplice: decode; vfs/pipe_splice.c moves. */
#include "file_args.h"

#include <lib/errno.h>
#include <linux/fcntl.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/pipe.h>
#include <vm/usercopy.h>

/* UAPI has no header for them. MOVE, MORE and GIFT are hints. */
#define SPLICE_F_MOVE	  1
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_MORE	  4
#define SPLICE_F_GIFT	  8
#define SPLICE_F_ALL	  15

/* The position for one side: *pos is made to point to `store` if the program gave one. */
static int position_in(struct file *f, uaddr_t upos, off64_t *store, off64_t **pos)
{
	*pos = NULL;
	if (!upos)
		return 0;
	if (file_is_pipe(f))
		return -ESPIPE;
	if (get_user(*store, upos))
		return -EFAULT;
	*pos = store;
	return 0;
}

static int64_t do_splice(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout, size_t len,
			 unsigned flags)
{
	off64_t in_store, out_store, *in_pos, *out_pos;
	ssize_t n;
	int r = position_in(in, uin, &in_store, &in_pos);

	if (!r && uout && file_is_pipe(out))
		r = -ESPIPE;
	if (!r)
		r = position_in(out, uout, &out_store, &out_pos);
	if (r)
		return r;
	if (!(in->mode & FILE_READ) || !(out->mode & FILE_WRITE))
		return -EBADF;
	if (!file_is_pipe(in) && !file_is_pipe(out))
		return -EINVAL;
	if ((in_pos && in->ops->flags & FILE_OPS_STREAM) ||
	    (out_pos && out->ops->flags & FILE_OPS_STREAM))
		return -EINVAL;
	if (!file_is_pipe(out) && out->flags & O_APPEND)
		return -EINVAL;
	if ((ssize_t)len < 0 && !(file_is_pipe(in) && file_is_pipe(out)))
		return -EINVAL;
	len = min(len, RW_COUNT_MAX);
	r = write_limit(out, out_pos, false, &len);
	if (r)
		return r;
	n = pipe_splice(in, in_pos, out, out_pos, len, flags & SPLICE_F_NONBLOCK);
	if (n > 0 &&
	    ((in_pos && put_user(uin, in_store)) || (out_pos && put_user(uout, out_store))))
		return -EFAULT;
	return n;
}

int64_t sys_splice(int fd_in, uaddr_t off_in, int fd_out, uaddr_t off_out, size_t len,
		   unsigned flags)
{
	struct fd_ref in, out;
	int64_t n = -EBADF;

	if (!len)
		return 0;
	if (flags & ~(unsigned)SPLICE_F_ALL)
		return -EINVAL;
	in = fd_borrow(fd_in);
	out = fd_borrow(fd_out);
	if (in.file && out.file)
		n = do_splice(in.file, off_in, out.file, off_out, len, flags);
	fd_return(out);
	fd_return(in);
	return write_result(n);
}

int64_t sys_tee(int fd_in, int fd_out, size_t len, unsigned flags)
{
	struct fd_ref in, out;
	int64_t n = -EBADF;

	if (flags & ~(unsigned)SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_borrow(fd_in);
	out = fd_borrow(fd_out);
	if (in.file && out.file && in.file->mode & FILE_READ && out.file->mode & FILE_WRITE)
		n = pipe_tee(in.file, out.file, min(len, RW_COUNT_MAX), flags & SPLICE_F_NONBLOCK);
	fd_return(out);
	fd_return(in);
	return write_result(n);
}

static int64_t do_vmsplice(struct file *f, uaddr_t iov, unsigned long count, unsigned flags)
{
	bool nowait = flags & SPLICE_F_NONBLOCK;
	struct iovec_arg v;
	int64_t n;

	if (!(f->mode & (FILE_READ | FILE_WRITE)))
		return -EBADF;
	n = iovec_arg_get(&v, iov, count);
	if (n)
		return n;
	if (!iter_left(&v.iter)) {
		n = 0;
	} else if (!file_is_pipe(f)) {
		n = -EBADF;
	} else if (f->mode & FILE_WRITE) {
		n = pipe_write_some(f, &v.iter, nowait);
	} else {
		v.iter.flags |= nowait ? ITER_NOWAIT : 0;
		n = file_read(f, &v.iter, NULL);
	}
	iovec_arg_put(&v);
	return n;
}

int64_t sys_vmsplice(int fd, uaddr_t iov, unsigned long count, unsigned flags)
{
	struct fd_ref r;
	int64_t n;

	if (flags & ~(unsigned)SPLICE_F_ALL)
		return -EINVAL;
	r = fd_borrow(fd);
	if (!r.file)
		return -EBADF;
	n = do_vmsplice(r.file, iov, count, flags);
	fd_return(r);
	return write_result(n);
}
