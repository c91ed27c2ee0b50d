/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing through the page cache: the conductor of file data. For each page of a
 * range it asks the inode's vm_object for the page and copies between it and the caller's
 * memory. mmap maps the same pages, so the two are coherent without any further work.
 *
 * Reading takes inode->lock for reading, so that readers do not exclude each other; a page that
 * does not exist is a hole and reads as zero without being made (unless the object can fill it).
 * Writing takes it for writing: O_APPEND finds the end under it, and a reader sees all of a
 * write or nothing. The size grows after the data is there.
 *
 * The lock is held over copies from and to the program, which may fault. That is safe because a
 * fault takes VM_SPACE and VM_OBJECT, both inside INODE, and never an inode lock; what a program
 * can achieve by a slow source page is to delay other users of the same file.
 */
#include "filemap.h"

#include "inode.h"
#include "mount.h"
#include "seal.h"
#include "super.h"
#include <base/cred.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <lib/string.h>
#include <vm/object.h>
#include <vm/space.h>

/* --- reading ------------------------------------------------------------------------------ */

/* The page to read from, with a reference; NULL for a hole. */
static int page_to_read(struct vm_object *o, uint64_t index, struct page **out)
{
	*out = vm_object_find(o, index);
	if (*out || !o->ops || !o->ops->fill)
		return 0;
	return vm_object_page(o, index, out);
}

static ssize_t read_page(struct vm_object *o, uint64_t pos, size_t n, struct iter *it)
{
	struct page *page;
	size_t copied;
	int r = page_to_read(o, pos >> PAGE_SHIFT, &page);

	if (r)
		return r;
	if (!page)
		return (ssize_t)iter_zero(it, n);
	copied = iter_copy_to(it, (char *)page_address(page) + pos % PAGE_SIZE, n);
	page_put(page);
	return (ssize_t)copied;
}

static ssize_t read_locked(struct inode *inode, struct iter *it, uint64_t pos)
{
	uint64_t size = inode_size(inode), start = pos;

	while (pos < size && iter_left(it)) {
		size_t n = min(iter_left(it), (size_t)min(size - pos, PAGE_SIZE - pos % PAGE_SIZE));
		ssize_t done = read_page(inode->object, pos, n, it);

		if (done > 0)
			pos += (uint64_t)done;
		if (done < (ssize_t)n && pos == start)
			return done < 0 ? done : -EFAULT;
		if (done < (ssize_t)n)
			break;
	}
	return (ssize_t)(pos - start);
}

ssize_t filemap_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct inode *inode = f->inode;
	ssize_t n;

	if (!iter_left(it))
		return 0;
	rwlock_read_lock(&inode->lock);
	n = read_locked(inode, it, (uint64_t)*pos);
	rwlock_read_unlock(&inode->lock);
	if (n > 0)
		*pos += n;
	if (n >= 0 && !(f->flags & O_NOATIME) &&
	    !(f->path.mount->flags & (MOUNT_NOATIME | MOUNT_READONLY)))
		inode_accessed(inode);
	return n;
}

/* --- writing ------------------------------------------------------------------------------ */

static void set_size(struct inode *inode, uint64_t size)
{
	__atomic_store_n(&inode->size, size, __ATOMIC_RELEASE);
	vm_object_set_size(inode->object, size);
}

static ssize_t write_page(struct inode *inode, uint64_t pos, size_t n, struct iter *it)
{
	uint64_t index = pos >> PAGE_SHIFT;
	struct page *page;
	size_t copied;
	int r = vm_object_page(inode->object, index, &page);

	if (r)
		return r;
	copied = iter_copy_from(it, (char *)page_address(page) + pos % PAGE_SIZE, n);
	page_put(page);
	/* A page beyond the end that got nothing would be held until somebody truncates. */
	if (copied == 0 && index << PAGE_SHIFT >= inode_size(inode))
		vm_object_remove_range(inode->object, index, index + 1);
	return (ssize_t)copied;
}

static ssize_t write_locked(struct inode *inode, struct iter *it, uint64_t pos)
{
	uint64_t start = pos, limit = inode->super->max_file;
	ssize_t r = 0;

	if (pos >= limit)
		return -EFBIG;
	while (iter_left(it) && pos < limit) {
		size_t n =
			min(iter_left(it), (size_t)min(limit - pos, PAGE_SIZE - pos % PAGE_SIZE));

		r = write_page(inode, pos, n, it);
		if (r > 0)
			pos += (uint64_t)r;
		if (r < (ssize_t)n)
			break;
		r = 0;
	}
	if (pos > inode_size(inode))
		set_size(inode, pos);
	if (pos != start)
		return (ssize_t)(pos - start);
	return r < 0 ? r : -EFAULT;
}

/* A write by anybody but the privileged takes set-id bits away. */
static void drop_set_id(struct inode *inode)
{
	struct inode_attr attr = {.valid = ATTR_KILL_ID};

	if (inode_set_id_to_drop(inode) && !cred_capable(vfs_cred(), CAP_FSETID))
		inode_setattr_plain(inode, &attr);
}

