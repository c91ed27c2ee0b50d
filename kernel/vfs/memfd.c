/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in memory without a name: memfd_create. They live on a tmpfs that is mounted nowhere. */
#include "file.h"

#include "dentry.h"
#include "inode.h"
#include "mount.h"
#include "seal.h"
#include "super.h"
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/fcntl.h>

static struct mount *memory_mount; /* [a] made by the first user */

static int get_mount(struct mount **out)
{
	const struct fs_type *type = fs_type_find("tmpfs");
	struct mount *m = __atomic_load_n(&memory_mount, __ATOMIC_ACQUIRE), *none = NULL;
	struct super *s;
	int r;

	if (!m) {
		r = type ? type->mount(type, "memfd", "size=0,nr_inodes=0", &s) : -ENODEV;
		if (r)
			return r;
		m = mount_create_detached(s, "memfd");
		if (!m)
			return -ENOMEM;
		if (!__atomic_compare_exchange_n(&memory_mount, &none, m, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE)) {
			mount_put(m); /* another thread was faster */
			m = none;
		}
	}
	*out = mount_get(m);
	return 0;
}

int file_create_memory(const char *name, unsigned mode, unsigned seals, struct file **out)
{
	char text[NAME_TEXT_MAX + 32];
	struct inode *dir, *inode;
	struct path path;
	int r = get_mount(&path.mount);

	if (r)
		return r;
	dir = path.mount->root->inode;
	r = dir->ops->tmpfile(dir, S_IFREG | mode, &inode);
	if (r)
		goto out_mount;
	r = seals_create(inode, seals);
	if (r) {
		inode_put(inode);
		goto out_mount;
	}
	format(text, sizeof(text), "/memfd:%s (deleted)", name);
	path.dentry = dentry_create_detached(inode, text);
	if (!path.dentry) {
		inode_put(inode);
		r = -ENOMEM;
		goto out_mount;
	}
	r = file_create(path, O_RDWR | O_LARGEFILE, out);
	if (!r && !inode_want_write(inode))
		(*out)->mode |= FILE_WRITER | FILE_OPENED;
	return r;
out_mount:
	mount_put(path.mount);
	return r;
}
