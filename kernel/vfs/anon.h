/* SPDX-License-Identifier: BSD-2-Clause */
/* Inodes that have no name in the tree: pipes, sockets, unnamed files. */
#ifndef VFS_ANON_H
#define VFS_ANON_H

#include "path.h"

struct inode;

int anon_init(void);
/* A fresh inode owned by the caller, one reference, with a number of its own. NULL: no memory. */
struct inode *anon_inode_create(unsigned mode);
/* The one inode that all files of events share (a counted reference); mode 0600 and no type. */
struct inode *anon_event_inode(void);
/* A place for it, shown as text; takes over the inode's reference. -ENOMEM. */
int anon_path(struct inode *inode, const char *text, struct path *out);

#endif