ssize_t filemap_write(struct file *f, struct iter *it, off64_t *pos)
{
	struct inode *inode = f->inode;
	uint64_t at = (uint64_t)*pos;
	ssize_t n;

	if (!iter_left(it))
		return 0;
	rwlock_write_lock(&inode->lock);
	if (__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_APPEND || it->flags & ITER_APPEND)
		at = inode_size(inode);
	n = seals_check_write(inode, at + iter_left(it));
	if (!n) {
		drop_set_id(inode);
		n = write_locked(inode, it, at);
	}
	if (n > 0)
		inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
	rwlock_write_unlock(&inode->lock);
	if (n > 0)
		*pos = (off64_t)(at + (uint64_t)n);
	return n;
}

/* --- size, holes -------------------------------------------------------------------------- */

void filemap_set_size(struct inode *inode, uint64_t size)
{
	uint64_t old = inode_size(inode);

	set_size(inode, size);
	/* Pages that fallocate has put beyond the end go, even if the end stays. */
	if (size == old)
		vm_object_remove_range(inode->object, (size + PAGE_SIZE - 1) >> PAGE_SHIFT,
				       UINT64_MAX);
}

static int zero_part(struct inode *inode, uint64_t from, uint64_t to)
{
	struct page *page;
	int r;

	if (from == to)
		return 0;
	r = page_to_read(inode->object, from >> PAGE_SHIFT, &page);
	if (r || !page)
		return r;
	memset((char *)page_address(page) + from % PAGE_SIZE, 0, to - from);
	page_put(page);
	return 0;
}

int filemap_punch(struct inode *inode, uint64_t offset, uint64_t len)
{
	uint64_t end = offset + len; /* checked by the caller */
	uint64_t first = (offset + PAGE_SIZE - 1) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;
	int r;

	if (first > last) /* inside one page */
		return zero_part(inode, offset, end);
	r = zero_part(inode, offset, first << PAGE_SHIFT);
	if (!r)
		r = zero_part(inode, last << PAGE_SHIFT, end);
	if (!r && first < last)
		vm_object_remove_range(inode->object, first, last);
	return r;
}

/* Pages for [offset, end); those made before an error stay, as space that is reserved. */
static int preallocate(struct inode *inode, uint64_t offset, uint64_t end)
{
	for (uint64_t i = offset >> PAGE_SHIFT; i <= (end - 1) >> PAGE_SHIFT; i++) {
		struct page *page;
		int r = vm_object_page(inode->object, i, &page);

		if (r)
			return r;
		page_put(page);
	}
	return 0;
}

int filemap_fallocate(struct file *f, int mode, off64_t offset, off64_t len)
{
	struct inode *inode = f->inode;
	uint64_t from = (uint64_t)offset, end = from + (uint64_t)len;
	int r = 0;

	rwlock_write_lock(&inode->lock);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		r = seals_check_punch(inode);
	if (!r && end > inode_size(inode) && !(mode & FALLOC_FL_KEEP_SIZE))
		r = seals_check_size(inode, end);
	if (!r)
		drop_set_id(inode);
	if (!r && mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		r = filemap_punch(inode, from, (uint64_t)len);
	if (!r && !(mode & FALLOC_FL_PUNCH_HOLE))
		r = preallocate(inode, from, end);
	if (!r && !(mode & FALLOC_FL_KEEP_SIZE) && end > inode_size(inode))
		set_size(inode, end);
	if (!r)
		inode_touch(inode, TOUCH_MTIME | TOUCH_CTIME);
	rwlock_write_unlock(&inode->lock);
	return r;
}

/* The first position >= pos in data (or in a hole), -ENXIO when there is none. */
static off64_t seek_data_hole(struct inode *inode, uint64_t pos, bool data)
{
	uint64_t size = inode_size(inode), index = pos >> PAGE_SHIFT, next;

	if (pos >= size)
		return -ENXIO;
	if (data) {
		if (!vm_object_next(inode->object, index, &next) || next << PAGE_SHIFT >= size)
			return -ENXIO;
		return (off64_t)max(pos, next << PAGE_SHIFT);
	}
	while (vm_object_next(inode->object, index, &next) && next == index)
		index++;
	return (off64_t)min(size, max(pos, index << PAGE_SHIFT));
}

off64_t filemap_llseek(struct file *f, off64_t offset, int whence)
{
	struct inode *inode = f->inode;
	off64_t pos;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return file_llseek_size(f, offset, whence, (off64_t)inode_size(inode),
					(off64_t)inode->super->max_file);
	if (offset < 0)
		return -ENXIO;
	rwlock_read_lock(&inode->lock);
	pos = seek_data_hole(inode, (uint64_t)offset, whence == SEEK_DATA);
	rwlock_read_unlock(&inode->lock);
	if (pos < 0)
		return pos;
	return file_llseek_size(f, pos, SEEK_SET, 0, (off64_t)inode->super->max_file);
}

int filemap_mmap(struct file *f, struct vm_map_args *a)
{
	a->object = vm_object_get(f->inode->object);
	return 0;
}
