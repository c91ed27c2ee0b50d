/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoding that the file system calls share: paths, descriptors, iovecs, device numbers. */
#ifndef LINUX_FILE_ARGS_H
#define LINUX_FILE_ARGS_H

#include <base/types.h>
#include <vfs/device.h>
#include <vfs/fdtable.h>
#include <vfs/path.h>
#include <vm/iter.h>

struct cred;

/* A path from the program, with the directory it starts from. */
struct path_arg {
	char *text;	    /* few, or an allocated copy */
	struct path base;   /* of the file, which holds it */
	struct fd_ref file; /* the directory to start from; NULL: none was given */
	char few[128];	    /* enough for most: a page from the heap costs more than a short walk */
};

/* Copy the path and take dirfd's directory. -EFAULT, -ENAMETOOLONG, -EBADF. */
int path_arg_get(struct path_arg *a, int dirfd, uaddr_t text);
void path_arg_put(struct path_arg *a);
static inline const struct path *path_arg_base(const struct path_arg *a)
{
	return a->file.file ? &a->base : NULL;
}
/* Get, walk with WALK_* flags, put. *out is counted. */
int path_arg_walk(int dirfd, uaddr_t text, unsigned flags, struct path *out);
/* Likewise, but only look at it, with the permissions of cred: path_visit(). */
int path_arg_visit(int dirfd, uaddr_t text, unsigned flags, const struct cred *cred,
		   int (*fn)(struct path p, bool counted, void *ctx), void *ctx);
/* AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH as WALK_* (following unless told otherwise). */
unsigned at_walk_flags(unsigned at_flags);

/* RLIMIT_NOFILE of the caller. */
uint64_t fd_limit(void);
/* Reserve a number and install the file, whose reference is taken over. The number, or -errno. */
int fd_publish(struct file *f, bool cloexec);

/*
 * As calls of files end: -EINTR restarts, if a signal is there; a driver may return it for a reason
 * of its own, which the program gets to see. After a write -EPIPE raises SIGPIPE.
 */
int64_t io_result(int64_t n);
int64_t write_result(ssize_t n);

/*
 * RLIMIT_FSIZE: cut a write at *pos (NULL: the file's own) to what it allows; -EFBIG and SIGXFSZ
 * beyond.
 */
int write_limit(struct file *f, const off64_t *pos, bool append, size_t *n);

#define RW_COUNT_MAX 0x7ffff000UL /* most bytes of one read or write */

/* An array of struct iovec, checked and cut to RW_COUNT_MAX. */
struct iovec_arg {
	struct iter_segment few[8];
	struct iter_segment *segs; /* few, or allocated */
	struct iter iter;
};
int iovec_arg_get(struct iovec_arg *v, uaddr_t iov, unsigned long count);
void iovec_arg_put(struct iovec_arg *v);

/* Linux's encoding of device numbers in user structures. */
uint64_t dev_encode(dev_t dev);
dev_t dev_decode(uint32_t encoded);

/* struct timespec as a deadline; NULL address: NEVER. -EINVAL, -EFAULT. */
int deadline_from_timespec(uaddr_t ts, nsec_t *deadline);

#endif
