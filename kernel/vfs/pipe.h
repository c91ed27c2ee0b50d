/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes and FIFOs. */
#ifndef VFS_PIPE_H
#define VFS_PIPE_H

#include "file.h"

/* Two descriptions: [0] to read, [1] to write. flags: O_NONBLOCK. 0, -ENOMEM. */
int pipe_create(unsigned flags, struct file *ends[2]);
/* What a FIFO's inode starts with. */
extern const struct file_ops fifo_file_ops;

/* True if f is an end of a pipe or FIFO. */
bool file_is_pipe(const struct file *f);
/* F_GETPIPE_SZ, F_SETPIPE_SZ in bytes: the size, -EBADF (no pipe), -EBUSY, -EPERM, -ENOMEM. */
ssize_t pipe_get_size(struct file *f);
ssize_t pipe_set_size(struct file *f, size_t bytes);

/*
 * From pipe to pipe or file, from file to pipe: bytes moved, 0 at the end, -EAGAIN (nowait), -EPIPE
 * (nobody reads), -EINVAL (one pipe with itself), -EINTR. One of the two is a pipe. pos NULL: the
 * position of the file. What may wait is the first byte only.
 */
ssize_t pipe_splice(struct file *in, off64_t *in_pos, struct file *out, off64_t *out_pos,
		    size_t len, bool nowait);
/* Copy from pipe to pipe without taking. -EINVAL: not two different pipes. */
ssize_t pipe_tee(struct file *in, struct file *out, size_t len, bool nowait);
/* Write what fits, after waiting for room for the first byte. */
ssize_t pipe_write_some(struct file *f, struct iter *it, bool nowait);

int pipe_init(void);

#endif
