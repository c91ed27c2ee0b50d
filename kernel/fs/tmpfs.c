/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tmpfs: files in memory.
 *
 * A regular file is a vm_object whose pages are made when they are first written; holes have no
 * pages. read, write and mmap are filemap.c's; only accounting is ours. Directories are in
 * tmpfs_dir.c. Every name holds a reference to its inode, so that an inode lives while it has
 * names, open files or cached entries, and is evicted with the last of them.
 *
 * A mapping may outlive the last file and name: it holds the vm_object, which is part of the
 * tmpfs_inode. So eviction of a regular file only drops the inode's reference to the object, and
 * the memory goes when the object is released.
 *
 * Limits (size=, nr_inodes=) are counters in the superblock, taken by compare and swap: no
 * lock is shared between files.
 */
#include "tmpfs.h"

#include <base/cred.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <linux/magic.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <vfs/builtin_fs.h>
#include <vfs/dentry.h>
#include <vfs/filemap.h>
#include <vfs/seal.h>

#define SECTORS_PER_PAGE (PAGE_SIZE / 512)

/* --- accounting --------------------------------------------------------------------------- */

bool tmpfs_take(uint64_t *used, const uint64_t *max, uint64_t n)
{
	uint64_t now = __atomic_load_n(used, __ATOMIC_RELAXED), limit;

	do {
		limit = __atomic_load_n(max, __ATOMIC_RELAXED);
		if (limit && (n > limit || now > limit - n))
			return false;
	} while (!__atomic_compare_exchange_n(used, &now, now + n, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return true;
}

void tmpfs_give(uint64_t *used, uint64_t n)
{
	__atomic_fetch_sub(used, n, __ATOMIC_RELAXED);
}

/* vm_object_ops: pages come (positive) or go. */
static int object_charge(struct vm_object *o, int64_t pages)
{
	struct inode *inode = o->owner;
	struct tmpfs_super *ts = tmpfs_super(inode);

	if (pages > 0 && !tmpfs_take(&ts->pages_used, &ts->pages_max, (uint64_t)pages))
		return -ENOSPC;
	if (pages < 0)
		tmpfs_give(&ts->pages_used, (uint64_t)-pages);
	__atomic_fetch_add(&inode->blocks, (uint64_t)(pages * (int64_t)SECTORS_PER_PAGE),
			   __ATOMIC_RELAXED);
	return 0;
}

/* --- inodes ------------------------------------------------------------------------------- */

static void inode_memory_free(struct epoch_head *head)
{
	struct inode *inode = container_of(head, struct inode, epoch);

	if (inode_is_link(inode))
		kfree(tmpfs_inode(inode)->target);
	kfree(tmpfs_inode(inode));
}

static void object_release(struct vm_object *o)
{
	inode_free_deferred(o->owner, inode_memory_free);
}

static const struct vm_object_ops tmpfs_object_ops = {
	.charge = object_charge,
	.release = object_release,
};

static void tmpfs_evict(struct inode *inode)
{
	tmpfs_give(&tmpfs_super(inode)->inodes_used, 1);
	tmpfs_clear_xattrs(inode);
	if (inode_is_dir(inode))
		tmpfs_dir_clear(inode);
	if (inode_is_regular(inode))
		vm_object_put(&tmpfs_inode(inode)->object);
	else
		inode_free_deferred(inode, inode_memory_free);
}

/* Size changes alone need more than the plain fields. */
static int tmpfs_setattr(struct inode *inode, const struct inode_attr *attr)
{
	int r = attr->valid & ATTR_SIZE ? seals_check_size(inode, attr->size) : 0;

	if (!r && attr->valid & ATTR_MODE)
		r = seals_check_mode(inode, attr->mode);
	if (r)
		return r;
	if (attr->valid & ATTR_SIZE)
		filemap_set_size(inode, attr->size);
	inode_setattr_plain(inode, attr);
	return 0;
}

static ssize_t tmpfs_readlink(struct inode *inode, char *buf, size_t size)
{
	size_t n = min((size_t)inode->size, size);

	memcpy(buf, tmpfs_inode(inode)->target, n);
	return (ssize_t)n;
}

static int tmpfs_fsync(struct file *f, bool data_only)
{
	return 0;
}

static const struct file_ops tmpfs_file_ops = {
	.read = filemap_read,
	.write = filemap_write,
	.llseek = filemap_llseek,
	.mmap = filemap_mmap,
	.fsync = tmpfs_fsync,
	.fallocate = filemap_fallocate,
};

static const struct inode_ops tmpfs_inode_ops = {.setattr = tmpfs_setattr, TMPFS_XATTR_OPS};
static const struct inode_ops tmpfs_link_ops = {
	.setattr = tmpfs_setattr, .readlink = tmpfs_readlink, TMPFS_XATTR_OPS};

static void init_by_type(struct tmpfs_inode *t, dev_t rdev)
{
	struct inode *inode = &t->inode;

	inode->ops = &tmpfs_inode_ops;
	switch (inode_type(inode)) {
	case S_IFREG:
		vm_object_init(&t->object, &tmpfs_object_ops, inode, 0);
		inode->object = &t->object;
		inode->file_ops = &tmpfs_file_ops;
		break;
	case S_IFDIR:
		t->dir = (struct tmpfs_dir){.last_cookie = 1};
		inode->nlink = 2;
		inode->ops = &tmpfs_dir_inode_ops;
		inode->file_ops = &tmpfs_dir_file_ops;
		break;
	case S_IFLNK:
		inode->ops = &tmpfs_link_ops;
		inode_init_special(inode, 0);
		break;
	default:
		inode_init_special(inode, rdev);
	}
}

int tmpfs_inode_create(struct super *s, const struct inode *dir, unsigned mode, dev_t rdev,
		       struct inode **out)
{
	struct tmpfs_super *ts = s->priv;
	struct tmpfs_inode *t;

	if (!tmpfs_take(&ts->inodes_used, &ts->inodes_max, 1))
		return -ENOSPC;
	t = kzalloc(sizeof(*t));
	if (!t) {
		tmpfs_give(&ts->inodes_used, 1);
		return -ENOMEM;
	}
	inode_init(&t->inode, s, mode);
	t->inode.ino = __atomic_add_fetch(&ts->last_ino, 1, __ATOMIC_RELAXED);
	if (dir) {
		inode_init_owner(&t->inode, dir);
	} else {
		t->inode.uid = ts->uid;
		t->inode.gid = ts->gid;
	}
	init_by_type(t, rdev);
	*out = &t->inode;
	return 0;
}

/* --- superblock --------------------------------------------------------------------------- */

static int parse_size(const char *text, bool percent, uint64_t *out)
{
	struct frame_stats frames;
	unsigned shift = 0;
	size_t n = strlen(text);
	char digits[24];

	if (n == 0 || n >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, n + 1);
	switch (digits[n - 1] | 0x20) {
	case 'g':
		shift += 10;
		__fallthrough;
	case 'm':
		shift += 10;
		__fallthrough;
	case 'k':
		shift += 10;
		digits[n - 1] = 0;
	}
	if (percent && digits[n - 1] == '%') {
		digits[n - 1] = 0;
		if (parse_u64(digits, 10, out) || *out > 1000)
			return -EINVAL;
		frame_stats(&frames);
		*out = frames.total * *out / 100 * PAGE_SIZE;
		return 0;
	}
	if (parse_u64(digits, 10, out) || *out > UINT64_MAX >> shift)
		return -EINVAL;
	*out <<= shift;
	return 0;
}

static int parse_id(const char *text, unsigned base, uint32_t *out)
{
	uint64_t v;

	if (parse_u64(text, base, &v) || v > UINT32_MAX)
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int parse_option(struct tmpfs_super *ts, const char *key, const char *value)
{
	uint64_t v;
	int r;

	if (strcmp(key, "size") == 0) {
		r = parse_size(value, true, &v);
		if (!r)
			ts->pages_max = v / PAGE_SIZE + (v % PAGE_SIZE != 0);
		return r;
	}
	if (strcmp(key, "nr_blocks") == 0)
		return parse_size(value, false, &ts->pages_max);
	if (strcmp(key, "nr_inodes") == 0)
		return parse_size(value, false, &ts->inodes_max);
	if (strcmp(key, "mode") == 0) {
		r = parse_id(value, 8, &ts->mode);
		ts->mode &= 07777;
		return r;
	}
	if (strcmp(key, "uid") == 0)
		return parse_id(value, 10, &ts->uid);
	if (strcmp(key, "gid") == 0)
		return parse_id(value, 10, &ts->gid);
	return -EINVAL;
}

/* "a=1,b=2" into ts, which keeps what is not named. */
static int parse_options(struct tmpfs_super *ts, const char *options)
{
	char *copy = kstrdup(options ? options : ""), *at = copy;
	int r = copy ? 0 : -ENOMEM;

	while (!r && at && *at) {
		char *next = strchr(at, ','), *value;

		if (next)
			*next++ = 0;
		value = strchr(at, '=');
		if (value)
			*value++ = 0;
		if (*at)
			r = parse_option(ts, at, value ? value : "");
		at = next;
	}
	kfree(copy);
	return r;
}

static void tmpfs_destroy(struct super *s)
{
	kfree(s->priv);
}

static int tmpfs_statfs(struct super *s, struct fs_stat *out)
{
	struct tmpfs_super *ts = s->priv;

	if (ts->pages_max) {
		out->blocks = ts->pages_max;
		out->blocks_free = ts->pages_max - min(ts->pages_used, ts->pages_max);
		out->blocks_available = out->blocks_free;
	}
	if (ts->inodes_max) {
		out->files = ts->inodes_max;
		out->files_free = ts->inodes_max - min(ts->inodes_used, ts->inodes_max);
	}
	return 0;
}

static int tmpfs_remount(struct super *s, const char *options)
{
	struct tmpfs_super *ts = s->priv, next = *ts;
	int r = parse_options(&next, options);

	if (r)
		return r;
	if ((next.pages_max && next.pages_max < ts->pages_used) ||
	    (next.inodes_max && next.inodes_max < ts->inodes_used))
		return -EINVAL;
	__atomic_store_n(&ts->pages_max, next.pages_max, __ATOMIC_RELAXED);
	__atomic_store_n(&ts->inodes_max, next.inodes_max, __ATOMIC_RELAXED);
	return 0;
}

static void tmpfs_show_options(struct super *s, struct text *out)
{
	struct tmpfs_super *ts = s->priv;

	if (ts->pages_max)
		text_printf(out, ",size=%lluk",
			    (unsigned long long)(ts->pages_max * (PAGE_SIZE / 1024)));
	if (ts->inodes_max)
		text_printf(out, ",nr_inodes=%llu", (unsigned long long)ts->inodes_max);
	if (ts->mode != 01777)
		text_printf(out, ",mode=%03o", ts->mode);
}

static const struct super_ops tmpfs_super_ops = {
	.evict = tmpfs_evict,
	.destroy = tmpfs_destroy,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
};

int tmpfs_create_super(const struct fs_type *type, const char *options, struct super **out)
{
	struct tmpfs_super *ts = kzalloc(sizeof(*ts));
	struct frame_stats frames;
	struct inode *root;
	struct super *s;
	int r;

	if (!ts)
		return -ENOMEM;
	frame_stats(&frames);
	ts->pages_max = ts->inodes_max = frames.total / 2;
	ts->mode = 01777;
	r = parse_options(ts, options);
	s = r ? NULL : super_create(type, &tmpfs_super_ops, TMPFS_MAGIC);
	if (!s) {
		kfree(ts);
		return r ? r : -ENOMEM;
	}
	s->priv = ts;
	r = tmpfs_inode_create(s, NULL, S_IFDIR | ts->mode, 0, &root);
	if (!r) {
		r = super_set_root(s, root);
		if (r)
			inode_put(root);
	}
	if (r)
		super_put(s);
	else
		*out = s;
	return r;
}

static int tmpfs_mount(const struct fs_type *type, const char *source, const char *options,
		       struct super **out)
{
	return tmpfs_create_super(type, options, out);
}

static struct fs_type tmpfs_type = {.name = "tmpfs", .mount = tmpfs_mount};

int tmpfs_init(void)
{
	fs_type_register(&tmpfs_type);
	return 0;
}
