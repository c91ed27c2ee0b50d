/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of tmpfs.
 *
 * The names of a directory are in two trees: by hash and text for look-up, and by cookie, a number
 * that grows with every new name, for readdir. A listing in progress is just the cookie of the
 * next place, so names may come and go between its calls: each name that stays is seen once.
 *
 * Locks: the directory's inode lock, taken by the VFS (for reading in lookup and readdir, for
 * writing in all else). Entries are allocated before anything changes.
 *
 * Rejected: using the name cache as the directory (as ramfs does). It would pin every cached
 * entry, and the cache could not forget what nobody uses.
 */
#include "tmpfs.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <vfs/file.h>

/* What stat shows as the size of a directory, for each name in it. */
#define ENTRY_SIZE 20

static struct tmpfs_dir *dir_of(struct inode *inode)
{
	return &tmpfs_inode(inode)->dir;
}

/* --- the two trees ------------------------------------------------------------------------ */

static int entry_compare(const struct name *name, const struct tmpfs_entry *e)
{
	if (name->hash != e->hash)
		return name->hash < e->hash ? -1 : 1;
	if (name->len != e->len)
		return name->len < e->len ? -1 : 1;
	return memcmp(name->text, e->text, name->len);
}

static struct tmpfs_entry *entry_find(struct inode *dir, const struct name *name)
{
	struct rb_node *at = dir_of(dir)->names.node;

	while (at) {
		struct tmpfs_entry *e = rb_entry(at, struct tmpfs_entry, by_name);
		int c = entry_compare(name, e);

		if (c == 0)
			return e;
		at = c < 0 ? at->left : at->right;
	}
	return NULL;
}

/* The first entry with a cookie >= from. */
static struct tmpfs_entry *entry_from(struct tmpfs_dir *d, uint64_t from)
{
	struct rb_node *at = d->cookies.node;
	struct tmpfs_entry *found = NULL;

	while (at) {
		struct tmpfs_entry *e = rb_entry(at, struct tmpfs_entry, by_cookie);

		if (e->cookie >= from) {
			found = e;
			at = at->left;
		} else {
			at = at->right;
		}
	}
	return found;
}

static struct tmpfs_entry *entry_alloc(const struct name *name)
{
	struct tmpfs_entry *e = kmalloc(sizeof(*e) + name->len);

	if (e) {
		e->hash = name->hash;
		e->len = name->len;
		memcpy(e->text, name->text, name->len);
	}
	return e;
}

static void insert_by_cookie(struct tmpfs_dir *d, struct tmpfs_entry *e)
{
	struct rb_node **link = &d->cookies.node, *parent = NULL;

	e->cookie = ++d->last_cookie;
	while (*link) { /* the newest is always the last */
		parent = *link;
		link = &parent->right;
	}
	rb_link(&e->by_cookie, parent, link);
	rb_insert_fixup(&e->by_cookie, &d->cookies);
}

static void insert_by_name(struct tmpfs_dir *d, struct tmpfs_entry *e)
{
	struct name name = {.text = e->text, .len = e->len, .hash = e->hash};
	struct rb_node **link = &d->names.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = entry_compare(&name, rb_entry(parent, struct tmpfs_entry, by_name)) < 0
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&e->by_name, parent, link);
	rb_insert_fixup(&e->by_name, &d->names);
}

static void dir_changed(struct inode *dir)
{
	__atomic_store_n(&dir->size, dir_of(dir)->count * ENTRY_SIZE, __ATOMIC_RELEASE);
	inode_touch(dir, TOUCH_MTIME | TOUCH_CTIME);
}

/* Takes over the reference to inode. */
static void entry_insert(struct inode *dir, struct tmpfs_entry *e, struct inode *inode)
{
	struct tmpfs_dir *d = dir_of(dir);

	e->inode = inode;
	insert_by_cookie(d, e);
	insert_by_name(d, e);
	d->count++;
	dir_changed(dir);
}

