/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open(2): from a path to an open file description.
 *
 * Without O_CREAT it is a walk and open_path(). With it, the last component is looked up first
 * without a lock (it mostly exists); if it is absent, once more under the directory's lock, and
 * created there. A link in its place is followed and the search goes on at the link's target,
 * so that O_CREAT through a dangling link creates the target, as POSIX wants.
 *
 * open_path decides everything that can be refused before anything is done: type, mount flags,
 * permission, running programs. Then the description is made, ops->open runs, and O_TRUNC last.
 */
#include "file.h"

#include "dentry.h"
#include "fs_context.h"
#include "inode.h"
#include "mount.h"
#include "names.h"
#include "notify.h"
#include "walk.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <linux/fcntl.h>

#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)

struct open_request {
	unsigned flags;		 /* O_* */
	unsigned mode;		 /* of a new file, umask applied */
	const struct cred *cred; /* who asks */
	bool created;		 /* permission was the directory's business */
};

/* --- opening what was found --------------------------------------------------------------- */

static unsigned access_wanted(unsigned flags)
{
	static const unsigned by_mode[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					   MAY_READ | MAY_WRITE};
	unsigned mask = by_mode[flags & O_ACCMODE];

	return flags & O_TRUNC ? mask | MAY_WRITE : mask;
}

static int check_open(const struct open_request *q, struct path path)
{
	struct inode *inode = path_inode(path);
	unsigned want = access_wanted(q->flags);
	bool device = S_ISCHR(inode->mode) || S_ISBLK(inode->mode);

	if (inode_is_link(inode))
		return -ELOOP;
	if (inode_is_dir(inode) && ((want & MAY_WRITE) || (q->flags & O_CREAT)))
		return -EISDIR;
	if (device && (path.mount->flags & MOUNT_NODEV))
		return -EACCES;
	if ((want & MAY_WRITE) && mount_is_readonly(path.mount) &&
	    (inode_is_regular(inode) || inode_is_dir(inode)))
		return -EROFS;
	if ((q->flags & O_NOATIME) && !inode_owner_or_capable(inode, q->cred))
		return -EPERM;
	return q->created ? 0 : inode_permission(inode, q->cred, want);
}

static int start_file(struct open_request *q, struct file *f)
{
	int r = 0;

	if ((f->mode & FILE_WRITE) && inode_is_regular(f->inode)) {
		r = inode_want_write(f->inode);
		if (r)
			return r;
		f->mode |= FILE_WRITER;
	}
	if (f->ops->open)
		r = f->ops->open(f->inode, f);
	if (r)
		return r;
	f->mode |= FILE_OPENED;
	notify_dentry(f->path.dentry, IN_OPEN);
	if ((q->flags & O_TRUNC) && !q->created && inode_is_regular(f->inode)) {
		r = vfs_truncate_checked(f->inode, 0);
		if (!r)
			notify_dentry(f->path.dentry, IN_MODIFY);
	}
	return r;
}

/* Takes over the reference to path. */
static int open_path(struct open_request *q, struct path path, struct file **out)
{
	struct file *f;
	int r = check_open(q, path);

	if (r) {
		path_put(path);
		return r;
	}
	/* These act at open only; F_GETFL does not show them. */
	r = file_create(path,
			q->flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC),
			&f);
	if (r)
		return r;
	/* file->flags still lacks O_NOCTTY, but terminals look at it in open. */
	f->flags |= q->flags & O_NOCTTY;
	r = start_file(q, f);
	if (r) {
		file_put(f);
		return r;
	}
	__atomic_fetch_and(&f->flags, ~(uint32_t)O_NOCTTY, __ATOMIC_RELAXED);
	*out = f;
	return 0;
}

/* --- O_CREAT ------------------------------------------------------------------------------ */

/* Make the file under the directory's lock. *exists: somebody else just did. */
static int create_last(struct open_request *q, struct walk *w, struct path *out, bool *exists)
{
	struct inode *dir = path_inode(w->path), *inode;
	struct dentry *d;
	int r;

	*exists = false;
	rwlock_write_lock(&dir->lock);
	r = dentry_find_locked(w->path.dentry, &w->last, &d);
	if (r)
		goto out_unlock;
	if (d->inode)
		*exists = true;
	else if (mount_is_readonly(w->path.mount))
		r = -EROFS;
	else if (dir->flags & INODE_DEAD)
		r = -ENOENT;
	else
		r = inode_permission(dir, q->cred, MAY_WRITE | MAY_EXEC);
	if (!r && !*exists) {
		r = dir->ops->create ? dir->ops->create(dir, &w->last, S_IFREG | q->mode, 0, &inode)
				     : -EACCES;
		if (!r) {
			dentry_instantiate(d, inode);
			notify_name(dir, &w->last, inode, IN_CREATE, 0);
		}
	}
	if (!r && !*exists)
		*out = (struct path){.mount = mount_get(w->path.mount), .dentry = dentry_get(d)};
out_unlock:
	rwlock_write_unlock(&dir->lock);
	dentry_put(d);
	return r;
}

