/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading and writing through the page cache: file operations of every file that has one. */
#ifndef VFS_FILEMAP_H
#define VFS_FILEMAP_H

#include "file.h"

struct inode;

ssize_t filemap_read(struct file *f, struct iter *it, off64_t *pos);
ssize_t filemap_write(struct file *f, struct iter *it, off64_t *pos);
/* Also SEEK_DATA and SEEK_HOLE. */
off64_t filemap_llseek(struct file *f, off64_t offset, int whence);
int filemap_mmap(struct file *f, struct vm_map_args *a);
/* Set the size: pages beyond it go, new bytes read as zero. inode->lock held for writing. */
void filemap_set_size(struct inode *inode, uint64_t size);
int filemap_fallocate(struct file *f, int mode, off64_t offset, off64_t len);
/* Make [offset, offset+len) a hole: size stays. inode->lock held for writing. */
int filemap_punch(struct inode *inode, uint64_t offset, uint64_t len);

#endif