/* Returns the inode, whose reference goes to the caller. */
static struct inode *entry_remove(struct inode *dir, struct tmpfs_entry *e)
{
	struct tmpfs_dir *d = dir_of(dir);
	struct inode *inode = e->inode;

	rb_erase(&e->by_name, &d->names);
	rb_erase(&e->by_cookie, &d->cookies);
	d->count--;
	kfree(e);
	dir_changed(dir);
	return inode;
}

/* --- operations --------------------------------------------------------------------------- */

static int tmpfs_lookup(struct inode *dir, const struct name *name, struct inode **out)
{
	struct tmpfs_entry *e = entry_find(dir, name);

	if (!e)
		return -ENOENT;
	*out = inode_get(e->inode);
	return 0;
}

static int tmpfs_create(struct inode *dir, const struct name *name, unsigned mode, dev_t rdev,
			struct inode **out)
{
	struct tmpfs_entry *e = entry_alloc(name);
	int r;

	if (!e)
		return -ENOMEM;
	r = tmpfs_inode_create(dir->super, dir, mode, rdev, out);
	if (r) {
		kfree(e);
		return r;
	}
	entry_insert(dir, e, inode_get(*out));
	return 0;
}

static int tmpfs_mkdir(struct inode *dir, const struct name *name, unsigned mode,
		       struct inode **out)
{
	int r = tmpfs_create(dir, name, mode, 0, out);

	if (!r)
		inode_link_add(dir, 1); /* its ".." */
	return r;
}

static int tmpfs_symlink(struct inode *dir, const struct name *name, const char *target,
			 struct inode **out)
{
	char *copy = kstrdup(target);
	int r;

	if (!copy)
		return -ENOMEM;
	/* Nobody can reach the inode before the directory's lock is released. */
	r = tmpfs_create(dir, name, S_IFLNK | 0777, 0, out);
	if (r) {
		kfree(copy);
		return r;
	}
	tmpfs_inode(*out)->target = copy;
	(*out)->size = strlen(copy);
	return 0;
}

static int tmpfs_link(struct inode *dir, const struct name *name, struct inode *inode)
{
	struct tmpfs_entry *e = entry_alloc(name);
	int r = e ? inode_link_new(inode) : -ENOMEM;

	if (r) {
		kfree(e);
		return r;
	}
	entry_insert(dir, e, inode_get(inode));
	return 0;
}

static int tmpfs_unlink(struct inode *dir, const struct name *name, struct inode *inode)
{
	struct tmpfs_entry *e = entry_find(dir, name);

	if (!e)
		return -ENOENT;
	entry_remove(dir, e);
	inode_link_add(inode, -1);
	inode_put(inode);
	return 0;
}

/* A directory without names dies. */
static void dir_die(struct inode *parent, struct inode *dir)
{
	dir->flags |= INODE_DEAD;
	inode_link_add(dir, -2);
	inode_link_add(parent, -1);
}

static int tmpfs_rmdir(struct inode *dir, const struct name *name, struct inode *inode)
{
	struct tmpfs_entry *e = entry_find(dir, name);

	if (!e)
		return -ENOENT;
	if (dir_of(inode)->count)
		return -ENOTEMPTY;
	entry_remove(dir, e);
	dir_die(dir, inode);
	inode_put(inode);
	return 0;
}

/* The directory `inode` got another parent. */
static void moved(struct inode *inode, struct inode *from, struct inode *to)
{
	if (from != to && inode_is_dir(inode)) {
		inode_link_add(from, -1);
		inode_link_add(to, 1);
	}
}

static void exchange(struct inode *old_dir, struct tmpfs_entry *a, struct inode *new_dir,
		     struct tmpfs_entry *b)
{
	struct inode *inode = a->inode;

