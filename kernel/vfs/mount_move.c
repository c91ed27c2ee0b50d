/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing the shape of the tree of mounts: bind, move, pivot_root. What a tree is and who reads
 * it stands in mount.c; everything here happens under mount_tree_lock.
 *
 * There are no groups of mounts among which changes propagate: MS_SHARED, MS_PRIVATE and MS_SLAVE
 * are accepted and change nothing (all mounts behave as private ones).
 */
#include "mount_internal.h"

#include "dentry.h"
#include "fs_context.h"
#include "inode.h"
#include "proc_source.h"
#include "super.h"
#include <lib/errno.h>

/* --- bind --------------------------------------------------------------------------------- */

static int bind_one(struct mount *from, struct dentry *root, struct path where, struct mount **out)
{
	struct mount *m = mount_create(from->super, root, from->source, from->flags);
	int r;

	if (!m)
		return -ENOMEM;
	path_get(where);
	r = mount_attach(m, &where);
	path_put(where);
	if (r)
		mount_put(m);
	else
		*out = m;
	return r;
}

/* Is `at`, in the filesystem of root, below root? */
static bool dentry_below(struct dentry *at, const struct dentry *root)
{
	return at->super == root->super && dentry_is_ancestor(root, at);
}

/* Copy what is mounted on a mount that has a copy. 1: something was done; 0: nothing left. */
static int bind_generation(uint32_t newest)
{
	struct mount *child;
	int done = 0, r;

	list_for_each_entry(child, &mount_all, link) {
		struct mount *to = child->parent->copy;
		struct path where = {.mount = to, .dentry = child->mountpoint};

		if (child->id > newest)
			break;
		if (child->copy || !to || !dentry_below(child->mountpoint, to->root))
			continue;
		r = bind_one(child, child->root, where, &child->copy);
		if (r)
			return r;
		done = 1;
	}
	return done;
}

/* The tree below `from`, onto its copy `to`: parents get their copies before children. */
static int bind_tree(struct mount *from, struct mount *to)
{
	uint32_t newest = list_last_entry(&mount_all, struct mount, link)->id;
	struct mount *m;
	int r;

	from->copy = to;
	while ((r = bind_generation(newest)) > 0)
		continue;
	from->copy = NULL;
	list_for_each_entry(m, &mount_all, link)
		m->copy = NULL;
	return r;
}

int mount_bind(struct path from, struct path where, bool recursive)
{
	struct mount *m;
	int r = -EINVAL;

	mutex_lock(&mount_tree_lock);
	if (mount_is_attached(from.mount))
		r = bind_one(from.mount, from.dentry, where, &m);
	if (!r && recursive)
		r = bind_tree(from.mount, m);
	mutex_unlock(&mount_tree_lock);
	return r;
}

/* --- move --------------------------------------------------------------------------------- */

/* Is m at or above `at`? */
static bool contains(const struct mount *m, const struct mount *at)
{
	while (at && at != m)
		at = at->parent;
	return at != NULL;
}

static int check_move(struct path from, struct path to)
{
	if (from.dentry != from.mount->root || !from.mount->parent || !mount_is_attached(to.mount))
		return -EINVAL;
	if (inode_is_dir(path_inode(to)) != inode_is_dir(path_inode(from)))
		return -EINVAL;
	if (dentry_is_dropped(to.dentry))
		return -ENOENT;
	return contains(from.mount, to.mount) ? -ELOOP : 0;
}

int mount_move(struct path from, struct path where)
{
	struct path old = {NULL, NULL}, up = path_get(where);
	int r;

	mutex_lock(&mount_tree_lock);
	mount_cross_down(&up);
	r = check_move(from, up);
	if (!r) {
		mount_change_begin();
		old = mount_table_remove(from.mount);
		mount_table_add(from.mount, up);
		mount_change_end();
	}
	mutex_unlock(&mount_tree_lock);
	path_put(up);
	path_put(old);
	return r;
}

/* --- pivot_root --------------------------------------------------------------------------- */

/* put_old is at new_root or below it. */
static bool below(struct path place, struct path top)
{
	while (place.mount != top.mount) {
		if (!place.mount->parent)
			return false;
		place = (struct path){place.mount->parent, place.mount->mountpoint};
	}
	return dentry_is_ancestor(top.dentry, place.dentry);
}

static int check_pivot(struct path root, struct path new_root, struct path put_old)
{
	if (new_root.mount == root.mount || put_old.mount == root.mount)
		return -EBUSY; /* a loop, or the old root on itself */
	if (root.dentry != root.mount->root || new_root.dentry != new_root.mount->root)
		return -EINVAL;
	/* The first mount has no place from which it could be taken. */
	if (!root.mount->parent || !new_root.mount->parent)
		return -EINVAL;
	if (!mount_is_attached(put_old.mount) || dentry_is_dropped(put_old.dentry))
		return -ENOENT;
	if (!below(put_old, new_root) || !contains(root.mount, new_root.mount))
		return -EINVAL;
	return 0;
}

static void follow_root(struct fs_context *fs, struct path old, struct path new)
{
	struct path root = fs_context_root(fs), cwd = fs_context_cwd(fs);

	if (root.mount == old.mount && root.dentry == old.dentry)
		fs_context_set_root(fs, path_get(new));
	if (cwd.mount == old.mount && cwd.dentry == old.dentry)
		fs_context_set_cwd(fs, path_get(new));
	path_put(root);
	path_put(cwd);
}

/* Whoever had the old root as root or working directory has the new one now. */
static void follow_root_all(struct path old, struct path new)
{
	const struct proc_source *src = proc_source();
	int32_t pid = 0, tid;
	struct fs_context *fs;
	void *process;

	while (src && (pid = src->next(pid)) > 0) {
		process = src->find(pid);
		for (tid = 0; process && (tid = src->next_thread(process, tid)) > 0;) {
			fs = src->fs(process, tid);
			if (fs)
				follow_root(fs, old, new);
			fs_context_put(fs);
		}
		if (process)
			src->put(process);
	}
}

int mount_pivot(struct path root, struct path new_root, struct path put_old)
{
	struct path places[2] = {{NULL, NULL}, {NULL, NULL}};
	int r;

	if (!inode_is_dir(path_inode(new_root)) || !inode_is_dir(path_inode(put_old)))
		return -ENOTDIR;
	mutex_lock(&mount_tree_lock);
	r = check_pivot(root, new_root, put_old);
	if (!r) {
		mount_change_begin();
		places[0] = mount_table_remove(new_root.mount);
		places[1] = mount_table_remove(root.mount);
		mount_table_add(root.mount, put_old);
		mount_table_add(new_root.mount, places[1]);
		mount_change_end();
	}
	mutex_unlock(&mount_tree_lock);
	path_put(places[0]);
	path_put(places[1]);
	if (!r)
		follow_root_all(root, new_root);
	return r;
}
