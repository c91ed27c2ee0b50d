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

int pipe_init(void);

#endif
