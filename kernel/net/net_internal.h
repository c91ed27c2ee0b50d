/* SPDX-License-Identifier: BSD-2-Clause */
/* Within net/: the parts of the core that only its own files use. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#include "socket.h"

/* --- sockfs.c --- */
void sockfs_init(void);
/* A file that has no socket yet. type: SOCK_*; flags: O_NONBLOCK. */
int sockfs_file_create(unsigned type, unsigned flags, struct file **out);
/* Give it its socket, whose reference the file takes over. */
void sockfs_file_attach(struct file *f, struct socket *s);

/* --- unix.c --- */
void unix_init(void);

#endif
