/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rename(2). The lock order and why it has no circle is told in names.c; here are its steps:
 * rename_begin walks to both directories and locks them, rename_check decides everything that
 * can fail under the locks, rename_apply lets the filesystem act and moves the cached entries.
 * The text of the new name is allocated before the effects, so that nothing fails after them.
 */
#include "names.h"

#include "dentry.h"
#include "mount.h"
#include "notify.h"
#include "super.h"
#include "walk.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

struct rename {
	struct walk from, to;
	unsigned flags;		       /* RENAME_* */
	bool locked;		       /* both directories, and rename_lock if they differ */
	struct dentry *source;	       /* counted */
	struct dentry *target;	       /* counted; its inode may be absent */
	struct dentry_name *to_name;   /* becomes the source's name */
	struct dentry_name *from_name; /* RENAME_SWAP: becomes the target's */
};

static struct dentry *from_dir(const struct rename *x)
{
	return x->from.path.dentry;
}

static struct dentry *to_dir(const struct rename *x)
{
	return x->to.path.dentry;
}

static void lock_directories(struct rename *x)
{
	struct dentry *a = from_dir(x), *b = to_dir(x);
	bool swap;

	if (a->inode == b->inode) {
		rwlock_write_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&a->super->rename_lock);
	if (dentry_is_ancestor(a, b))
		swap = false;
	else if (dentry_is_ancestor(b, a))
		swap = true;
	else
		swap = a->inode > b->inode;
	rwlock_write_lock(&(swap ? b : a)->inode->lock);
	rwlock_write_lock(&(swap ? a : b)->inode->lock);
}

static void unlock_directories(struct rename *x)
{
	struct dentry *a = from_dir(x), *b = to_dir(x);

	rwlock_write_unlock(&a->inode->lock);
	if (a->inode != b->inode) {
		rwlock_write_unlock(&b->inode->lock);
		mutex_unlock(&a->super->rename_lock);
	}
}

static int walk_both(struct rename *x, const struct path *old_base, const char *old_text,
		     const struct path *new_base, const char *new_text)
{
	int r = walk_begin(&x->from, old_base, old_text, 0, vfs_cred());
	int r2 = walk_begin(&x->to, new_base, new_text, 0, vfs_cred());

	if (!r)
		r = walk_to_last(&x->from);
	if (!r)
		r = r2;
	if (!r)
		r = walk_to_last(&x->to);
	if (!r && x->from.path.mount != x->to.path.mount)
		r = -EXDEV;
	if (!r && (x->from.last_kind != LAST_NAME))
		r = -EBUSY;
	if (!r && x->to.last_kind != LAST_NAME)
		r = x->flags & RENAME_EXCLUSIVE ? -EEXIST : -EBUSY;
	if (!r && mount_is_readonly(x->from.path.mount))
		r = -EROFS;
	return r;
}

static int look_up(struct rename *x)
{
	int r = dentry_find_locked(from_dir(x), &x->from.last, &x->source);

	if (!r)
		r = dentry_find_locked(to_dir(x), &x->to.last, &x->target);
	if (r)
		return r;
	if (!x->source->inode)
		return -ENOENT;
	if (x->target->inode && (x->flags & RENAME_EXCLUSIVE))
		return -EEXIST;
	if (!x->target->inode && (x->flags & RENAME_SWAP))
		return -ENOENT;
	return 0;
}

/* Slashes behind a name demand a directory there. */
static int check_slashes(const struct rename *x)
{
	bool source_dir = inode_is_dir(x->source->inode);

	if (x->from.trailing && !source_dir)
		return -ENOTDIR;
	if (x->to.trailing && !(x->flags & RENAME_SWAP) && !source_dir)
		return -ENOTDIR;
	if (x->to.trailing && (x->flags & RENAME_SWAP) && !inode_is_dir(x->target->inode))
		return -ENOTDIR;
	return 0;
}

/* A directory must not move below itself, nor replace what it is in. */
static int check_shape(const struct rename *x)
{
	if (from_dir(x) == to_dir(x))
		return 0;
	if (inode_is_dir(x->source->inode) && dentry_is_ancestor(x->source, to_dir(x)))
		return -EINVAL;
	if (x->target->inode && dentry_is_ancestor(x->target, from_dir(x)))
		return x->flags & RENAME_SWAP ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_target(const struct rename *x)
{
	struct inode *dir = to_dir(x)->inode, *target = x->target->inode;
	bool source_is_dir = inode_is_dir(x->source->inode);
	int r;

	if (!target)
		return dir->flags & INODE_DEAD
			       ? -ENOENT
			       : inode_permission(dir, x->to.cred, MAY_WRITE | MAY_EXEC);
	r = inode_may_delete(dir, target, x->to.cred);
	if (r || (x->flags & RENAME_SWAP))
		return r;
	if (source_is_dir && !inode_is_dir(target))
		return -ENOTDIR;
	return !source_is_dir && inode_is_dir(target) ? -EISDIR : 0;
}

static bool is_mountpoint(const struct dentry *d)
{
	return __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE) & DENTRY_MOUNTED;
}