/* The last component: find or create it. 1: it was a link, walk on. */
static int find_or_create(struct open_request *q, struct walk *w, struct path *out)
{
	bool exists = true;
	int r;

	while (exists) {
		r = walk_peek(w, out);
		if (r)
			return r;
		if (out->dentry->inode)
			break;
		path_put(*out);
		r = create_last(q, w, out, &exists);
		if (r)
			return r;
		q->created = !exists;
	}
	if (q->created)
		return 0;
	if (q->flags & O_EXCL)
		r = -EEXIST;
	else if (inode_is_link(path_inode(*out)) && (q->flags & O_NOFOLLOW))
		r = -ELOOP;
	else if (inode_is_link(path_inode(*out)))
		r = walk_follow(w, *out) ?: 1;
	if (r)
		path_put(*out);
	return r;
}

static int open_create(struct open_request *q, struct walk *w, struct file **out)
{
	struct path path;
	int r;

	do {
		r = walk_to_last(w);
		if (r)
			return r;
		if (w->last_kind == LAST_NONE && w->links && !w->trailing) {
			/* A link of procfs led right to an object. */
			return q->flags & O_EXCL ? -EEXIST : open_path(q, walk_take(w), out);
		}
		if (w->last_kind != LAST_NAME)
			return q->flags & O_EXCL ? -EEXIST : -EISDIR;
		if (w->trailing)
			return -EISDIR;
		r = find_or_create(q, w, &path);
	} while (r == 1);
	return r ? r : open_path(q, path, out);
}

/* --- the kinds of open -------------------------------------------------------------------- */

static int open_unnamed(struct open_request *q, struct walk *w, struct file **out)
{
	struct inode *dir, *inode;
	struct path path;
	int r = walk_finish(w);

	if (r)
		return r;
	dir = path_inode(w->path);
	if (!(access_wanted(q->flags) & MAY_WRITE))
		return -EINVAL;
	if (mount_is_readonly(w->path.mount))
		return -EROFS;
	r = inode_permission(dir, q->cred, MAY_WRITE | MAY_EXEC);
	if (!r)
		r = dir->ops->tmpfile ? dir->ops->tmpfile(dir, S_IFREG | q->mode, &inode)
				      : -EOPNOTSUPP;
	if (r)
		return r;
	inode->linkable = !(q->flags & O_EXCL); /* nobody else has it yet */
	path.dentry = dentry_create_detached(inode, "/tmpfile (deleted)");
	if (!path.dentry) {
		inode_put(inode);
		return -ENOMEM;
	}
	path.mount = mount_get(w->path.mount);
	q->created = true;
	q->flags &= ~(unsigned)O_TMPFILE;
	return open_path(q, path, out);
}

static int open_existing(struct open_request *q, struct walk *w, struct file **out)
{
	int r = walk_finish(w);

	if (r)
		return r;
	if (q->flags & O_PATH)
		return file_create(walk_take(w), q->flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW),
				   out);
	return open_path(q, walk_take(w), out);
}

static int open_as(const struct path *base, const char *text, unsigned flags, unsigned mode,
		   unsigned resolve, const struct cred *cred, struct file **out)
{
	struct open_request q = {.flags = flags, .mode = mode & 07777, .cred = cred};
	struct walk w;
	int r;

	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		resolve |= WALK_FOLLOW;
	if (flags & O_DIRECTORY)
		resolve |= WALK_DIRECTORY;
	if (flags & O_PATH || !(flags & O_CREAT))
		resolve |= WALK_WHOLE;
	r = walk_begin(&w, base, text, resolve, cred);
	if (r)
		goto out_walk;
	if (flags & O_PATH)
		r = open_existing(&q, &w, out);
	else if (flags & TMPFILE_BIT)
		r = open_unnamed(&q, &w, out);
	else if (flags & O_CREAT)
		r = open_create(&q, &w, out);
	else
		r = open_existing(&q, &w, out);
out_walk:
	walk_end(&w);
	return r;
}

int file_open(const struct path *base, const char *text, unsigned flags, unsigned mode,
	      unsigned resolve, struct file **out)
{
	struct fs_context *fs = fs_context_current();

	if (fs)
		mode &= ~__atomic_load_n(&fs->umask, __ATOMIC_RELAXED);
	return open_as(base, text, flags, mode, resolve, vfs_cred(), out);
}

int file_open_kernel(const char *text, unsigned flags, unsigned mode, struct file **out)
{
	return open_as(NULL, text, flags, mode, 0, &cred_root, out);
}

int file_open_in(struct path base, const char *name, unsigned flags, unsigned resolve,
		 struct file **out)
{
	return open_as(&base, name, flags, 0, resolve, &cred_root, out);
}

int file_open_exec(const struct path *base, const char *text, unsigned flags, struct file **out)
{
	struct file *f;
	struct path path;
	struct inode *inode;
	int r = path_walk(base, text, flags, &path);

	if (r)
		return r;
	inode = path_inode(path);
	if (inode_is_link(inode))
		r = -ELOOP;
	else if (!inode_is_regular(inode) || (path.mount->flags & MOUNT_NOEXEC))
		r = -EACCES;
	else
		r = inode_permission(inode, vfs_cred(), MAY_EXEC);
	if (!r)
		r = inode_deny_write(inode);
	if (r) {
		path_put(path);
		return r;
	}
	r = file_create(path, O_RDONLY, &f);
	if (r) {
		inode_allow_write(inode);
		return r;
	}
	f->mode = FILE_EXEC;
	if (f->ops->open)
		r = f->ops->open(inode, f);
	if (r) {
		file_put(f);
		return r;
	}
	f->mode |= FILE_OPENED;
	notify_dentry(f->path.dentry, IN_OPEN);
	*out = f;
	return 0;
}
