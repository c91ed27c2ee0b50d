/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The initramfs: cpio archives become files of the root filesystem, through the same operations
 * that system calls use.
 *
 * Names are taken as below the root whatever they look like ("/x", "./x"; ".." cannot leave
 * the root). Missing parents are made. An entry replaces what an earlier one left there, except
 * that a directory stays if a directory comes again. Hard links: the archive repeats the file's
 * (dev, ino) with no data except for the last; the first name of each is remembered.
 */
#include "initramfs.h"

#include "file.h"
#include "inode.h"
#include "names.h"
#include <base/log.h>
#include <lib/cpio.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/list.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <mem/slab.h>

#define LINK_BUCKETS 64

/* A file with more than one name. */
struct seen {
	struct hlist_node node;
	const struct cpio_entry entry; /* of its first name */
};

struct unpack {
	struct hlist_head seen[LINK_BUCKETS];
	char path[PATH_TEXT_MAX + 1];
};

/* --- names -------------------------------------------------------------------------------- */

/* "a/./b" -> "/a/b" in u->path. False: nothing to make ("", ".", "/"). */
static int entry_path(struct unpack *u, const char *name)
{
	while (*name == '/' || (name[0] == '.' && (name[1] == '/' || !name[1])))
		name++;
	if (!*name)
		return 0;
	u->path[0] = '/';
	if (strlcpy(u->path + 1, name, sizeof(u->path) - 1) >= sizeof(u->path) - 1)
		return -ENAMETOOLONG;
	return 1;
}

