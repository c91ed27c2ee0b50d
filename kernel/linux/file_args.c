/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding that the file system calls share. Everything that comes in here is hostile. */
#include "file_args.h"

#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/time_types.h>
#include <linux/uio.h>
#include <asm/signal.h>
#include <mem/slab.h>
#include <proc/process.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

/* --- paths -------------------------------------------------------------------------------- */

static int take_base(struct path_arg *a, int dirfd)
{
	/* An absolute path does not look at the descriptor, not even at a bad one. */
	if (dirfd == AT_FDCWD || a->text[0] == '/')
		return 0;
	a->file = fd_borrow_any(dirfd);
	if (!a->file.file)
		return -EBADF;
	a->base = a->file.file->path;
	return 0;
}

static int take_text(struct path_arg *a, uaddr_t text)
{
	ssize_t n;

	a->file = (struct fd_ref){NULL, false};
	a->text = a->few;
	n = copy_string_from_user(a->text, text, sizeof(a->few));
	if (n == -ENAMETOOLONG) {
		a->text = kmalloc(PATH_TEXT_MAX);
		if (!a->text)
			return -ENOMEM;
		n = copy_string_from_user(a->text, text, PATH_TEXT_MAX);
	}
	if (n < 0 && a->text != a->few)
		kfree(a->text);
	return (int)min(n, (ssize_t)0);
}

int path_arg_get(struct path_arg *a, int dirfd, uaddr_t text)
{
	int r = take_text(a, text);

	if (r)
		return r;
	r = take_base(a, dirfd);
	if (r)
		path_arg_put(a);
	return r;
}

void path_arg_put(struct path_arg *a)
{
	fd_return(a->file);
	if (a->text != a->few)
		kfree(a->text);
}

int path_arg_walk(int dirfd, uaddr_t text, unsigned flags, struct path *out)
{
	struct path_arg a;
	int r = path_arg_get(&a, dirfd, text);

	if (r)
		return r;
	r = path_walk(path_arg_base(&a), a.text, flags, out);
	path_arg_put(&a);
	return r;
}

/* With threads a descriptor would have to be counted, which is as much as the walk saves. */
static int visit_shared(struct path_arg *a, int dirfd, unsigned flags, const struct cred *cred,
			int (*fn)(struct path p, bool counted, void *ctx), void *ctx)
{
	const struct file *f;
	int r;

	epoch_enter();
	f = fd_peek(current()->files, dirfd);
	r = f ? path_visit_quick(&f->path, a->text, flags, cred, fn, ctx) : -EBADF;
	epoch_exit();
	return r;
}

int path_arg_visit(int dirfd, uaddr_t text, unsigned flags, const struct cred *cred,
		   int (*fn)(struct path p, bool counted, void *ctx), void *ctx)
{
	struct path_arg a;
	int r = take_text(&a, text);

	if (r)
		return r;
	r = PATH_VISIT_COUNT;
	if (dirfd != AT_FDCWD && a.text[0] != '/' && fd_table_is_shared(current()->files))
		r = visit_shared(&a, dirfd, flags, cred, fn, ctx);
	if (r == PATH_VISIT_COUNT) {
		r = take_base(&a, dirfd);
		if (!r)
			r = path_visit(path_arg_base(&a), a.text, flags, cred, fn, ctx);
	}
	path_arg_put(&a);
	return r;
}

unsigned at_walk_flags(unsigned at_flags)
{
	unsigned flags = at_flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;

	return at_flags & AT_EMPTY_PATH ? flags | WALK_EMPTY : flags;
}

/* --- descriptors -------------------------------------------------------------------------- */

uint64_t fd_limit(void)
{
	return process_limit(process_current(), RLIMIT_NOFILE);
}

int fd_publish(struct file *f, bool cloexec)
{
	struct fd_table *t = current()->files;
	int fd = fd_reserve(t, 0, fd_limit(), cloexec);

	if (fd < 0)
		file_put(f);
	else
		fd_install(t, fd, f);
	return fd;
}

int64_t io_result(int64_t n)
{
	return n == -EINTR && signal_pending_current() ? -ERESTARTSYS : n;
}

int64_t write_result(ssize_t n)
{
	if (n == -EPIPE)
		signal_send_thread(current(), SIGPIPE, NULL);
	return io_result(n);
}

/* --- iovecs ------------------------------------------------------------------------------- */

static int check_segments(struct iter_segment *segs, size_t n)
{
	uint64_t left = RW_COUNT_MAX, sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (segs[i].len > INT64_MAX || add_overflow(sum, segs[i].len, &sum) ||
		    sum > INT64_MAX)
			return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		if (!user_range_ok(segs[i].base, segs[i].len))
			return -EFAULT;
		segs[i].len = min(segs[i].len, left);
		left -= segs[i].len;
	}
	return 0;
}

int iovec_arg_get(struct iovec_arg *v, uaddr_t iov, unsigned long count)
{
	int r;

	BUILD_ASSERT(sizeof(struct iovec) == sizeof(struct iter_segment), "same layout");
	BUILD_ASSERT(offsetof(struct iovec, iov_len) == offsetof(struct iter_segment, len), "same");
	v->segs = v->few;
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (count > ARRAY_SIZE(v->few)) {
		v->segs = kmalloc(count * sizeof(v->segs[0]));
		if (!v->segs)
			return -ENOMEM;
	}
	r = copy_from_user(v->segs, iov, count * sizeof(v->segs[0]));
	if (!r)
		r = check_segments(v->segs, count);
	if (r)
		iovec_arg_put(v);
	else
		iter_init_segments(&v->iter, true, v->segs, count);
	return r;
}

void iovec_arg_put(struct iovec_arg *v)
{
	if (v->segs != v->few)
		kfree(v->segs);
}

/* --- scalars ------------------------------------------------------------------------------ */

uint64_t dev_encode(dev_t dev)
{
	uint64_t major = DEV_MAJOR(dev), minor = DEV_MINOR(dev);

	return (minor & 0xff) | major << 8 | (minor & ~0xffUL) << 12;
}

dev_t dev_decode(uint32_t encoded)
{
	return DEV_MAKE((encoded & 0xfff00) >> 8, (encoded & 0xff) | ((encoded >> 12) & 0xfff00));
}

int deadline_from_timespec(uaddr_t uts, nsec_t *deadline)
{
	struct __kernel_timespec ts;
	nsec_t ns;

	*deadline = NEVER;
	if (!uts)
		return 0;
	if (get_user(ts, uts))
		return -EFAULT;
	if (ts.tv_sec < 0 || (uint64_t)ts.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if (ts.tv_sec == 0 && ts.tv_nsec == 0)
		*deadline = 0;
	else if (mul_overflow((nsec_t)ts.tv_sec, (nsec_t)NSEC_PER_SEC, &ns) ||
		 add_overflow(ns, (nsec_t)ts.tv_nsec, &ns) ||
		 add_overflow(ns, clock_mono_ns(), deadline))
		*deadline = NEVER;
	return 0;
}
