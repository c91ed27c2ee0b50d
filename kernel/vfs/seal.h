/* SPDX-License-Identifier: BSD-2-Clause */
/* Seals: what may never again be done to a file in memory (memfd_create, F_ADD_SEALS). */
#ifndef VFS_SEAL_H
#define VFS_SEAL_H

#include <base/types.h>

struct file;
struct inode;

/* Seals are for this inode, which nobody else has yet: bits of F_SEAL_*. -ENOMEM. */
int seals_create(struct inode *inode, unsigned seals);
void seals_free(struct inode *inode);
/* F_GET_SEALS: bits, or -EINVAL (not for this file). F_ADD_SEALS: -EPERM, -EBUSY, -EINVAL too. */
int seals_get(const struct file *f);
int seals_add(struct file *f, unsigned seals);

/* May this be done? 0 or -EPERM. Hold: inode->lock for writing. Cheap without seals. */
int seals_check_write(const struct inode *inode, uint64_t end);
int seals_check_size(const struct inode *inode, uint64_t size);
int seals_check_punch(const struct inode *inode);
int seals_check_mode(const struct inode *inode, unsigned mode);

/*
 * Around the making of a shared mapping: -EPERM if it may not be writable; *may_write is cleared if
 * it may not become so. After 0, seals_map_end() when the mapping is there or is not to be.
 */
int seals_map_begin(struct file *f, bool write, bool *may_write);
void seals_map_end(struct file *f);

#endif
