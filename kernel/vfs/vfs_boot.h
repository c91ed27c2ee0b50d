/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VFS_BOOT_H
#define VFS_BOOT_H

/* Name cache, filesystem types, root; panics when memory is out. */
void vfs_start(void);

#endif
