/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits by user that the superuser sets in /proc/sys/fs. */
#ifndef VFS_USER_LIMIT_H
#define VFS_USER_LIMIT_H

#include <base/user.h>

/* One more for the user; user_give takes it back. 0, -ENOSPC at the limit. Context: any. */
int user_limit_take(struct user *u, enum user_resource what);
void user_limit_init(void); /* the files, at boot */

#endif
