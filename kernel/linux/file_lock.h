/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of fcntl(2) that lock ranges. In sys_lock.c. */
#ifndef LINUX_FILE_LOCK_H
#define LINUX_FILE_LOCK_H

#include <base/types.h>

struct file;

/* -EINVAL if cmd is none of them. */
int64_t file_lock_fcntl(int fd, struct file *f, unsigned cmd, uaddr_t arg);

#endif
