/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at files: stat, statx, access, readlink, statfs. */
#include "file_args.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/dentry.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/names.h>
#include <vfs/super.h>
#include <vm/usercopy.h>

/* --- stat --------------------------------------------------------------------------------- */

/* What stat(2) and statx(2) tell of a place. */
struct looked {
	struct inode_stat st;
	uint32_t mount;	 /* its number */
	bool mount_root; /* it is what the mount shows */
};

static int look(struct path p, bool counted, void *ctx)
{
	struct looked *l = ctx;

	l->mount = p.mount->id;
	l->mount_root = p.dentry == p.mount->root;
	if (counted)
		inode_stat(path_inode(p), &l->st);
	else if (!inode_stat_now(path_inode(p), &l->st))
		return PATH_VISIT_COUNT;
	return 0;
}

static int64_t stat_encode(const struct inode_stat *st, uaddr_t out)
{
	struct stat s;

	memset(&s, 0, sizeof(s)); /* padding too: nothing of the kernel's stack leaks */
	s.st_dev = dev_encode(st->dev);
	s.st_ino = st->ino;
	s.st_nlink = st->nlink;
	s.st_mode = st->mode;
	s.st_uid = st->uid;
	s.st_gid = st->gid;
	s.st_rdev = dev_encode(st->rdev);
	s.st_size = (long)st->size;
	s.st_blksize = st->block_size;
	s.st_blocks = (long)st->blocks;
	s.st_atime = (unsigned long)st->atime.sec;
	s.st_atime_nsec = st->atime.nsec;
	s.st_mtime = (unsigned long)st->mtime.sec;
	s.st_mtime_nsec = st->mtime.nsec;
	s.st_ctime = (unsigned long)st->ctime.sec;
	s.st_ctime_nsec = st->ctime.nsec;
	return put_user(out, s);
}

static int64_t stat_path(int dirfd, uaddr_t path, unsigned walk, uaddr_t out)
{
	struct looked l;
	int r = path_arg_visit(dirfd, path, walk, vfs_cred(), look, &l);

	return r ? r : stat_encode(&l.st, out);
}

int64_t sys_stat(uaddr_t path, uaddr_t out)
{
	return stat_path(AT_FDCWD, path, WALK_FOLLOW, out);
}

int64_t sys_lstat(uaddr_t path, uaddr_t out)
{
	return stat_path(AT_FDCWD, path, 0, out);
}

int64_t sys_newfstatat(int dirfd, uaddr_t path, uaddr_t out, int flags)
{
	char first;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	/* The C library's fstat. */
	if (flags & AT_EMPTY_PATH && dirfd >= 0) {
		if (get_user(first, path))
			return -EFAULT;
		if (!first)
			return sys_fstat(dirfd, out);
	}
	return stat_path(dirfd, path, at_walk_flags((unsigned)flags), out);
}

int64_t sys_fstat(int fd, uaddr_t out)
{
	struct inode_stat st;
	struct fd_ref r;
	struct file *f;
	bool done;

	/* The epoch holds the file and its inode, even if another thread closes it. */
	epoch_enter();
	f = fd_peek(current()->files, fd);
	done = f && inode_stat_now(f->inode, &st);
	epoch_exit();
	if (!done) {
		r = fd_borrow_any(fd);
		if (!r.file)
			return -EBADF;
		inode_stat(r.file->inode, &st);
		fd_return(r);
	}
	return stat_encode(&st, out);
}

static struct statx_timestamp statx_time(struct file_time t)
{
	return (struct statx_timestamp){.tv_sec = t.sec, .tv_nsec = t.nsec};
}

static int64_t statx_encode(const struct looked *l, uaddr_t out)
{
	const struct inode_stat *st = &l->st;
	struct statx s;

	memset(&s, 0, sizeof(s));
	s.stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	s.stx_blksize = st->block_size;
	s.stx_attributes_mask = STATX_ATTR_MOUNT_ROOT;
	if (l->mount_root)
		s.stx_attributes = STATX_ATTR_MOUNT_ROOT;
	s.stx_nlink = st->nlink;
	s.stx_uid = st->uid;
	s.stx_gid = st->gid;
	s.stx_mode = (uint16_t)st->mode;
	s.stx_ino = st->ino;
	s.stx_size = st->size;
	s.stx_blocks = st->blocks;
	s.stx_atime = statx_time(st->atime);
	s.stx_btime = statx_time(st->btime);
	s.stx_ctime = statx_time(st->ctime);
	s.stx_mtime = statx_time(st->mtime);
	s.stx_rdev_major = DEV_MAJOR(st->rdev);
	s.stx_rdev_minor = DEV_MINOR(st->rdev);
	s.stx_dev_major = DEV_MAJOR(st->dev);
	s.stx_dev_minor = DEV_MINOR(st->dev);
	s.stx_mnt_id = l->mount;
	return put_user(out, s);
}

