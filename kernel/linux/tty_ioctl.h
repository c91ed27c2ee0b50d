/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_TTY_IOCTL_H
#define LINUX_TTY_IOCTL_H

/* Terminals learn Linux's ioctls: once at boot, after tty_init(). */
void linux_tty_init(void);

#endif
