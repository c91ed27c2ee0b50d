/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open file descriptions: references, reading and writing at a position, and what exec and
 * mmap ask of a file. Opening is in open.c.
 *
 * Life: file_create (nothing opened yet) -> ops->open succeeded (FILE_OPENED) -> the last
 * file_put runs ops->release, gives back the writer or exec count, the path and the credentials;
 * the memory goes after a grace period, because descriptor lookups read it without a lock.
 *
 * Locks: pos_lock (FILE_POS) covers the position, over the whole call of ops->read or write, so
 * that two threads reading one description get different bytes. Streams have no position and
 * do not take it: a reader that sleeps in a pipe holds nothing.
 */
#include "file.h"

#include "anon.h"
#include "dentry.h"
#include "device.h"
#include "epoll.h"
#include "filelock.h"
#include "inode.h"
#include "mount.h"
#include "notify.h"
#include "super.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <mem/slab.h>
#include <vm/space.h>

/* --- references --------------------------------------------------------------------------- */

struct file *file_get(struct file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
	return f;
}

bool file_try_get(struct file *f)
{
	uint32_t refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);

	do {
		if (refs == 0)
			return false;
	} while (!__atomic_compare_exchange_n(&f->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return true;
}

void file_put(struct file *f)
{
	if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (f->mode & FILE_OPENED)
		notify_dentry(f->path.dentry,
			      f->mode & FILE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	epoll_file_closed(f);
	file_locks_release(f);
	if ((f->mode & FILE_OPENED) && f->ops->release)
		f->ops->release(f);
	if (f->mode & FILE_WRITER)
		inode_done_write(f->inode);
	if (f->mode & FILE_EXEC)
		inode_allow_write(f->inode);
	path_put(f->path);
	cred_put(f->cred);
	kfree_deferred(f, epoch);
}

static uint32_t mode_of(unsigned flags)
{
	if (flags & O_PATH)
		return FILE_PATH;
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return FILE_READ;
	case O_WRONLY:
		return FILE_WRITE;
	case O_RDWR:
		return FILE_READ | FILE_WRITE;
	default:
		return 0; /* neither: for ioctl alone, after the checks of both */
	}
}

int file_create(struct path path, unsigned flags, struct file **out)
{
	struct file *f = kzalloc(sizeof(*f));

	if (!f) {
		path_put(path);
		return -ENOMEM;
	}
	f->refs = 1;
	f->flags = flags;
	f->mode = mode_of(flags);
	f->path = path;
	mount_used(path.mount);
	f->inode = path_inode(path);
	f->ops = f->inode->file_ops;
	f->cred = cred_get((struct cred *)vfs_cred());
	mutex_init(&f->pos_lock, LOCK_FILE_POS);
	spin_init(&f->lock, LOCK_VFS_MISC);
	list_init(&f->watchers);
	*out = f;
	return 0;
}

int file_create_anon(struct inode *inode, const char *name, unsigned flags,
		     const struct file_ops *ops, void *priv, struct file **out)
{
	struct path path;
	int r = anon_path(inode, name, &path);

	if (!r)
		r = file_create(path, flags, out);
	if (r)
		return r;
	(*out)->ops = ops;
	(*out)->priv = priv;
	(*out)->mode |= FILE_OPENED;
	return 0;
}

int file_create_event(const char *name, unsigned flags, const struct file_ops *ops, void *priv,
		      struct file **out)
{
	char text[32];

	format(text, sizeof(text), "anon_inode:%s", name);
	return file_create_anon(anon_event_inode(), text, flags, ops, priv, out);
}

/* --- reading and writing ------------------------------------------------------------------ */

typedef ssize_t (*transfer_fn)(struct file *f, struct iter *it, off64_t *pos);

/* No byte of a transfer may lie beyond the largest position. */
static bool range_ok(off64_t pos, const struct iter *it)
{
	return pos >= 0 && iter_left(it) <= (uint64_t)(INT64_MAX - pos);
}

static ssize_t transfer(struct file *f, transfer_fn fn, struct iter *it, off64_t *pos)
{
	off64_t at = 0;
	ssize_t n;

	if (f->ops->flags & FILE_OPS_STREAM)
		return pos ? -ESPIPE : fn(f, it, &at);
	if (pos) {
		return range_ok(*pos, it) ? fn(f, it, pos) : -EINVAL;
	}
	mutex_lock(&f->pos_lock);
	at = f->pos;
	n = range_ok(at, it) ? fn(f, it, &at) : -EINVAL;
	if (n > 0)
		f->pos = at;
	mutex_unlock(&f->pos_lock);
	return n;
}

ssize_t file_read(struct file *f, struct iter *it, off64_t *pos)
{
	ssize_t n;

	if (!(f->mode & FILE_READ))
		return -EBADF;
	if (inode_is_dir(f->inode))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	n = transfer(f, f->ops->read, it, pos);
	if (n > 0)
		notify_dentry(f->path.dentry, IN_ACCESS);
	return n;
}

ssize_t file_write(struct file *f, struct iter *it, off64_t *pos)
{
	ssize_t n;

	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	n = transfer(f, f->ops->write, it, pos);
	if (n > 0)
		notify_dentry(f->path.dentry, IN_MODIFY);
	return n;
}

/* Repeat until all is done, the end is reached, or an error comes. */
static ssize_t transfer_all(struct file *f, transfer_fn fn, struct iter *it, off64_t pos)
{
	ssize_t done = 0, n;

	while (iter_left(it)) {
		n = fn(f, it, &pos);
		if (n < 0)
			return done ? done : n;
		if (n == 0)
			break;
		done += n;
	}
	return done;
}

ssize_t file_read_kernel(struct file *f, void *buf, size_t n, off64_t pos)
{
	struct iter it;

	/* FILE_EXEC: a program one may run but not read is still read by exec. */
	if (!(f->mode & (FILE_READ | FILE_EXEC)))
		return -EBADF;
	if (!f->ops->read || inode_is_dir(f->inode) || pos < 0)
		return -EINVAL;
	iter_init_kernel(&it, buf, n);
	return transfer_all(f, f->ops->read, &it, pos);
}

ssize_t file_write_kernel(struct file *f, const void *buf, size_t n, off64_t pos)
{
	struct iter it;

	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (!f->ops->write || pos < 0)
		return -EINVAL;
	iter_init_kernel(&it, (void *)(uintptr_t)buf, n);
	return transfer_all(f, f->ops->write, &it, pos);
}

/* --- position ----------------------------------------------------------------------------- */

off64_t file_llseek_size(struct file *f, off64_t offset, int whence, off64_t size, off64_t limit)
{
	off64_t base, pos;

	mutex_lock(&f->pos_lock);
	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = size;
		break;
	default:
		base = -1;
	}
	if (base < 0 || add_overflow(base, offset, &pos) || pos < 0 || pos > limit)
		pos = -EINVAL;
	else
		f->pos = pos;
	mutex_unlock(&f->pos_lock);
	return pos;
}

