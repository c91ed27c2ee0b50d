/* SPDX-License-Identifier: BSD-2-Clause */
/* mount, umount2, and writing back: sync, syncfs, fsync. */
#include "file_args.h"

#include <arch/page.h>
#include <base/cred.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/fadvise.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <mem/slab.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/super.h>
#include <vfs/walk.h>
#include <vm/usercopy.h>

/* umount2's flags; UAPI has no header for them. */
#define UMOUNT_FORCE	1
#define UMOUNT_DETACH	2
#define UMOUNT_EXPIRE	4
#define UMOUNT_NOFOLLOW 8

/* A string of the program or NULL; ERR_PTR. */
static char *string_arg(uaddr_t text, size_t size)
{
	char *s;
	ssize_t n;

	if (!text)
		return NULL;
	s = kmalloc(size);
	if (!s)
		return ERR_PTR(-ENOMEM);
	n = copy_string_from_user(s, text, size);
	if (n < 0) {
		kfree(s);
		/* A name of a type that is too long is a wrong argument. */
		return ERR_PTR(n == -ENAMETOOLONG ? -EINVAL : n);
	}
	return s;
}

static unsigned mount_flags(unsigned long flags)
{
	static const struct {
		unsigned ms, mount;
	} map[] = {{MS_RDONLY, MOUNT_READONLY},
		   {MS_NOSUID, MOUNT_NOSUID},
		   {MS_NODEV, MOUNT_NODEV},
		   {MS_NOEXEC, MOUNT_NOEXEC},
		   {MS_NOATIME, MOUNT_NOATIME},
		   {MS_NODIRATIME, MOUNT_NODIRATIME},
		   {MS_STRICTATIME, MOUNT_STRICTATIME}};
	unsigned out = 0;

	for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
		if (flags & map[i].ms)
			out |= map[i].mount;
	}
	return out;
}

static int64_t mount_from(uaddr_t source, struct path where, unsigned long flags)
{
	struct path from;
	int64_t r = path_arg_walk(AT_FDCWD, source, WALK_FOLLOW, &from);

	if (r)
		return r;
	if (flags & MS_BIND)
		r = mount_bind(from, where, flags & MS_REC);
	else
		r = mount_move(from, where);
	path_put(from);
	return r;
}

static int64_t mount_type(uaddr_t usource, uaddr_t utype, const char *options, struct path where,
			  unsigned long flags)
{
	char *type = string_arg(utype, 64), *source;
	int64_t r;

	if (!type)
		return -EINVAL;
	if (IS_ERR(type))
		return PTR_ERR(type);
	source = string_arg(usource, PATH_TEXT_MAX);
	if (IS_ERR(source))
		r = PTR_ERR(source);
	else
		r = mount_new(type, source ? source : "none", options, mount_flags(flags), where);
	if (!IS_ERR(source))
		kfree(source);
	kfree(type);
	return r;
}

#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/* Exactly one kind, on the root of a mount. There is nothing that could propagate. */
static int set_propagation(struct path where, unsigned long flags)
{
	unsigned long kind = flags & ~(unsigned long)(MS_REC | MS_SILENT);

	if (kind & ~(unsigned long)MS_PROPAGATION || kind & (kind - 1))
		return -EINVAL;
	return where.dentry == where.mount->root ? 0 : -EINVAL;
}

static int64_t do_mount(uaddr_t source, uaddr_t type, unsigned long flags, const char *options,
			struct path where)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	if (flags & 1UL << 31) /* MS_NOUSER, which its header makes a shift out of range */
		return -EINVAL;
	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EPERM;
	if ((flags & (MS_REMOUNT | MS_BIND)) == (MS_REMOUNT | MS_BIND))
		return mount_remount(where, mount_flags(flags), NULL);
	if (flags & MS_REMOUNT)
		return mount_remount(where, mount_flags(flags), options);
	if (flags & MS_PROPAGATION)
		return set_propagation(where, flags);
	if (flags & (MS_BIND | MS_MOVE))
		return source ? mount_from(source, where, flags) : -EINVAL;
	return mount_type(source, type, options, where, flags);
}

int64_t sys_mount(uaddr_t source, uaddr_t target, uaddr_t type, unsigned long flags, uaddr_t data)
{
	struct path where;
	char *options = string_arg(data, PAGE_SIZE);
	int64_t r;

	if (IS_ERR(options))
		return PTR_ERR(options);
	r = path_arg_walk(AT_FDCWD, target, WALK_FOLLOW, &where);
	if (!r) {
		r = do_mount(source, type, flags, options, where);
		path_put(where);
	}
	kfree(options);
	return r;
}

