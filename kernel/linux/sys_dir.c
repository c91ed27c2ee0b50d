/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories: getdents, and where a process stands: getcwd, chdir, chroot. */
#include "file_args.h"

#include <base/cred.h>
#include <base/percpu.h>
#include <lib/errno.h>
#include <linux/fs.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vfs/inode.h>
#include <vm/usercopy.h>

/* --- getdents ----------------------------------------------------------------------------- */

/* What one call collects before it copies: with a larger buffer the program calls again. */
#define BUFFER_MAX (32 * 1024)

/* As in linux/dirent.h of the kernel; UAPI has no name for them. */
struct dirent64_head {
	uint64_t ino;
	int64_t next;
	uint16_t length;
	uint8_t type;
	char name[];
} __packed;

struct dirent_head {
	uint64_t ino;
	uint64_t next;
	uint16_t length;
	char name[];
} __packed;

struct dents {
	struct dir_sink sink;
	char *buf;
	size_t used, size;
	bool full; /* an entry did not fit */
	bool old;  /* struct linux_dirent: the type is in the last byte */
};

/*
 * Records collect in a buffer of the kernel, because a fault on the program's while the directory
 * is locked would hold up everybody else who wants it.
 */
static bool dents_emit(struct dir_sink *sink, const char *name, size_t len, uint64_t ino,
		       unsigned type, off64_t next)
{
	struct dents *d = container_of(sink, struct dents, sink);
	size_t head = d->old ? sizeof(struct dirent_head) : sizeof(struct dirent64_head);
	/* The old form keeps its type byte behind the terminated name. */
	size_t n = ALIGN_UP(head + len + 1 + (d->old ? 1 : 0), 8);
	char *at = d->buf + d->used;

	if (n > d->size - d->used) {
		d->full = true;
		return false;
	}
	memset(at, 0, n);
	if (d->old) {
		struct dirent_head *e = (struct dirent_head *)at;

		e->ino = ino;
		e->next = (uint64_t)next;
		e->length = (uint16_t)n;
		at[n - 1] = (char)type;
	} else {
		struct dirent64_head *e = (struct dirent64_head *)at;

		e->ino = ino;
		e->next = next;
		e->length = (uint16_t)n;
		e->type = (uint8_t)type;
	}
	memcpy(at + head, name, len);
	d->used += n;
	return true;
}

static int64_t dents_read(struct file *f, struct dents *d)
{
	int r = file_readdir(f, &d->sink);

	if (r)
		return r;
	/* Nothing fitted although there is more: 0 would be the end. */
	return !d->used && d->full ? -EINVAL : (int64_t)d->used;
}

/*
 * The program's buffer ends early: as many whole records as it takes, and the directory goes on
 * behind them with the next call.
 */
static int64_t dents_copy_some(struct file *f, const struct dents *d, off64_t before, uaddr_t out)
{
	size_t done = 0;

	while (done < d->used) {
		/* Both forms begin alike. */
		const struct dirent_head *e = (const struct dirent_head *)(d->buf + done);

		if (copy_to_user(out + done, e, e->length))
			break;
		before = (off64_t)e->next;
		done += e->length;
	}
	file_llseek(f, before, SEEK_SET);
	return done ? (int64_t)done : -EFAULT;
}

static int64_t getdents(int fd, uaddr_t out, unsigned count, bool old)
{
	struct dents d = {.sink = {.emit = dents_emit}, .old = old};
	struct fd_ref r = fd_borrow(fd);
	off64_t before;
	int64_t n = -EBADF;

	if (!r.file)
		return n;
	d.size = min(count, (unsigned)BUFFER_MAX);
	d.buf = kmalloc(max(d.size, (size_t)8));
	before = READ_ONCE(r.file->pos);
	n = d.buf ? dents_read(r.file, &d) : -ENOMEM;
	if (n > 0 && copy_to_user(out, d.buf, (size_t)n))
		n = dents_copy_some(r.file, &d, before, out);
	kfree(d.buf);
	fd_return(r);
	return n;
}

int64_t sys_getdents64(int fd, uaddr_t out, unsigned count)
{
	return getdents(fd, out, count, false);
}

int64_t sys_getdents(int fd, uaddr_t out, unsigned count)
{
	return getdents(fd, out, count, true);
}

/* --- place -------------------------------------------------------------------------------- */

static int64_t cwd_text(uaddr_t out, size_t size, char *buf)
{
	static const char prefix[] = "(unreachable)";
	struct path cwd = fs_context_cwd(current()->fs);
	bool deleted, outside;
	char *text = path_text(cwd, buf + sizeof(prefix), PATH_TEXT_MAX, &deleted, &outside);
	size_t n;

	path_put(cwd);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (deleted)
		return -ENOENT;
	if (outside) {
		text -= sizeof(prefix) - 1;
		memcpy(text, prefix, sizeof(prefix) - 1);
	}
	n = strlen(text) + 1;
	if (n > size)
		return -ERANGE;
	return copy_to_user(out, text, n) ? -EFAULT : (int64_t)n;
}

int64_t sys_getcwd(uaddr_t out, size_t size)
{
	char *buf = kmalloc(PATH_TEXT_MAX + 16);
	int64_t r = buf ? cwd_text(out, size, buf) : -ENOMEM;

	kfree(buf);
	return r;
}

int64_t sys_chdir(uaddr_t path)
{
	struct path p;
	int64_t r = path_arg_walk(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, &p);

	if (r)
		return r;
	r = inode_permission(path_inode(p), vfs_cred(), MAY_EXEC);
	if (r)
		path_put(p);
	else
		fs_context_set_cwd(current()->fs, p);
	return r;
}

int64_t sys_fchdir(int fd)
{
	struct fd_ref r = fd_borrow_any(fd);
	int64_t result;

	if (!r.file)
		return -EBADF;
	result = inode_is_dir(r.file->inode) ? 0 : -ENOTDIR;
	if (!result)
		result = inode_permission(r.file->inode, vfs_cred(), MAY_EXEC);
	if (!result)
		fs_context_set_cwd(current()->fs, path_get(r.file->path));
	fd_return(r);
	return result;
}

int64_t sys_chroot(uaddr_t path)
{
	struct path p;
	int64_t r = path_arg_walk(AT_FDCWD, path, WALK_FOLLOW | WALK_DIRECTORY, &p);

	if (r)
		return r;
	r = inode_permission(path_inode(p), vfs_cred(), MAY_EXEC);
	if (!r && !cred_capable(vfs_cred(), CAP_SYS_CHROOT))
		r = -EPERM;
	if (r)
		path_put(p);
	else
		fs_context_set_root(current()->fs, p);
	return r;
}
