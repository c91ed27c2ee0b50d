/* SPDX-License-Identifier: BSD-2-Clause */
#include "vfs_boot.h"

#include "builtin_fs.h"
#include "filelock.h"
#include "inotify.h"
#include "mount.h"
#include "user_limit.h"

#include <base/panic.h>

void vfs_start(void)
{
	if (tmpfs_init() || vfs_init() || devfs_init() || procfs_init() || devpts_init() ||
	    sysfs_init())
		panic("boot: too little memory for the file systems");
	file_locks_init();
	user_limit_init();
	inotify_init();
}