/* Moving a directory changes its "..": that needs permission on the directory itself. */
static int check_moved(const struct rename *x, const struct inode *inode)
{
	if (from_dir(x) == to_dir(x) || !inode_is_dir(inode))
		return 0;
	return inode_permission(inode, x->from.cred, MAY_WRITE);
}

/* Everything that can be refused. 0: go on; 1: nothing to do. */
static int rename_check(struct rename *x)
{
	int r = look_up(x);

	if (!r)
		r = check_slashes(x);
	if (!r)
		r = check_shape(x);
	if (r)
		return r;
	if (x->source->inode == x->target->inode)
		return 1; /* two names of one file: POSIX wants success and no effect */
	r = inode_may_delete(from_dir(x)->inode, x->source->inode, x->from.cred);
	if (!r)
		r = check_target(x);
	if (!r)
		r = check_moved(x, x->source->inode);
	if (!r && (x->flags & RENAME_SWAP))
		r = check_moved(x, x->target->inode);
	if (!r && (is_mountpoint(x->source) || is_mountpoint(x->target)))
		r = -EBUSY;
	if (!r && !from_dir(x)->inode->ops->rename)
		r = -EPERM;
	return r;
}

static int allocate_names(struct rename *x)
{
	x->to_name = dentry_name_create(x->to.last.text, x->to.last.len);
	if (!x->to_name)
		return -ENOMEM;
	if (!(x->flags & RENAME_SWAP))
		return 0;
	x->from_name = dentry_name_create(x->from.last.text, x->from.last.len);
	return x->from_name ? 0 : -ENOMEM;
}

static void notify_move(struct inode *old_dir, const struct name *old_name, struct inode *new_dir,
			const struct name *new_name, struct inode *inode)
{
	uint32_t cookie = notify_cookie();

	notify_name(old_dir, old_name, inode, IN_MOVED_FROM, cookie);
	notify_name(new_dir, new_name, inode, IN_MOVED_TO, cookie);
}

static void notify_renamed(const struct rename *x, struct inode *source, struct inode *target)
{
	struct inode *from = from_dir(x)->inode, *to = to_dir(x)->inode;

	if (!notify_active())
		return;
	notify_move(from, &x->from.last, to, &x->to.last, source);
	if (target && !(x->flags & RENAME_SWAP))
		notify_inode(target, IN_ATTRIB);
	notify_inode(source, IN_MOVE_SELF);
	if (x->flags & RENAME_SWAP) {
		notify_move(to, &x->to.last, from, &x->from.last, target);
		notify_inode(target, IN_MOVE_SELF);
	}
}

static int rename_apply(struct rename *x)
{
	struct inode *target = x->target->inode, *dir = from_dir(x)->inode;
	bool swap = x->flags & RENAME_SWAP;
	bool lock_target = target && !swap && inode_is_dir(target);
	int r;

	if (lock_target)
		rwlock_write_lock(&target->lock);
	r = is_mountpoint(x->target)
		    ? -EBUSY
		    : dir->ops->rename(dir, &x->from.last, x->source->inode, to_dir(x)->inode,
				       &x->to.last, target, swap);
	if (lock_target)
		rwlock_write_unlock(&target->lock);
	if (r)
		return r;
	if (swap) {
		dentry_exchange(x->source, x->target, x->to_name, x->from_name);
	} else {
		dentry_drop(x->target);
		dentry_move(x->source, to_dir(x), x->to_name);
	}
	x->to_name = x->from_name = NULL;
	notify_renamed(x, x->source->inode, target);
	return 0;
}

int vfs_rename(const struct path *old_base, const char *old_text, const struct path *new_base,
	       const char *new_text, unsigned flags)
{
	struct rename *x = kzalloc(sizeof(*x)); /* two walks are too much for the stack */
	int r;

	if (!x)
		return -ENOMEM;
	x->flags = flags;
	r = walk_both(x, old_base, old_text, new_base, new_text);
	if (!r) {
		lock_directories(x);
		r = rename_check(x);
		if (!r)
			r = allocate_names(x);
		if (!r)
			r = rename_apply(x);
		unlock_directories(x);
	}
	dentry_put(x->source);
	dentry_put(x->target);
	walk_end(&x->from);
	walk_end(&x->to);
	kfree(x->to_name);
	kfree(x->from_name);
	kfree(x);
	return r == 1 ? 0 : r;
}
