/* SPDX-License-Identifier: MIT */
/* What programs may ask of a RAM disk by ioctl(2). */
#ifndef RAMDISK_H
#define RAMDISK_H

#include <linux/ioctl.h>
#include <stdint.h>

/* How many requests it has served. */
#define RAMDISK_SERVED _IOR('R', 1, uint64_t)

#endif
