/* SPDX-License-Identifier: BSD-2-Clause */
/* Device numbers as the kernel holds them: 12 bits of major, 20 of minor. */
#ifndef VFS_DEVICE_H
#define VFS_DEVICE_H

#include <base/types.h>

typedef uint32_t dev_t;

#define DEV_MAKE(major, minor) ((dev_t)(((uint32_t)(major) << 20) | ((uint32_t)(minor)&0xfffff)))
#define DEV_MAJOR(dev)	       ((uint32_t)(dev) >> 20)
#define DEV_MINOR(dev)	       ((uint32_t)(dev)&0xfffff)

#endif