/* Make the directories that lead to u->path. */
static int make_parents(struct unpack *u)
{
	for (char *slash = strchr(u->path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r;

		*slash = 0;
		r = vfs_mkdir(NULL, u->path, 0755);
		*slash = '/';
		if (r && r != -EEXIST)
			return r;
	}
	return 0;
}

/* Make room for a new entry at u->path. */
static int remove_old(struct unpack *u)
{
	int r = vfs_unlink(NULL, u->path);

	if (r == -EISDIR)
		r = vfs_rmdir(NULL, u->path);
	return r == -ENOENT ? 0 : r;
}

/* --- hard links --------------------------------------------------------------------------- */

static struct hlist_head *seen_bucket(struct unpack *u, const struct cpio_entry *e)
{
	uint64_t dev = (uint64_t)e->dev_major << 32 | e->dev_minor;

	return &u->seen[hash_u64(dev ^ hash_u64(e->ino)) % LINK_BUCKETS];
}

static const struct cpio_entry *seen_find(struct unpack *u, const struct cpio_entry *e)
{
	struct seen *s;

	hlist_for_each_entry(s, seen_bucket(u, e), node) {
		if (s->entry.ino == e->ino && s->entry.dev_major == e->dev_major &&
		    s->entry.dev_minor == e->dev_minor)
			return &s->entry;
	}
	return NULL;
}

static int seen_add(struct unpack *u, const struct cpio_entry *e)
{
	struct seen *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	memcpy((void *)(uintptr_t)&s->entry, e, sizeof(*e));
	hlist_add_head(&s->node, seen_bucket(u, e));
	return 0;
}

static void seen_free(struct unpack *u)
{
	for (size_t i = 0; i < LINK_BUCKETS; i++) {
		struct hlist_node *tmp;
		struct seen *s;

		hlist_for_each_entry_safe(s, tmp, &u->seen[i], node)
			kfree(s);
	}
}

/* --- entries ------------------------------------------------------------------------------ */

static int set_attributes(const char *path, const struct cpio_entry *e)
{
	struct inode_attr attr = {
		.valid = ATTR_UID | ATTR_GID,
		.uid = e->uid,
		.gid = e->gid,
		.mode = e->mode & 07777,
		.atime = {.sec = e->mtime},
		.mtime = {.sec = e->mtime},
	};
	struct path p;
	int r = path_walk(NULL, path, 0, &p);

	if (r)
		return r;
	/* The mode last: a change of owner takes set-id bits away. */
	r = vfs_setattr(p, &attr);
	attr.valid = ATTR_ATIME | ATTR_MTIME;
	if (!S_ISLNK(e->mode))
		attr.valid |= ATTR_MODE;
	if (!r)
		r = vfs_setattr(p, &attr);
	path_put(p);
	return r;
}

static int write_data(const char *path, const struct cpio_entry *e)
{
	struct file *f;
	ssize_t n;
	int r = file_open_kernel(path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &f);

	if (r)
		return r;
	n = file_write_kernel(f, e->data, e->size, 0);
	file_put(f);
	if (n < 0)
		return (int)n;
	return (size_t)n == e->size ? 0 : -ENOSPC;
}

static int make_link_to(struct unpack *u, const struct cpio_entry *first)
{
	char *target = kmalloc(PATH_TEXT_MAX + 1);
	struct path from;
	int r;

	if (!target)
		return -ENOMEM;
	memcpy(target, u->path, strlen(u->path) + 1);
	r = entry_path(u, first->name);
	if (r > 0)
		r = path_walk(NULL, u->path, 0, &from);
	memcpy(u->path, target, strlen(target) + 1);
	if (!r) {
		r = vfs_link(from, NULL, u->path);
		path_put(from);
	}
	kfree(target);
	return r;
}

static int make_regular(struct unpack *u, const struct cpio_entry *e)
{
	const struct cpio_entry *first = e->nlink > 1 ? seen_find(u, e) : NULL;
	int r = remove_old(u);

	if (r)
		return r;
	if (first)
		r = make_link_to(u, first);
	else if (e->nlink > 1)
		r = seen_add(u, e);
	/* A name without data must not empty what an earlier name has. */
	if (!r && (e->size || !first))
		r = write_data(u->path, e);
	return r;
}

static int make_symlink(struct unpack *u, const struct cpio_entry *e)
{
	char *target;
	int r;

	if (e->size >= PATH_TEXT_MAX)
		return -ENAMETOOLONG;
	target = kzalloc(e->size + 1);
	if (!target)
		return -ENOMEM;
	memcpy(target, e->data, e->size);
	r = remove_old(u);
	if (!r)
		r = vfs_symlink(target, NULL, u->path);
	kfree(target);
	return r;
}

static int make_directory(struct unpack *u)
{
	int r = vfs_mkdir(NULL, u->path, 0755);
	struct path p;

	if (r != -EEXIST)
		return r;
	r = path_walk(NULL, u->path, WALK_DIRECTORY, &p);
	if (!r) {
		path_put(p);
		return 0;
	}
	r = remove_old(u);
	return r ? r : vfs_mkdir(NULL, u->path, 0755);
}

static int make_entry(struct unpack *u, const struct cpio_entry *e)
{
	int r = entry_path(u, e->name);

	if (r <= 0)
		return r;
	r = make_parents(u);
	if (r)
		return r;
	switch (e->mode & S_IFMT) {
	case S_IFDIR:
		r = make_directory(u);
		break;
	case S_IFREG:
		r = make_regular(u, e);
		break;
	case S_IFLNK:
		r = make_symlink(u, e);
		break;
	default:
		r = remove_old(u);
		if (!r)
			r = vfs_mknod(NULL, u->path, e->mode & S_IFMT,
				      DEV_MAKE(e->rdev_major, e->rdev_minor));
	}
	return r ? r : set_attributes(u->path, e);
}

int initramfs_unpack(const void *base, size_t size)
{
	struct unpack *u = kzalloc(sizeof(*u));
	struct cpio_reader reader;
	struct cpio_entry e;
	int r;

	if (!u)
		return -ENOMEM;
	cpio_init(&reader, base, size);
	while ((r = cpio_next(&reader, &e)) > 0) {
		r = make_entry(u, &e);
		if (r) {
			log_error("initramfs: %s: %s", e.name, errno_name(r));
			break;
		}
	}
	if (r == -EINVAL && reader.error)
		log_error("initramfs: %s at byte %zu", reader.error, reader.offset);
	seen_free(u);
	kfree(u);
	return r;
}