/* The checks after the look-up; the reference to `where` is used up. */
static int64_t do_umount(struct path where, unsigned flags)
{
	int r = 0;

	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		r = -EPERM;
	else if (where.dentry != where.mount->root)
		r = -EINVAL;
	else if (flags & UMOUNT_EXPIRE && flags & (UMOUNT_FORCE | UMOUNT_DETACH))
		r = -EINVAL;
	if (r) {
		path_put(where);
		return r;
	}
	return mount_remove(where, flags & UMOUNT_DETACH   ? MOUNT_LAZY
				   : flags & UMOUNT_EXPIRE ? MOUNT_EXPIRE
							   : MOUNT_NOW);
}

int64_t sys_umount2(uaddr_t target, int flags)
{
	struct path where;
	int64_t r;

	if (flags & ~(UMOUNT_FORCE | UMOUNT_DETACH | UMOUNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	r = path_arg_walk(AT_FDCWD, target, flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW, &where);
	return r ? r : do_umount(where, (unsigned)flags);
}

int64_t sys_pivot_root(uaddr_t unew, uaddr_t uold)
{
	struct path root, new_root, put_old;
	int64_t r;

	if (!cred_capable(vfs_cred(), CAP_SYS_ADMIN))
		return -EPERM;
	r = path_arg_walk(AT_FDCWD, unew, WALK_FOLLOW | WALK_DIRECTORY, &new_root);
	if (r)
		return r;
	r = path_arg_walk(AT_FDCWD, uold, WALK_FOLLOW | WALK_DIRECTORY, &put_old);
	if (!r) {
		root = fs_context_root(fs_context_current());
		r = mount_pivot(root, new_root, put_old);
		path_put(root);
		path_put(put_old);
	}
	path_put(new_root);
	return r;
}

/* --- ustat -------------------------------------------------------------------------------- */

struct find_device {
	dev_t dev;
	struct super *found; /* counted */
};

static void match_device(struct mount *m, void *ctx)
{
	struct find_device *f = ctx;

	if (!f->found && m->super->dev == f->dev)
		f->found = super_get(m->super);
}

int64_t sys_ustat(unsigned dev, uaddr_t out)
{
	/* UAPI has no header for it. */
	struct {
		int free_blocks;
		uint64_t free_inodes;
		char name[6], pack[6];
	} u = {0};
	struct find_device f = {.dev = dev_decode(dev)};
	struct fs_stat st;
	int64_t r;

	mount_for_each(match_device, &f);
	if (!f.found)
		return -EINVAL;
	r = super_statfs(f.found, &st);
	super_put(f.found);
	if (r)
		return r;
	u.free_blocks = (int)st.blocks_free;
	u.free_inodes = st.files_free;
	return put_user(out, u);
}

/* --- writing back ------------------------------------------------------------------------- */

int64_t sys_sync(void)
{
	vfs_sync();
	return 0;
}

int64_t sys_syncfs(int fd)
{
	struct fd_ref r = fd_borrow(fd);
	struct super *s;
	int64_t result;

	if (!r.file)
		return -EBADF;
	s = r.file->inode->super;
	result = s->ops->sync ? s->ops->sync(s, true) : 0;
	fd_return(r);
	return result;
}

static int64_t do_fsync(int fd, bool data_only)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result = -EBADF;

	if (r.file)
		result = r.file->ops->fsync ? r.file->ops->fsync(r.file, data_only) : -EINVAL;
	fd_return(r);
	return result;
}

int64_t sys_fsync(int fd)
{
	return do_fsync(fd, false);
}

int64_t sys_fdatasync(int fd)
{
	return do_fsync(fd, true);
}

/* --- advice: taken note of, as there is nothing that it could change ------------------------ */

int64_t sys_fadvise64(int fd, off64_t offset, off64_t len, int advice)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result = 0;

	if (!r.file)
		return -EBADF;
	if (S_ISFIFO(r.file->inode->mode))
		result = -ESPIPE;
	else if (len < 0 || (unsigned)advice > POSIX_FADV_NOREUSE)
		result = -EINVAL;
	fd_return(r);
	return result;
}

int64_t sys_readahead(int fd, off64_t offset, size_t count)
{
	struct fd_ref r = fd_borrow(fd);
	int64_t result = -EBADF;

	if (r.file && (r.file->mode & FILE_READ))
		result = inode_is_regular(r.file->inode) ? 0 : -EINVAL;
	fd_return(r);
	return result;
}

int64_t sys_sync_file_range(int fd, off64_t offset, off64_t len, unsigned flags)
{
	struct fd_ref r = fd_borrow(fd);
	off64_t end;
	int64_t result = 0;

	if (!r.file)
		return -EBADF;
	if (flags & ~(unsigned)(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER) ||
	    offset < 0 || len < 0 || add_overflow(offset, len, &end))
		result = -EINVAL;
	else if (!inode_is_regular(r.file->inode) && !inode_is_dir(r.file->inode) &&
		 !S_ISBLK(r.file->inode->mode))
		result = -ESPIPE;
	fd_return(r);
	return result;
}
