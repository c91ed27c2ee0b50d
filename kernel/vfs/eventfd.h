/* SPDX-License-Identifier: BSD-2-Clause */
/* Event counters behind descriptors: eventfd(2). */
#ifndef VFS_EVENTFD_H
#define VFS_EVENTFD_H

#include <base/types.h>

struct file;

/* semaphore: a read takes 1, not all. flags: O_NONBLOCK. 0, -ENOMEM. Context: process. */
int eventfd_create(uint64_t count, bool semaphore, unsigned flags, struct file **out);

#endif
