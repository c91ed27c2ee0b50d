/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The filesystems that are part of the kernel image. They are plug-ins: fs/ implements these,
 * init/main.c calls them, and nobody includes a header of fs/. Each registers its type.
 */
#ifndef VFS_BUILTIN_FS_H
#define VFS_BUILTIN_FS_H

int tmpfs_init(void);  /* before vfs_init, which mounts one as the root */
int devfs_init(void);  /* after it; devices may be registered before or later */
int procfs_init(void); /* after it */
int devpts_init(void); /* after it */
int sysfs_init(void);  /* after procfs, when all processors are known */

#endif
