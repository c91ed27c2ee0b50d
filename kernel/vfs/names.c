/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Creating, removing and renaming names.
 *
 * Each operation walks to the directory, then locks it for writing (inode->lock) and looks the
 * last name up again under the lock; from there on the answer cannot change. All checks come
 * first, then the filesystem acts, then the name cache follows:
 *
 *	create, mkdir, mknod, symlink, link	negative entry -> dentry_instantiate
 *	unlink, rmdir				dentry_drop: open files keep entry and inode
 *	rename					the target is dropped, the source moves
 *
 * Lock order: super->rename_lock (only to rename between directories), then directories,
 * ancestors before descendants, unrelated ones by address, then the directory that is removed
 * or replaced. Two unrelated directories cannot become ancestor and descendant while a rename
 * between them runs, because that takes rename_lock; so the order cannot form a circle.
 * Link counts of files change under their attr_lock alone; files are not locked here.
 */
#include "names.h"

#include "dentry.h"
#include "fs_context.h"
#include "mount.h"
#include "notify.h"
#include "super.h"
#include "walk.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <mem/slab.h>

/* --- the place of a new name -------------------------------------------------------------- */

struct new_name {
	struct walk walk;
	struct dentry *dentry; /* counted, absent; its directory is locked */
};

static void new_name_end(struct new_name *n)
{
	if (n->dentry) {
		rwlock_write_unlock(&path_inode(n->walk.path)->lock);
		dentry_put(n->dentry);
	}
	walk_end(&n->walk);
}

/* Under the directory's lock: the name is free and may be made. */
static int new_name_check(struct new_name *n, bool directory)
{
	struct inode *dir = path_inode(n->walk.path);
	int r = dentry_find_locked(n->walk.path.dentry, &n->walk.last, &n->dentry);

	if (r)
		return r;
	if (n->dentry->inode)
		r = -EEXIST;
	else if (n->walk.trailing && !directory)
		r = -ENOENT;
	else if (mount_is_readonly(n->walk.path.mount))
		r = -EROFS;
	else if (dir->flags & INODE_DEAD)
		r = -ENOENT;
	else
		r = inode_permission(dir, n->walk.cred, MAY_WRITE | MAY_EXEC);
	if (r) {
		dentry_put(n->dentry);
		n->dentry = NULL;
	}
	return r;
}

/* Walk to where `text` shall be made and lock the directory. new_name_end must follow. */
static int new_name_begin(struct new_name *n, const struct path *base, const char *text,
			  bool directory)
{
	struct inode *dir;
	int r;

	n->dentry = NULL;
	r = walk_begin(&n->walk, base, text, 0, vfs_cred());
	if (!r)
		r = walk_to_last(&n->walk);
	if (r)
		return r;
	if (n->walk.last_kind != LAST_NAME)
		return -EEXIST;
	dir = path_inode(n->walk.path);
	rwlock_write_lock(&dir->lock);
	r = new_name_check(n, directory);
	if (r)
		rwlock_write_unlock(&dir->lock);
	return r;
}

/* The name is made; takes over the inode's reference. */
static void instantiate(struct new_name *n, struct inode *inode)
{
	dentry_instantiate(n->dentry, inode);
	notify_name(path_inode(n->walk.path), &n->walk.last, inode, IN_CREATE, 0);
}

static unsigned mode_masked(unsigned mode)
{
	struct fs_context *fs = fs_context_current();

	return fs ? mode & ~__atomic_load_n(&fs->umask, __ATOMIC_RELAXED) : mode;
}

int vfs_mkdir(const struct path *base, const char *text, unsigned mode)
{
	struct new_name n;
	struct inode *dir, *inode;
	int r = new_name_begin(&n, base, text, true);

	if (!r) {
		dir = path_inode(n.walk.path);
		r = -EPERM;
		if (dir->ops->mkdir)
			r = dir->ops->mkdir(dir, &n.walk.last,
					    S_IFDIR | (mode_masked(mode) & (0777 | S_ISVTX)),
					    &inode);
		if (!r)
			instantiate(&n, inode);
	}
	new_name_end(&n);
	return r;
}

int vfs_make_node(const struct path *base, const char *text, unsigned mode, dev_t rdev,
		  struct path *out)
{
	bool device = S_ISCHR(mode) || S_ISBLK(mode);
	struct new_name n;
	struct inode *dir, *inode;
	int r = new_name_begin(&n, base, text, false);

	if (!r && device && !cred_capable(n.walk.cred, CAP_MKNOD))
		r = -EPERM;
	if (!r) {
		dir = path_inode(n.walk.path);
		r = -EPERM;
		if (dir->ops->create)
			r = dir->ops->create(dir, &n.walk.last,
					     (mode & S_IFMT) | (mode_masked(mode) & 07777),
					     device ? rdev : 0, &inode);
		if (!r)
			instantiate(&n, inode);
	}
	if (!r) {
		out->mount = mount_get(n.walk.path.mount);
		out->dentry = dentry_get(n.dentry);
	}
	new_name_end(&n);
	return r;
}

int vfs_mknod(const struct path *base, const char *text, unsigned mode, dev_t rdev)
{
	struct path made;
	int r = vfs_make_node(base, text, mode, rdev, &made);

	if (!r)
		path_put(made);
	return r;
}

