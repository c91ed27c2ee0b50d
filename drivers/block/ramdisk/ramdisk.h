/* SPDX-License-Identifier: MIT */
/* What programs may ask of a RAM disk by ioctl(2). */
#ifndef RAMDISK_H
#define RAMDISK_H

#include <banos/ioctl.h> /* for programs as well */

/* How many requests it has served. */
#define RAMDISK_SERVED BANOS_IOCTL_R('R', 1, uint64_t)

#endif
