/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes: namespaces and permissions, the same for every filesystem.
 *
 *	user.		regular files and directories, by the mode bits of the file
 *	trusted.	CAP_SYS_ADMIN alone may see and change them
 *	security.	anybody reads, CAP_SYS_ADMIN changes (security.capability: CAP_SETFCAP);
 *			nothing here obeys what they say
 *	others		-EOPNOTSUPP: there are no access control lists
 */
#include "xattr.h"

#include "inode.h"
#include "mount.h"
#include "notify.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/xattr.h>

/* Is the name complete, and of a kind that exists? */
static int check_name(const char *name)
{
	static const char *const prefixes[] = {XATTR_USER_PREFIX, XATTR_TRUSTED_PREFIX,
					       XATTR_SECURITY_PREFIX};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (str_starts(name, prefixes[i]))
			return name[strlen(prefixes[i])] ? 0 : -EINVAL;
	}
	return -EOPNOTSUPP;
}

/* What may not be looked at is as if it were not there. */
static int refusal(unsigned mask)
{
	return mask & MAY_WRITE ? -EPERM : -ENODATA;
}

static int check_user(const struct inode *inode, unsigned mask, const struct cred *cred)
{
	if (!inode_is_regular(inode) && !inode_is_dir(inode))
		return refusal(mask);
	if (mask & MAY_WRITE && inode_is_dir(inode) && inode->mode & S_ISVTX &&
	    !inode_owner_or_capable(inode, cred))
		return -EPERM;
	return inode_permission(inode, cred, mask);
}

static int check_security(const char *name, unsigned mask, const struct cred *cred)
{
	int needed = strcmp(name, XATTR_NAME_CAPS) == 0 ? CAP_SETFCAP : CAP_SYS_ADMIN;

	return mask & MAY_WRITE && !cred_capable(cred, needed) ? -EPERM : 0;
}

static int check(struct path p, const char *name, unsigned mask)
{
	const struct cred *cred = vfs_cred();

	if (mask & MAY_WRITE && mount_is_readonly(p.mount))
		return -EROFS;
	if (str_starts(name, XATTR_SECURITY_PREFIX))
		return check_security(name, mask, cred);
	if (str_starts(name, XATTR_TRUSTED_PREFIX))
		return cred_capable(cred, CAP_SYS_ADMIN) ? 0 : refusal(mask);
	if (str_starts(name, XATTR_USER_PREFIX))
		return check_user(path_inode(p), mask, cred);
	return str_starts(name, XATTR_SYSTEM_PREFIX) ? 0
						     : inode_permission(path_inode(p), cred, mask);
}

ssize_t vfs_getxattr(struct path p, const char *name, void *buf, size_t size)
{
	struct inode *inode = path_inode(p);
	ssize_t n = check(p, name, MAY_READ);

	if (!n)
		n = check_name(name);
	if (!n && !inode->ops->getxattr)
		n = -EOPNOTSUPP;
	if (n)
		return n;
	rwlock_read_lock(&inode->lock);
	n = inode->ops->getxattr(inode, name, buf, size);
	rwlock_read_unlock(&inode->lock);
	return n;
}

ssize_t vfs_listxattr(struct path p, char *buf, size_t size)
{
	struct inode *inode = path_inode(p);
	ssize_t n;

	if (!inode->ops->listxattr)
		return 0;
	rwlock_read_lock(&inode->lock);
	n = inode->ops->listxattr(inode, buf, size, cred_capable(vfs_cred(), CAP_SYS_ADMIN));
	rwlock_read_unlock(&inode->lock);
	return n;
}

static int change(struct path p, const char *name, const void *value, size_t size, unsigned flags)
{
	struct inode *inode = path_inode(p);
	int r = check(p, name, MAY_WRITE);

	if (!r)
		r = check_name(name);
	if (!r && !inode->ops->setxattr)
		r = -EOPNOTSUPP;
	if (r)
		return r;
	rwlock_write_lock(&inode->lock);
	r = inode->ops->setxattr(inode, name, value, size, flags);
	if (!r)
		inode_touch(inode, TOUCH_CTIME);
	rwlock_write_unlock(&inode->lock);
	if (!r)
		notify_dentry(p.dentry, IN_ATTRIB);
	return r;
}

int vfs_setxattr(struct path p, const char *name, const void *value, size_t size, unsigned flags)
{
	return change(p, name, size ? value : "", size, flags);
}

int vfs_removexattr(struct path p, const char *name)
{
	return change(p, name, NULL, 0, 0);
}