int vfs_symlink(const char *target, const struct path *base, const char *text)
{
	struct new_name n;
	struct inode *dir, *inode;
	int r;

	if (!*target)
		return -ENOENT;
	r = new_name_begin(&n, base, text, false);
	if (!r) {
		dir = path_inode(n.walk.path);
		r = -EPERM;
		if (dir->ops->symlink)
			r = dir->ops->symlink(dir, &n.walk.last, target, &inode);
		if (!r)
			instantiate(&n, inode);
	}
	new_name_end(&n);
	return r;
}

int vfs_link(struct path from, const struct path *base, const char *text)
{
	struct inode *inode = path_inode(from), *dir;
	struct new_name n;
	int r = new_name_begin(&n, base, text, false);

	if (!r && n.walk.path.mount != from.mount)
		r = -EXDEV;
	else if (!r && inode_is_dir(inode))
		r = -EPERM;
	if (!r) {
		dir = path_inode(n.walk.path);
		r = dir->ops->link ? dir->ops->link(dir, &n.walk.last, inode) : -EPERM;
		if (!r) {
			notify_inode(inode, IN_ATTRIB);
			instantiate(&n, inode_get(inode));
		}
	}
	new_name_end(&n);
	return r;
}

/* --- removing ----------------------------------------------------------------------------- */

static int may_remove(const struct walk *w, const struct dentry *victim)
{
	if (!victim->inode)
		return -ENOENT;
	if (mount_is_readonly(w->path.mount))
		return -EROFS;
	return inode_may_delete(path_inode(w->path), victim->inode, w->cred);
}

static bool is_mountpoint(const struct dentry *d)
{
	return __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE) & DENTRY_MOUNTED;
}

static int unlink_locked(struct walk *w, struct dentry *victim)
{
	struct inode *dir = path_inode(w->path);
	int r;

	/* Slashes behind the name are wrong whoever asks. */
	if (w->trailing && victim->inode)
		return inode_is_dir(victim->inode) ? -EISDIR : -ENOTDIR;
	r = may_remove(w, victim);
	if (r)
		return r;
	if (inode_is_dir(victim->inode))
		return -EISDIR;
	if (is_mountpoint(victim))
		return -EBUSY;
	r = dir->ops->unlink ? dir->ops->unlink(dir, &w->last, victim->inode) : -EPERM;
	if (!r) {
		dentry_drop(victim);
		notify_inode(victim->inode, IN_ATTRIB);
		notify_removed(victim);
		notify_name(dir, &w->last, victim->inode, IN_DELETE, 0);
	}
	return r;
}

static int rmdir_locked(struct walk *w, struct dentry *victim)
{
	struct inode *dir = path_inode(w->path);
	int r = may_remove(w, victim);

	if (r)
		return r;
	if (!inode_is_dir(victim->inode))
		return -ENOTDIR;
	rwlock_write_lock(&victim->inode->lock);
	if (is_mountpoint(victim))
		r = -EBUSY;
	else if (!dir->ops->rmdir)
		r = -EPERM;
	else
		r = dir->ops->rmdir(dir, &w->last, victim->inode);
	rwlock_write_unlock(&victim->inode->lock);
	if (!r) {
		dentry_drop(victim);
		notify_removed(victim);
		notify_name(dir, &w->last, victim->inode, IN_DELETE, 0);
	}
	return r;
}

static int remove_name(const struct path *base, const char *text,
		       int (*act)(struct walk *w, struct dentry *victim), const int errors[4])
{
	struct walk w;
	struct dentry *victim = NULL;
	struct inode *dir;
	int r = walk_begin(&w, base, text, 0, vfs_cred());

	if (!r)
		r = walk_to_last(&w);
	if (!r && w.last_kind != LAST_NAME)
		r = errors[w.last_kind];
	if (r)
		goto out;
	dir = path_inode(w.path);
	rwlock_write_lock(&dir->lock);
	r = dentry_find_locked(w.path.dentry, &w.last, &victim);
	if (!r)
		r = act(&w, victim);
	rwlock_write_unlock(&dir->lock);
	/* Outside the lock: this may be the last reference, and free the file's contents. */
	dentry_put(victim);
out:
	walk_end(&w);
	return r;
}

int vfs_unlink(const struct path *base, const char *text)
{
	static const int errors[] = {
		[LAST_NONE] = -EISDIR, [LAST_DOT] = -EISDIR, [LAST_DOTDOT] = -EISDIR};

	return remove_name(base, text, unlink_locked, errors);
}

int vfs_rmdir(const struct path *base, const char *text)
{
	static const int errors[] = {
		[LAST_NONE] = -EBUSY, [LAST_DOT] = -EINVAL, [LAST_DOTDOT] = -ENOTEMPTY};

	return remove_name(base, text, rmdir_locked, errors);
}

ssize_t vfs_readlink(struct path p, char *buf, size_t size)
{
	struct inode *inode = path_inode(p);
	ssize_t n;

	if (!inode_is_link(inode) || !inode->ops->readlink)
		return -EINVAL;
	n = inode->ops->readlink(inode, buf, size);
	if (n >= 0 && !(p.mount->flags & (MOUNT_NOATIME | MOUNT_READONLY)))
		inode_accessed(inode);
	return n;
}
