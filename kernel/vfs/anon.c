/* SPDX-License-Identifier: BSD-2-Clause */
/* The filesystem of what has no name. It is mounted nowhere; its mount only completes paths. */
#include "anon.h"

#include "dentry.h"
#include "inode.h"
#include "mount.h"
#include "super.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <linux/magic.h>
#include <mem/slab.h>

static struct mount *anon_mount;  /* [I] */
static struct inode *event_inode; /* [I] */
static uint64_t last_ino;	  /* [a] */

static void anon_free(struct epoch_head *head)
{
	kfree(container_of(head, struct inode, epoch));
}

static void anon_evict(struct inode *inode)
{
	inode_free_deferred(inode, anon_free);
}

static const struct super_ops anon_super_ops = {.evict = anon_evict};
static const struct inode_ops anon_inode_ops;
static const struct fs_type anon_type = {.name = "anon_inodefs"};

static struct inode *inode_of(struct super *s, unsigned mode)
{
	struct inode *inode = kmalloc(sizeof(*inode));
	const struct cred *cred = vfs_cred();

	if (!inode)
		return NULL;
	inode_init(inode, s, mode);
	inode->ops = &anon_inode_ops;
	inode->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	inode_init_special(inode, 0);
	return inode;
}

struct inode *anon_inode_create(unsigned mode)
{
	return inode_of(anon_mount->super, mode);
}

struct inode *anon_event_inode(void)
{
	return inode_get(event_inode);
}

int anon_path(struct inode *inode, const char *text, struct path *out)
{
	out->dentry = dentry_create_detached(inode, text);
	if (!out->dentry) {
		inode_put(inode);
		return -ENOMEM;
	}
	out->mount = mount_get(anon_mount);
	return 0;
}

int anon_init(void)
{
	struct super *s = super_create(&anon_type, &anon_super_ops, ANON_INODE_FS_MAGIC);
	struct inode *root = s ? inode_of(s, S_IFDIR | 0555) : NULL;

	if (!root || super_set_root(s, root))
		return -ENOMEM;
	anon_mount = mount_create_detached(s, "none");
	event_inode = inode_of(s, 0600);
	return anon_mount && event_inode ? 0 : -ENOMEM;
}
