/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify(7): watches on files and directories, events to read. */
#ifndef VFS_INOTIFY_H
#define VFS_INOTIFY_H

#include <base/types.h>

struct file;
struct inode;

/* flags: O_NONBLOCK. -EMFILE (the user has too many), -ENOMEM. Context: process. */
int inotify_create(unsigned flags, struct file **out);
bool file_is_inotify(const struct file *f);
/*
 * Watch the inode, to which the caller has a reference; mask: IN_*, already checked. The number
 * of the watch, -EEXIST (IN_MASK_CREATE), -ENOSPC (the user has too many), -ENOMEM.
 */
int inotify_add(struct file *f, struct inode *inode, uint32_t mask);
/* -EINVAL: no such watch. */
int inotify_remove(struct file *f, int32_t number);
void inotify_init(void); /* /proc/sys/fs/inotify, at boot */

#endif