	a->inode = b->inode;
	b->inode = inode;
	moved(b->inode, old_dir, new_dir);
	moved(a->inode, new_dir, old_dir);
	inode_touch(a->inode, TOUCH_CTIME);
	inode_touch(b->inode, TOUCH_CTIME);
	dir_changed(old_dir);
	dir_changed(new_dir);
}

/* The name `to` changes hands; what had it loses a link. */
static void replace(struct inode *new_dir, struct tmpfs_entry *to, struct inode *inode)
{
	struct inode *target = to->inode;

	to->inode = inode;
	if (inode_is_dir(target))
		dir_die(new_dir, target);
	else
		inode_link_add(target, -1);
	inode_put(target);
	dir_changed(new_dir);
}

static int tmpfs_rename(struct inode *old_dir, const struct name *old_name, struct inode *inode,
			struct inode *new_dir, const struct name *new_name, struct inode *target,
			bool swap)
{
	struct tmpfs_entry *from = entry_find(old_dir, old_name);
	struct tmpfs_entry *to = entry_find(new_dir, new_name);
	struct tmpfs_entry *fresh = NULL;

	if (!from || (target && !to))
		return -ENOENT;
	if (swap) {
		exchange(old_dir, from, new_dir, to);
		return 0;
	}
	if (target && inode_is_dir(target) && dir_of(target)->count)
		return -ENOTEMPTY;
	if (!target) {
		fresh = entry_alloc(new_name);
		if (!fresh)
			return -ENOMEM;
	}
	entry_remove(old_dir, from);
	moved(inode, old_dir, new_dir);
	if (target)
		replace(new_dir, to, inode);
	else
		entry_insert(new_dir, fresh, inode);
	inode_touch(inode, TOUCH_CTIME);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, unsigned mode, struct inode **out)
{
	int r = tmpfs_inode_create(dir->super, dir, mode, 0, out);

	if (!r)
		(*out)->nlink = 0;
	return r;
}

static int tmpfs_readdir(struct file *f, struct dir_sink *sink)
{
	struct tmpfs_dir *d = dir_of(f->inode);
	struct tmpfs_entry *e;

	if (!dir_emit_dots(f, sink))
		return 0;
	e = entry_from(d, (uint64_t)sink->cookie);
	while (e) {
		struct rb_node *next = rb_next(&e->by_cookie);

		if (!dir_emit(sink, e->text, e->len, e->inode->ino, inode_type(e->inode) >> 12,
			      (off64_t)e->cookie + 1))
			return 0;
		e = next ? rb_entry(next, struct tmpfs_entry, by_cookie) : NULL;
	}
	return 0;
}

static int tmpfs_dir_fsync(struct file *f, bool data_only)
{
	return 0;
}

/*
 * The filesystem was unmounted and nobody uses it: no lock is needed. Names of a subdirectory
 * that only its entry holds are moved up before it goes, so that depth costs no stack.
 */
void tmpfs_dir_clear(struct inode *dir)
{
	struct tmpfs_dir *d = dir_of(dir);
	struct rb_node *node;

	while ((node = rb_first(&d->names))) {
		struct tmpfs_entry *e = rb_entry(node, struct tmpfs_entry, by_name);
		struct inode *inode = e->inode;
		struct rb_node *child = NULL;

		if (inode_is_dir(inode) && inode->refs == 1)
			child = rb_first(&dir_of(inode)->names);
		if (child) {
			struct tmpfs_entry *c = rb_entry(child, struct tmpfs_entry, by_name);

			rb_erase(child, &dir_of(inode)->names);
			insert_by_name(d, c);
			continue;
		}
		rb_erase(node, &d->names);
		kfree(e);
		inode_put(inode);
	}
}

const struct inode_ops tmpfs_dir_inode_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mkdir = tmpfs_mkdir,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	TMPFS_XATTR_OPS,
};

const struct file_ops tmpfs_dir_file_ops = {
	.readdir = tmpfs_readdir,
	.fsync = tmpfs_dir_fsync,
};
