/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FS_DEVICES_H
#define FS_DEVICES_H

/* Registers null, zero, full, random, urandom. */
int mem_devices_init(void);

#endif
