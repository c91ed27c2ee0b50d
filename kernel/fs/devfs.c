/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devfs, mounted as "devtmpfs": one tmpfs in which the kernel makes a node for every character
 * device that has a name, and for every block device. Programs may add links and change modes as in
 * any directory.
 *
 * The filesystem exists from boot on, mounted or not; nodes are made through the ordinary
 * operations on a mount of our own that is in no tree.
 */
#include "devices.h"
#include "tmpfs.h"

#include <base/cred.h>
#include <base/log.h>
#include <block/block.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <sched/thread.h>
#include <vfs/builtin_fs.h>
#include <vfs/chardev.h>
#include <vfs/dentry.h>
#include <vfs/kmsg.h>
#include <vfs/mount.h>
#include <vfs/names.h>

static struct super *instance;	/* [I] */
static struct mount *own_mount; /* [I] */

/* The directories of "input/event0"; those that exist are fine. */
static void make_parents(const struct path *root, const char *name)
{
	char dir[NAME_TEXT_MAX + 1];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t n = (size_t)(slash - name);

		if (n >= sizeof(dir))
			return;
		memcpy(dir, name, n);
		dir[n] = 0;
		vfs_mkdir(root, dir, 0755);
	}
}

/*
 * Nodes come and go when drivers want it, in whatever program's thread that is: it is the kernel
 * that makes them. Returns what end_as_kernel() wants.
 */
static struct cred *begin_as_kernel(void)
{
	struct cred *own = current()->cred;

	current()->cred = &cred_root;
	return own;
}

static void end_as_kernel(struct cred *own)
{
	current()->cred = own;
}

struct node {
	const char *name;
	unsigned mode; /* type and permissions */
	uint32_t uid, gid;
	dev_t rdev;
};

/* 0, or why there is none: -EEXIST when something else has the name. */
static int make_node(const struct node *n)
{
	struct inode_attr attr = {.valid = ATTR_MODE | ATTR_UID | ATTR_GID,
				  .mode = n->mode & 07777,
				  .uid = n->uid,
				  .gid = n->gid};
	struct path root = {.mount = own_mount, .dentry = instance->root}, node;
	struct cred *own = begin_as_kernel();
	int r;

	make_parents(&root, n->name);
	r = vfs_mknod(&root, n->name, n->mode, n->rdev);
	if (r)
		goto out;
	r = path_walk(&root, n->name, 0, &node);
	if (!r) {
		/* Whoever registers a device has an umask that is no business of the node. */
		r = vfs_setattr(node, &attr);
		path_put(node);
	}
	if (r)
		vfs_unlink(&root, n->name);
out:
	end_as_kernel(own);
	if (r)
		log_error("devfs: no node %s: %s", n->name, errno_name(r));
	return r;
}

/* The node goes with its device, unless somebody has put something else in its place. */
static void remove_node(const struct node *n)
{
	struct path root = {.mount = own_mount, .dentry = instance->root}, node;
	struct cred *own = begin_as_kernel();
	bool ours;

	if (path_walk(&root, n->name, 0, &node) == 0) {
		ours = inode_type(node.dentry->inode) == (n->mode & S_IFMT) &&
		       node.dentry->inode->rdev == n->rdev;
		path_put(node);
		if (ours)
			vfs_unlink(&root, n->name);
	}
	end_as_kernel(own);
}

static struct node of_chardev(const struct chardev *c)
{
	return (struct node){.name = c->name,
			     .mode = S_IFCHR | c->mode,
			     .uid = c->uid,
			     .gid = c->gid,
			     .rdev = c->rdev};
}

static int chardev_added(const struct chardev *c)
{
	struct node n = of_chardev(c);

	return c->name ? make_node(&n) : 0;
}

static void chardev_removed(const struct chardev *c)
{
	struct node n = of_chardev(c);

	if (c->name)
		remove_node(&n);
}

static struct node of_block(const struct block_device *d)
{
	return (struct node){.name = d->name,
			     .mode = S_IFBLK | d->mode,
			     .uid = d->uid,
			     .gid = d->gid,
			     .rdev = DEV_MAKE(BLOCK_MAJOR, d->minor)};
}

static int block_added(const struct block_device *d)
{
	struct node n = of_block(d);

	return make_node(&n);
}

static void block_removed(const struct block_device *d)
{
	struct node n = of_block(d);

	remove_node(&n);
}

/* What programs expect beside the devices. */
static void make_links(void)
{
	static const char *const links[][2] = {{"/proc/self/fd", "fd"},
					       {"/proc/self/fd/0", "stdin"},
					       {"/proc/self/fd/1", "stdout"},
					       {"/proc/self/fd/2", "stderr"}};
	struct path root = {.mount = own_mount, .dentry = instance->root};

	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		vfs_symlink(links[i][0], &root, links[i][1]);
	vfs_mkdir(&root, "shm", 01777);
	vfs_mkdir(&root, "pts", 0755);
}

static int devfs_mount(const struct fs_type *type, const char *source, const char *options,
		       struct super **out)
{
	*out = super_get(instance);
	return 0;
}

static struct fs_type devfs_type = {.name = "devtmpfs", .mount = devfs_mount};

int devfs_init(void)
{
	int r = tmpfs_create_super(&devfs_type, "mode=755", &instance);

	if (r)
		return r;
	instance->flags |= SUPER_PERSISTENT;
	own_mount = mount_create_detached(instance, "devtmpfs");
	if (!own_mount)
		return -ENOMEM;
	fs_type_register(&devfs_type);
	make_links();
	r = mem_devices_init();
	if (!r)
		r = kmsg_init();
	chardev_set_hooks(chardev_added, chardev_removed);
	block_set_hooks(block_added, block_removed);
	return r;
}