int64_t sys_statx(int dirfd, uaddr_t path, int flags, unsigned mask, uaddr_t out)
{
	struct looked l;
	int r;

	if ((mask & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	r = path_arg_visit(dirfd, path, at_walk_flags((unsigned)flags), vfs_cred(), look, &l);
	return r ? r : statx_encode(&l, out);
}

/* --- access ------------------------------------------------------------------------------- */

/*
 * access(2) asks for the real user, with the capabilities that user would have: NULL if the
 * caller's own credentials are just that, otherwise a copy. 0 or -ENOMEM.
 */
static int real_cred(struct cred **out)
{
	struct cred *now = current()->cred, *c = NULL;
	uint64_t capabilities = now->uid == 0 ? now->cap_permitted : 0;

	*out = NULL;
	if (now->fsuid == now->uid && now->fsgid == now->gid && now->cap_effective == capabilities)
		return 0;
	c = cred_clone(now, now->group_count);
	if (!c)
		return -ENOMEM;
	c->fsuid = c->uid;
	c->fsgid = c->gid;
	c->cap_effective = capabilities;
	*out = c;
	return 0;
}

struct access_request {
	unsigned mask;
	const struct cred *cred;
};

static int look_access(struct path p, bool counted, void *ctx)
{
	const struct access_request *q = ctx;

	return vfs_access(p, q->mask, q->cred);
}

int64_t sys_faccessat2(int dirfd, uaddr_t path, int mode, int flags)
{
	struct access_request q = {.mask = (unsigned)mode};
	struct cred *real = NULL;
	int r;

	if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	r = flags & AT_EACCESS ? 0 : real_cred(&real);
	if (r)
		return r;
	q.cred = real ? real : vfs_cred();
	r = path_arg_visit(dirfd, path, at_walk_flags((unsigned)flags), q.cred, look_access, &q);
	if (real)
		cred_put(real);
	return r;
}

int64_t sys_faccessat(int dirfd, uaddr_t path, int mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

int64_t sys_access(uaddr_t path, int mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* --- readlink ----------------------------------------------------------------------------- */

/* With O_PATH|O_NOFOLLOW one may hold a link itself: "" reads it. */
static ssize_t read_link(const struct path_arg *a, char *buf, size_t size)
{
	struct path p;
	ssize_t n = path_walk(path_arg_base(a), a->text, WALK_EMPTY, &p);

	if (n)
		return n;
	n = vfs_readlink(p, buf, size);
	path_put(p);
	return n == -EINVAL && !a->text[0] ? -ENOENT : n;
}

int64_t sys_readlinkat(int dirfd, uaddr_t path, uaddr_t out, int size)
{
	struct path_arg a;
	char *buf;
	ssize_t n;

	if (size <= 0)
		return -EINVAL;
	buf = kmalloc(PATH_TEXT_MAX);
	n = buf ? path_arg_get(&a, dirfd, path) : -ENOMEM;
	if (!n) {
		n = read_link(&a, buf, min((size_t)size, (size_t)PATH_TEXT_MAX));
		path_arg_put(&a);
	}
	if (n > 0 && copy_to_user(out, buf, (size_t)n))
		n = -EFAULT;
	kfree(buf);
	return n;
}

int64_t sys_readlink(uaddr_t path, uaddr_t out, int size)
{
	return sys_readlinkat(AT_FDCWD, path, out, size);
}

/* --- statfs ------------------------------------------------------------------------------- */

static int64_t statfs_encode(struct path p, uaddr_t out)
{
	struct fs_stat st;
	struct statfs s;
	int r = super_statfs(p.mount->super, &st);

	if (r)
		return r;
	memset(&s, 0, sizeof(s));
	s.f_type = (long)st.magic;
	s.f_bsize = st.block_size;
	s.f_frsize = st.block_size;
	s.f_blocks = (long)st.blocks;
	s.f_bfree = (long)st.blocks_free;
	s.f_bavail = (long)st.blocks_available;
	s.f_files = (long)st.files;
	s.f_ffree = (long)st.files_free;
	s.f_fsid.val[0] = (int)st.id;
	s.f_namelen = st.name_max;
	/* ST_VALID | ST_RELATIME, and ST_RDONLY, ST_NOSUID, ST_NODEV, ST_NOEXEC in mount's order.
	 */
	s.f_flags = 0x20 | 0x1000 | (p.mount->flags & 15);
	return put_user(out, s);
}

int64_t sys_statfs(uaddr_t path, uaddr_t out)
{
	struct path p;
	int64_t r = path_arg_walk(AT_FDCWD, path, WALK_FOLLOW, &p);

	if (r)
		return r;
	r = statfs_encode(p, out);
	path_put(p);
	return r;
}

int64_t sys_fstatfs(int fd, uaddr_t out)
{
	struct fd_ref r = fd_borrow_any(fd);
	int64_t result;

	if (!r.file)
		return -EBADF;
	result = statfs_encode(r.file->path, out);
	fd_return(r);
	return result;
}
