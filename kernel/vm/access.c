/* SPDX-License-Identifier: BSD-2-Clause */
/* Reaching into another program's memory, page by page through the direct map. */
#include "fault.h"
#include "internal.h"

#include <base/panic.h>
#include <lib/string.h>
#include <mem/frame.h>

/* The frame at addr with a reference, faulted in for the access; NULL if that cannot be. */
static struct page *page_at(struct vm_space *s, uint64_t addr, bool write, bool force)
{
	struct vm_fault_result result;

	for (;;) {
		struct page *table, *page = NULL;
		pte_t *slot, e;
		bool enough;

		rwlock_read_lock(&s->lock); /* the region's tables stay */
		slot = pt_lock(s, addr, false, &table);
		e = slot ? *slot : 0;
		/* The zero page's descriptor is counted by nobody, but a reference does it no harm.
		 */
		enough = e & PTE_PRESENT && (!write || e & PTE_WRITE);
		/* Without PTE_PRESENT it is a frame that the program may not touch now. */
		if (e && !write && force)
			enough = true;
		if (e && write && force && !enough)
			enough = e & PTE_COUNTED && page_of(pte_paddr(e))->kind == PAGE_ANON &&
				 page_of(pte_paddr(e))->refs == 1;
		if (enough)
			page = page_get(page_of(pte_paddr(e)));
		if (slot)
			pt_unlock(table);
		rwlock_read_unlock(&s->lock);
		if (page)
			return page;
		if (vm_fault(s, addr, write ? VM_ACCESS_WRITE : VM_ACCESS_READ,
			     force ? VM_FAULT_FORCE : 0, &result))
			return NULL;
	}
}

/*
 * The page was written behind the program's back, perhaps after its object had declared it clean
 * and taken the right to write away: the object is told afterwards. False: the page was not the
 * object's any more. By now it is not mapped either: another has its place, or will.
 */
static bool tell_object(struct vm_space *s, uint64_t addr, struct page *page)
{
	struct vm_region *r;
	bool told = true;

	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	if (r && r->start <= addr && r->object && r->flags & VM_SHARED && r->object->ops->dirty)
		told = r->object->ops->dirty(r->object, page);
	if (!told)
		vm_object_wait_removal(r->object);
	rwlock_read_unlock(&s->lock);
	return told;
}

size_t vm_access(struct vm_space *s, uint64_t addr, void *buf, size_t n, bool write, bool force)
{
	size_t done = 0;

	while (done < n && addr < USER_END) {
		size_t offset = addr & ~PAGE_MASK, part = min(n - done, PAGE_SIZE - offset);
		struct page *page = page_at(s, addr & PAGE_MASK, write, force);
		bool told = true;
		char *at;

		if (!page)
			break;
		at = (char *)page_address(page) + offset;
		if (write)
			memcpy(at, (char *)buf + done, part);
		else
			memcpy((char *)buf + done, at, part);
		if (write && page->kind == PAGE_OBJECT)
			told = tell_object(s, addr, page);
		page_put(page);
		if (!told)
			continue; /* into the page that comes after it */
		addr += part;
		done += part;
	}
	return done;
}
