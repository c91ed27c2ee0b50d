/* SPDX-License-Identifier: BSD-2-Clause */
/* What one user holds of things that are limited by user. */
#ifndef VFS_USER_LIMIT_H
#define VFS_USER_LIMIT_H

#include <base/types.h>

enum user_resource {
	USER_INOTIFY_INSTANCES,
	USER_INOTIFY_WATCHES,
	USER_EPOLL_WATCHES,
	USER_RESOURCES
};

/* One more for the user. 0, -ENOSPC at the limit, -ENOMEM. Context: process. */
int user_limit_take(uint32_t uid, enum user_resource what);
void user_limit_give(uint32_t uid, enum user_resource what);
void user_limit_init(void); /* the files in /proc/sys/fs, at boot */

#endif