off64_t file_llseek(struct file *f, off64_t offset, int whence)
{
	if (f->mode & FILE_PATH)
		return -EBADF;
	if (f->ops->llseek)
		return f->ops->llseek(f, offset, whence);
	if (f->ops->flags & FILE_OPS_EVENT)
		return 0;
	if (f->ops->flags & FILE_OPS_STREAM)
		return -ESPIPE;
	return file_llseek_size(f, offset, whence, (off64_t)inode_size(f->inode), INT64_MAX);
}

/* --- directories -------------------------------------------------------------------------- */

bool dir_emit(struct dir_sink *s, const char *name, size_t len, uint64_t ino, unsigned type,
	      off64_t next)
{
	if (!s->emit(s, name, len, ino, type, next))
		return false;
	s->cookie = next;
	return true;
}

bool dir_emit_dots(struct file *f, struct dir_sink *s)
{
	struct dentry *parent;
	bool ok = true;

	if (s->cookie == 0)
		ok = dir_emit(s, ".", 1, f->inode->ino, S_IFDIR >> 12, 1);
	if (ok && s->cookie == 1) {
		parent = dentry_parent(f->path.dentry);
		ok = dir_emit(s, "..", 2, parent->inode->ino, S_IFDIR >> 12, 2);
		dentry_put(parent);
	}
	return ok;
}

int file_readdir(struct file *f, struct dir_sink *sink)
{
	int r;

	if (!(f->mode & FILE_READ))
		return -EBADF;
	if (!inode_is_dir(f->inode) || !f->ops->readdir)
		return -ENOTDIR;
	mutex_lock(&f->pos_lock);
	rwlock_read_lock(&f->inode->lock);
	sink->cookie = f->pos;
	r = f->inode->flags & INODE_DEAD ? -ENOENT : f->ops->readdir(f, sink);
	f->pos = sink->cookie;
	rwlock_read_unlock(&f->inode->lock);
	mutex_unlock(&f->pos_lock);
	if (!r) {
		inode_accessed(f->inode);
		notify_dentry(f->path.dentry, IN_ACCESS);
	}
	return r;
}

/* --- for exec and mmap -------------------------------------------------------------------- */

struct vm_object *file_vm_object(struct file *f)
{
	return f->inode->object;
}

int file_mmap(struct file *f, struct vm_map_args *a)
{
	if (!(f->mode & (FILE_READ | FILE_EXEC)))
		return -EACCES;
	if (a->flags & VM_SHARED && a->prot & VM_WRITE && !(f->mode & FILE_WRITE))
		return -EACCES;
	if (f->path.mount->flags & MOUNT_NOEXEC) {
		if (a->prot & VM_EXEC)
			return -EPERM;
		a->flags |= VM_MAY_NOT_EXEC;
	}
	return f->ops->mmap ? f->ops->mmap(f, a) : -ENODEV;
}

char *file_path(struct file *f, char *buf, size_t size)
{
	return path_text(f->path, buf, size, NULL, NULL);
}

void file_identity(struct file *f, uint32_t *dev_major, uint32_t *dev_minor, uint64_t *ino)
{
	*dev_major = DEV_MAJOR(f->inode->dev);
	*dev_minor = DEV_MINOR(f->inode->dev);
	*ino = f->inode->ino;
}

void file_exec_attributes(struct file *f, unsigned *mode, uint32_t *uid, uint32_t *gid)
{
	struct inode_stat st;

	inode_stat(f->inode, &st);
	*mode = st.mode;
	*uid = st.uid;
	*gid = st.gid;
	if (f->path.mount->flags & MOUNT_NOSUID)
		*mode &= ~(unsigned)(S_ISUID | S_ISGID);
}
