/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may do what to an inode: mode bits, sticky directories, capabilities. */
#include "inode.h"

#include <base/cred.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <sched/thread.h>

const struct cred *vfs_cred(void)
{
	struct thread *t = current();

	/* Only the thread itself replaces its credentials, so this needs no reference. */
	return t && t->cred ? t->cred : &cred_root;
}

static bool capable_over_mode(const struct inode *inode, const struct cred *cred, unsigned mask)
{
	bool dir = inode_is_dir(inode);

	if (!(mask & MAY_WRITE) && (dir || mask == MAY_READ) &&
	    cred_capable(cred, CAP_DAC_READ_SEARCH))
		return true;
	/* Not even the superuser executes what nobody may. */
	if ((mask & MAY_EXEC) && !dir && !(inode->mode & 0111))
		return false;
	return cred_capable(cred, CAP_DAC_OVERRIDE);
}

int inode_permission(const struct inode *inode, const struct cred *cred, unsigned mask)
{
	unsigned mode = READ_ONCE(inode->mode);

	if (cred->fsuid == READ_ONCE(inode->uid))
		mode >>= 6;
	else if (cred_in_group(cred, READ_ONCE(inode->gid)))
		mode >>= 3;
	if ((mode & mask) == mask || capable_over_mode(inode, cred, mask))
		return 0;
	return -EACCES;
}

bool inode_owner_or_capable(const struct inode *inode, const struct cred *cred)
{
	return cred->fsuid == READ_ONCE(inode->uid) || cred_capable(cred, CAP_FOWNER);
}

int inode_may_delete(const struct inode *dir, const struct inode *victim, const struct cred *cred)
{
	int r = inode_permission(dir, cred, MAY_WRITE | MAY_EXEC);

	if (r)
		return r;
	if ((dir->mode & S_ISVTX) && cred->fsuid != victim->uid && cred->fsuid != dir->uid &&
	    !cred_capable(cred, CAP_FOWNER))
		return -EPERM;
	return 0;
}
