/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VFS_INITRAMFS_H
#define VFS_INITRAMFS_H

#include <stddef.h>

/*
 * Unpack cpio archives (several, one behind the other) into the root filesystem; later entries
 * replace earlier ones. -EINVAL and a line in the log for a malformed archive: what came before
 * it stays; -ENOMEM, -ENOSPC. Context: process, as the kernel.
 */
int initramfs_unpack(const void *base, size_t size);

#endif
