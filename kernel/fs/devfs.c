/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devfs, mounted as "devtmpfs": one tmpfs in which the kernel makes a node for every character
 * device that has a name. Programs may add links and change modes as in any directory.
 *
 * The filesystem exists from boot on, mounted or not; nodes are made through the ordinary
 * operations on a mount of our own that is in no tree.
 */
#include "devices.h"
#include "tmpfs.h"

#include <base/cred.h>
#include <base/log.h>
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

static void make_node(const struct chardev *c)
{
	struct inode_attr attr = {.valid = ATTR_MODE | ATTR_UID | ATTR_GID,
				  .mode = c->mode,
				  .uid = c->uid,
				  .gid = c->gid};
	struct path root = {.mount = own_mount, .dentry = instance->root}, node;
	struct cred *own;
	int r;

	if (!c->name)
		return;
	own = begin_as_kernel();
	make_parents(&root, c->name);
	r = vfs_mknod(&root, c->name, S_IFCHR | c->mode, c->rdev);
	if (!r)
		r = path_walk(&root, c->name, 0, &node);
	if (r) {
		log_error("devfs: no node %s: %s", c->name, errno_name(r));
	} else {
		/* Whoever registers a device has an umask that is no business of the node. */
		vfs_setattr(node, &attr);
		path_put(node);
	}
	end_as_kernel(own);
}

/* The node goes with its device, unless somebody has put something else in its place. */
static void remove_node(const struct chardev *c)
{
	struct path root = {.mount = own_mount, .dentry = instance->root}, node;
	struct cred *own;
	bool ours;

	if (!c->name)
		return;
	own = begin_as_kernel();
	if (path_walk(&root, c->name, 0, &node) == 0) {
		ours = S_ISCHR(node.dentry->inode->mode) && node.dentry->inode->rdev == c->rdev;
		path_put(node);
		if (ours)
			vfs_unlink(&root, c->name);
	}
	end_as_kernel(own);
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
	chardev_set_hooks(make_node, remove_node);
	return r;
}
