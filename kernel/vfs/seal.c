/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Seals. They are only ever added, under inode->lock held for writing, as are writes and changes of
 * size; so a check under that lock holds for the whole change.
 *
 * F_SEAL_WRITE must find no mapping through which one could write. Mappings that exist are on
 * the object's list of regions. One that is being made is counted in `mapping` from before it
 * looks at the seals until it is on that list: whoever adds the seal first sets it, then looks at
 * the count and the list, and takes it back if there is something.
 */
#include "seal.h"

#include "file.h"
#include "inode.h"
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <mem/slab.h>
#include <vm/space.h>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20 /* newer than the package of Linux's headers */
#endif
#define SEALS_ALL                                                                         \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
	 F_SEAL_EXEC)
#define NO_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

struct seals {
	uint32_t bits;	  /* [a; inode->lock] F_SEAL_* */
	uint32_t mapping; /* [a] shared mappings being made */
};

int seals_create(struct inode *inode, unsigned seals)
{
	inode->seals = kzalloc(sizeof(*inode->seals));
	if (!inode->seals)
		return -ENOMEM;
	inode->seals->bits = seals;
	return 0;
}

void seals_free(struct inode *inode)
{
	kfree(inode->seals);
	inode->seals = NULL;
}

static unsigned bits_of(const struct inode *inode)
{
	return inode->seals ? __atomic_load_n(&inode->seals->bits, __ATOMIC_SEQ_CST) : 0;
}

/* True if somebody has a mapping to write through, or may be about to. */
static bool has_writable_mapping(struct inode *inode)
{
	struct vm_region *r;
	bool found = __atomic_load_n(&inode->seals->mapping, __ATOMIC_SEQ_CST);

	mutex_lock(&inode->object->fill_lock);
	list_for_each_entry(r, &inode->object->regions, object_link)
		found |= (r->flags & (VM_SHARED | VM_MAY_WRITE)) == (VM_SHARED | VM_MAY_WRITE);
	mutex_unlock(&inode->object->fill_lock);
	return found;
}

int seals_get(const struct file *f)
{
	return f->inode->seals ? (int)bits_of(f->inode) : -EINVAL;
}

static int add_locked(struct inode *inode, unsigned seals)
{
	unsigned old = bits_of(inode);

	if (old & F_SEAL_SEAL)
		return -EPERM;
	/* What must not become executable must not be written by those who could. */
	if (seals & F_SEAL_EXEC && inode->mode & 0111)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | NO_WRITE;
	__atomic_store_n(&inode->seals->bits, old | seals, __ATOMIC_SEQ_CST);
	if (seals & ~old & F_SEAL_WRITE && has_writable_mapping(inode)) {
		__atomic_store_n(&inode->seals->bits, old, __ATOMIC_SEQ_CST);
		return -EBUSY;
	}
	return 0;
}

int seals_add(struct file *f, unsigned seals)
{
	struct inode *inode = f->inode;
	int r;

	if (!(f->mode & FILE_WRITE))
		return -EPERM;
	if (seals & ~(unsigned)SEALS_ALL || !inode->seals)
		return -EINVAL;
	rwlock_write_lock(&inode->lock);
	r = add_locked(inode, seals);
	rwlock_write_unlock(&inode->lock);
	return r;
}

int seals_check_write(const struct inode *inode, uint64_t end)
{
	unsigned seals = bits_of(inode);

	if (seals & NO_WRITE)
		return -EPERM;
	return seals & F_SEAL_GROW && end > inode_size(inode) ? -EPERM : 0;
}

int seals_check_size(const struct inode *inode, uint64_t size)
{
	unsigned seals = bits_of(inode);
	uint64_t now = inode_size(inode);

	return (seals & F_SEAL_SHRINK && size < now) || (seals & F_SEAL_GROW && size > now) ? -EPERM
											    : 0;
}

int seals_check_punch(const struct inode *inode)
{
	return bits_of(inode) & NO_WRITE ? -EPERM : 0;
}

int seals_check_mode(const struct inode *inode, unsigned mode)
{
	return bits_of(inode) & F_SEAL_EXEC && (inode->mode ^ mode) & 0111 ? -EPERM : 0;
}

int seals_map_begin(struct file *f, bool write, bool *may_write)
{
	struct seals *s = f->inode->seals;

	if (!s)
		return 0;
	__atomic_fetch_add(&s->mapping, 1, __ATOMIC_SEQ_CST);
	if (!(bits_of(f->inode) & NO_WRITE))
		return 0;
	*may_write = false;
	if (!write)
		return 0;
	seals_map_end(f);
	return -EPERM;
}

void seals_map_end(struct file *f)
{
	if (f->inode->seals)
		__atomic_fetch_sub(&f->inode->seals->mapping, 1, __ATOMIC_SEQ_CST);
}
