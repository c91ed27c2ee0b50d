/* SPDX-License-Identifier: BSD-2-Clause */
/* Changing attributes: who may, and what else changes with them. */
#include "names.h"

#include "file.h"
#include "filemap.h"
#include "mount.h"
#include "notify.h"
#include "super.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/falloc.h>

static int apply(struct inode *inode, const struct inode_attr *attr)
{
	int r = 0;

	rwlock_write_lock(&inode->lock);
	if (inode->ops->setattr) {
		r = inode->ops->setattr(inode, attr);
	} else {
		if (attr->valid & ATTR_SIZE)
			filemap_set_size(inode, attr->size);
		inode_setattr_plain(inode, attr);
	}
	rwlock_write_unlock(&inode->lock);
	return r;
}

static int may_chown(const struct inode *inode, const struct inode_attr *attr,
		     const struct cred *cred)
{
	bool owner = cred->fsuid == inode->uid;

	if (cred_capable(cred, CAP_CHOWN))
		return 0;
	if ((attr->valid & ATTR_UID) && !(owner && attr->uid == inode->uid))
		return -EPERM;
	if ((attr->valid & ATTR_GID) &&
	    !(owner && (attr->gid == inode->gid || cred_in_group(cred, attr->gid))))
		return -EPERM;
	return 0;
}

static int may_set_times(const struct inode *inode, const struct inode_attr *attr,
			 const struct cred *cred)
{
	unsigned given = attr->valid & (ATTR_ATIME | ATTR_MTIME);
	unsigned now = attr->valid & (ATTR_ATIME_NOW | ATTR_MTIME_NOW);

	if (inode_owner_or_capable(inode, cred))
		return 0;
	/* Both to the current time is what any writer could do. */
	if (given || now != (ATTR_ATIME_NOW | ATTR_MTIME_NOW))
		return -EPERM;
	return inode_permission(inode, cred, MAY_WRITE);
}

static uint32_t event_of(unsigned valid)
{
	bool atime = valid & (ATTR_ATIME | ATTR_ATIME_NOW);
	bool mtime = valid & (ATTR_MTIME | ATTR_MTIME_NOW);

	if (valid & (ATTR_MODE | ATTR_UID | ATTR_GID) || (atime && mtime))
		return IN_ATTRIB;
	/* One of the times alone is what reading or writing would do. */
	return atime ? IN_ACCESS : mtime ? IN_MODIFY : IN_ATTRIB;
}

int vfs_setattr(struct path p, const struct inode_attr *wanted)
{
	struct inode *inode = path_inode(p);
	struct inode_attr attr = *wanted;
	const struct cred *cred = vfs_cred();
	int r = 0;

	if (mount_is_readonly(p.mount))
		return -EROFS;
	if (attr.valid & ATTR_MODE) {
		if (!inode_owner_or_capable(inode, cred))
			return -EPERM;
		if (!cred_in_group(cred, inode->gid) && !cred_capable(cred, CAP_FSETID))
			attr.mode &= ~(uint32_t)S_ISGID;
	}
	if (attr.valid & (ATTR_UID | ATTR_GID)) {
		r = may_chown(inode, &attr, cred);
		attr.valid |= ATTR_KILL_ID;
	}
	if (inode_is_dir(inode))
		attr.valid &= ~(unsigned)ATTR_KILL_ID;
	if (!r && (attr.valid & (ATTR_ATIME | ATTR_MTIME | ATTR_ATIME_NOW | ATTR_MTIME_NOW)))
		r = may_set_times(inode, &attr, cred);
	if (!r)
		r = apply(inode, &attr);
	if (!r)
		notify_dentry(p.dentry, event_of(wanted->valid));
	return r;
}

int vfs_truncate_checked(struct inode *inode, uint64_t size)
{
	struct inode_attr attr = {.valid = ATTR_SIZE, .size = size};

	if (size > inode->super->max_file)
		return -EFBIG;
	if (!cred_capable(vfs_cred(), CAP_FSETID))
		attr.valid |= ATTR_KILL_ID;
	return apply(inode, &attr);
}

int vfs_truncate(struct path p, off64_t size)
{
	struct inode *inode = path_inode(p);
	int r;

	if (size < 0)
		return -EINVAL;
	if (inode_is_dir(inode))
		return -EISDIR;
	if (!inode_is_regular(inode))
		return -EINVAL;
	r = inode_permission(inode, vfs_cred(), MAY_WRITE);
	if (r)
		return r;
	if (mount_is_readonly(p.mount))
		return -EROFS;
	r = inode_want_write(inode);
	if (r)
		return r;
	r = vfs_truncate_checked(inode, (uint64_t)size);
	if (!r)
		notify_dentry(p.dentry, IN_MODIFY);
	inode_done_write(inode);
	return r;
}

int file_truncate(struct file *f, off64_t size)
{
	int r;

	if (size < 0 || !(f->mode & FILE_WRITE) || !inode_is_regular(f->inode))
		return f->mode & FILE_PATH ? -EBADF : -EINVAL;
	r = vfs_truncate_checked(f->inode, (uint64_t)size);
	if (!r)
		notify_dentry(f->path.dentry, IN_MODIFY);
	return r;
}

int file_fallocate(struct file *f, int mode, off64_t offset, off64_t len)
{
	off64_t end;
	int r;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if (inode_is_dir(f->inode))
		return -EISDIR;
	if (!inode_is_regular(f->inode))
		return -ENODEV;
	if (add_overflow(offset, len, &end) || (uint64_t)end > f->inode->super->max_file)
		return -EFBIG;
	if (!f->ops->fallocate)
		return -EOPNOTSUPP;
	r = f->ops->fallocate(f, mode, offset, len);
	if (!r)
		notify_dentry(f->path.dentry, IN_MODIFY);
	return r;
}

int vfs_access(struct path p, unsigned mask, const struct cred *cred)
{
	struct inode *inode = path_inode(p);

	if ((mask & MAY_EXEC) && inode_is_regular(inode) && (p.mount->flags & MOUNT_NOEXEC))
		return -EACCES;
	if ((mask & MAY_WRITE) && mount_is_readonly(p.mount) &&
	    (inode_is_regular(inode) || inode_is_dir(inode) || inode_is_link(inode)))
		return -EROFS;
	return inode_permission(inode, cred, mask);
}
