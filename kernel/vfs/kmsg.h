/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for new records of the kernel log, for /dev/kmsg and syslog(2). */
#ifndef VFS_KMSG_H
#define VFS_KMSG_H

#include <base/types.h>

/* Until a record with this sequence number or a later one exists: 0, or -EINTR. */
int kmsg_wait(uint64_t seq);
/* Registers /dev/kmsg. Context: process, at boot. */
int kmsg_init(void);

#endif
