/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_BLOCK_IOCTL_H
#define LINUX_BLOCK_IOCTL_H

/* Set the hook of block devices' ioctls. At boot. */
void block_ioctl_init(void);

#endif
