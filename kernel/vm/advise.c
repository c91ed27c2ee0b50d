/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program says about ranges of its memory, beyond mapping them: forget the contents, fault
 * them in, count them as locked, leave them out of a child; and what it asks: is it mapped, is it
 * in memory. Ranges may cover several regions; holes are -ENOMEM, after the rest has been done.
 *
 * Memory is never paged out, so locking it means faulting it in and counting it.
 */
#include "fault.h"
#include "internal.h"

#include <base/cred.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <sched/thread.h>

#include <asm-generic/siginfo.h>
#include <asm/signal.h>
#include <linux/capability.h>

/* What ranges have in common: an error, or end. */
static int range_error(uint64_t addr, uint64_t length, uint64_t *end)
{
	if (region_range_ok(addr, length, end))
		return 0;
	return addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
}

int vm_discard(struct vm_space *s, uint64_t addr, uint64_t length, bool locked_too)
{
	struct vm_region *region;
	uint64_t end, at = addr;
	bool locked = false;
	struct gather g;
	int error = range_error(addr, length, &end);

	if (error)
		return error;
	rwlock_read_lock(&s->lock);
	gather_begin(&g, s);
	for (region = region_find(s, addr); region && region->start < end;
	     region = region_next(region)) {
		uint64_t from = max(region->start, addr), to = min(region->end, end);

		if (region->flags & VM_LOCKED && !locked_too) {
			locked = true;
			break;
		}
		if (region->start > at)
			at = UINT64_MAX;
		pt_unmap_range(&g, from, to);
		at = at == UINT64_MAX ? at : to;
	}
	gather_end(&g);
	rwlock_read_unlock(&s->lock);
	if (locked)
		return -EINVAL;
	return at == UINT64_MAX || at < end ? -ENOMEM : 0;
}

bool vm_range_mapped(struct vm_space *s, uint64_t addr, uint64_t length)
{
	uint64_t end, at = addr;
	struct vm_region *r;

	if (!region_range_ok(ALIGN_DOWN(addr, PAGE_SIZE), length, &end))
		return false;
	rwlock_read_lock(&s->lock);
	for (r = region_find(s, addr); r && r->start <= at && at < end; r = region_next(r))
		at = r->end;
	rwlock_read_unlock(&s->lock);
	return at >= end;
}

int vm_change_flags(struct vm_space *s, uint64_t addr, uint64_t length, unsigned set,
		    unsigned clear)
{
	uint64_t end, at = addr;
	struct vm_region *r;
	int error = range_error(addr, length, &end);

	if (error || addr == end)
		return error;
	rwlock_write_lock(&s->lock);
	error = region_isolate(s, addr, end);
	for (r = region_find(s, addr); !error && r && r->start < end; r = region_next(r)) {
		if (r->start > at)
			break;
		/* Wiping is for memory that has no other side. */
		if (set & VM_WIPEONFORK && (r->object || r->flags & VM_SHARED)) {
			error = -EINVAL;
			break;
		}
		r->flags = (uint16_t)((r->flags & ~clear) | set);
		at = r->end;
	}
	if (!error && at < end)
		error = -ENOMEM;
	region_merge(s, addr, end);
	rwlock_write_unlock(&s->lock);
	return error;
}

/* --- faulting in --- */

/* One page as its region would have it: private memory that can be written gets its frame. */
static int populate_page(struct vm_space *s, uint64_t addr, bool write)
{
	struct vm_fault_result result;
	struct vm_region_info info;
	unsigned access = write ? VM_ACCESS_WRITE : VM_ACCESS_READ;

	if (!write) {
		if (!vm_region_next(s, addr, &info))
			return -ENOMEM;
		if (info.file)
			vm_file_ops->put(info.file);
		if (info.start <= addr && info.prot & VM_WRITE && !(info.flags & VM_SHARED))
			access = VM_ACCESS_WRITE;
	}
	if (!vm_fault(s, addr, access, 0, &result))
		return 0;
	return result.sig == SIGBUS ? -EFAULT : result.code == SEGV_ACCERR ? -EINVAL : -ENOMEM;
}

int vm_populate(struct vm_space *s, uint64_t addr, uint64_t length, bool write)
{
	uint64_t end;
	int r = range_error(addr, length, &end);

	for (; !r && addr < end; addr += PAGE_SIZE) {
		if (thread_interrupted(WAIT_KILLABLE))
			return -EINTR;
		r = populate_page(s, addr, write);
	}
	return r;
}

/* --- locked memory --- */

bool vm_may_lock(struct vm_space *s, uint64_t pages)
{
	return s->locked_pages + pages <= READ_ONCE(s->limit_locked) ||
	       cred_capable(current()->cred, CAP_IPC_LOCK);
}

static void set_locked(struct vm_space *s, struct vm_region *r, bool lock)
{
	uint64_t pages = (r->end - r->start) >> PAGE_SHIFT;

	if (lock == !!(r->flags & VM_LOCKED))
		return;
	r->flags ^= VM_LOCKED;
	s->locked_pages += lock ? pages : -pages;
}

/* Pages of the range that are locked already. */
static uint64_t locked_in(struct vm_space *s, uint64_t addr, uint64_t end)
{
	uint64_t bytes = 0;

	for (struct vm_region *r = region_find(s, addr); r && r->start < end; r = region_next(r))
		if (r->flags & VM_LOCKED)
			bytes += min(r->end, end) - max(r->start, addr);
	return bytes >> PAGE_SHIFT;
}

int vm_lock(struct vm_space *s, uint64_t addr, uint64_t length, bool lock)
{
	uint64_t end, at = addr;
	struct vm_region *r;
	int error = range_error(addr, length, &end);

	if (error || addr == end)
		return error;
	rwlock_write_lock(&s->lock);
	if (lock && !vm_may_lock(s, ((end - addr) >> PAGE_SHIFT) - locked_in(s, addr, end)))
		error = -ENOMEM;
	if (!error)
		error = region_isolate(s, addr, end);
	for (r = region_find(s, addr); !error && r && r->start < end; r = region_next(r)) {
		if (r->start > at)
			break;
		set_locked(s, r, lock);
		at = r->end;
	}
	if (!error && at < end)
		error = -ENOMEM;
	region_merge(s, addr, end);
	rwlock_write_unlock(&s->lock);
	return error;
}

int vm_lock_all(struct vm_space *s, bool now, bool future)
{
	int error = 0;

	rwlock_write_lock(&s->lock);
	if (now && !vm_may_lock(s, s->total_pages - s->locked_pages))
		error = -ENOMEM;
	if (!error) {
		s->lock_future = future;
		for (struct vm_region *r = region_find(s, 0); now && r; r = region_next(r))
			set_locked(s, r, true);
	}
	rwlock_write_unlock(&s->lock);
	return error;
}

void vm_unlock_all(struct vm_space *s)
{
	rwlock_write_lock(&s->lock);
	s->lock_future = false;
	for (struct vm_region *r = region_find(s, 0); r; r = region_next(r))
		set_locked(s, r, false);
	rwlock_write_unlock(&s->lock);
}

/* --- what is in memory --- */

static uint8_t resident(struct vm_space *s, const struct vm_region *r, uint64_t addr)
{
	struct page *page;

	if (pt_is_present(s, addr))
		return 1;
	page = r->object ? vm_object_find(r->object, (r->offset + (addr - r->start)) >> PAGE_SHIFT)
			 : NULL;
	if (page)
		page_put(page);
	return page != NULL;
}

int vm_resident(struct vm_space *s, uint64_t addr, size_t pages, uint8_t *out)
{
	struct vm_region *r;
	int error = 0;

	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	for (size_t i = 0; i < pages && !error; i++, addr += PAGE_SIZE) {
		if (r && r->end <= addr)
			r = region_next(r);
		if (!r || r->start > addr)
			error = -ENOMEM;
		else
			out[i] = resident(s, r, addr);
	}
	rwlock_read_unlock(&s->lock);
	return error;
}
