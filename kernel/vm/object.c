/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VM objects: see object.h. A page in the index holds one reference; so does every page-table entry
 * and whoever looks at it. Lookups take the index's spinlock for the few instructions between
 * finding a page and taking a reference; pages leave the index under it.
 *
 * Locks: fill_lock (sleeps) serialises filling, removal and the list of regions; lock
 * (spinning) covers changes of the index. Order: fill_lock, then lock; a leaf
 * table's lock is never held together with it.
 */
#include "object.h"

#include "internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

void vm_object_init(struct vm_object *o, const struct vm_object_ops *ops, void *owner,
		    uint64_t size)
{
	*o = (struct vm_object){.refs = 1, .ops = ops, .owner = owner, .size = size};
	spin_init(&o->lock, LOCK_OBJECT_PAGES);
	mutex_init(&o->fill_lock, LOCK_VM_OBJECT);
	list_init(&o->regions);
}

static const struct vm_object_ops anon_ops;

struct vm_object *vm_object_create_anon(uint64_t size)
{
	struct vm_object *o = kmalloc(sizeof(*o));

	if (o)
		vm_object_init(o, &anon_ops, NULL, size);
	return o;
}

struct vm_object *vm_object_get(struct vm_object *o)
{
	__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
	return o;
}

void vm_object_put(struct vm_object *o)
{
	if (__atomic_fetch_sub(&o->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	vm_object_remove_range(o, 0, UINT64_MAX);
	if (o->ops->release)
		o->ops->release(o);
	else
		kfree_deferred(o, epoch);
}

/* A reference, unless the count is zero already or the page has yet to be filled. */
static bool page_try_get(struct page *page)
{
	uint32_t refs = __atomic_load_n(&page->refs, __ATOMIC_RELAXED);

	/* Acquire: what it was filled with comes before. */
	if (__atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & VM_PAGE_ABSENT)
		return false;
	do
		if (!refs)
			return false;
	while (!__atomic_compare_exchange_n(&page->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED));
	return true;
}

struct page *vm_object_find(struct vm_object *o, uint64_t index)
{
	struct page *page;

	/*
	 * A frame that is free has another meaning in the word of its count, so the count may only
	 * be looked at while the page cannot be freed: the index's lock holds off the removal.
	 */
	spin_lock(&o->lock);
	page = radix_find(&o->index, index);
	if (page && !page_try_get(page))
		page = NULL;
	spin_unlock(&o->lock);
	return page;
}

void vm_object_find_some(struct vm_object *o, uint64_t first, unsigned count, struct page **out)
{
	spin_lock(&o->lock);
	for (unsigned i = 0; i < count; i++) {
		out[i] = radix_find(&o->index, first + i);
		if (out[i] && !page_try_get(out[i]))
			out[i] = NULL;
	}
	spin_unlock(&o->lock);
}

int vm_object_adopt(struct vm_object *o, uint64_t index, struct page *page)
{
	int r;

	page->kind = PAGE_OBJECT;
	page->object = o;
	page->index = index;
	spin_lock(&o->lock);
	r = radix_insert(&o->index, index, page);
	if (!r)
		o->pages++;
	spin_unlock(&o->lock);
	if (r)
		page->kind = PAGE_ALLOCATED;
	return r;
}

static int add_page(struct vm_object *o, uint64_t index, struct page **out)
{
	struct page *page = frame_alloc(0, FRAME_ZERO | FRAME_USER);
	int r;

	if (!page)
		return -ENOMEM;
	r = o->ops->fill ? o->ops->fill(o, index, page) : 0;
	page_get(page); /* one for the index, one for the caller */
	if (!r)
		r = vm_object_adopt(o, index, page);
	if (r) {
		page->refs = 1;
		page_put(page);
		return r;
	}
	*out = page;
	return 0;
}

int vm_object_page(struct vm_object *o, uint64_t index, struct page **out)
{
	int r = 0;

	*out = vm_object_find(o, index);
	if (*out)
		return 0;
	if (o->ops->page)
		return o->ops->page(o, index, out);
	mutex_lock(&o->fill_lock);
	*out = vm_object_find(o, index);
	if (!*out) {
		if (o->ops->charge)
			r = o->ops->charge(o, 1);
		if (!r) {
			r = add_page(o, index, out);
			if (r && o->ops->charge)
				o->ops->charge(o, -1);
		}
	}
	mutex_unlock(&o->fill_lock);
	return r;
}

bool vm_object_next(struct vm_object *o, uint64_t from, uint64_t *index)
{
	void *page;

	*index = from;
	spin_lock(&o->lock);
	page = radix_next(&o->index, index);
	spin_unlock(&o->lock);
	return page != NULL;
}

/*
 * Unmap pages [first, last) from one region, private copies of them too if `copies`. Holds
 * fill_lock: the region and its tables stay.
 */
static void unmap_from(struct vm_region *r, uint64_t first, uint64_t last, bool copies)
{
	uint64_t from = r->offset >> PAGE_SHIFT, pages = (r->end - r->start) >> PAGE_SHIFT;
	uint64_t a = max(first, from), b = min(last, from + pages);
	struct gather g;

	if (a >= b)
		return;
	gather_begin(&g, r->space);
	a = r->start + ((a - from) << PAGE_SHIFT);
	b = r->start + ((b - from) << PAGE_SHIFT);
	if (copies)
		pt_unmap_range(&g, a, b);
	else
		pt_unmap_object(&g, a, b);
	gather_end(&g);
}

static void remove_range(struct vm_object *o, uint64_t first, uint64_t last, bool copies)
{
	struct vm_region *r;
	struct page *page;
	uint64_t at = first, removed = 0;

	mutex_lock(&o->fill_lock);
	__atomic_fetch_add(&o->sequence, 1, __ATOMIC_SEQ_CST); /* odd: faults wait */
	for (;;) {
		spin_lock(&o->lock);
		page = radix_next(&o->index, &at);
		if (page && at < last) {
			radix_remove(&o->index, at);
			o->pages--;
			removed++;
			page->object = NULL;
		}
		spin_unlock(&o->lock);
		if (!page || at >= last)
			break;
		page_put(page);
		if (!++at)
			break;
	}
	list_for_each_entry(r, &o->regions, object_link)
		unmap_from(r, first, last, copies);
	__atomic_fetch_add(&o->sequence, 1, __ATOMIC_SEQ_CST);
	if (removed && o->ops->charge)
		o->ops->charge(o, -(int64_t)removed);
	mutex_unlock(&o->fill_lock);
}

void vm_object_remove_range(struct vm_object *o, uint64_t first, uint64_t last)
{
	remove_range(o, first, last, false);
}

void vm_object_clean_begin(struct vm_object *o)
{
	mutex_lock(&o->fill_lock); /* also keeps new mappings out */
	__atomic_fetch_add(&o->sequence, 1, __ATOMIC_SEQ_CST);
}

void vm_object_clean_end(struct vm_object *o, uint64_t first, uint64_t last)
{
	struct vm_region *r;

	list_for_each_entry(r, &o->regions, object_link)
		unmap_from(r, first, last, false);
	__atomic_fetch_add(&o->sequence, 1, __ATOMIC_SEQ_CST);
	mutex_unlock(&o->fill_lock);
}

void vm_object_wait_removal(struct vm_object *o)
{
	mutex_lock(&o->fill_lock);
	mutex_unlock(&o->fill_lock);
}

void vm_object_set_size(struct vm_object *o, uint64_t size)
{
	uint64_t old = __atomic_load_n(&o->size, __ATOMIC_RELAXED);
	struct page *page;

	__atomic_store_n(&o->size, size, __ATOMIC_SEQ_CST);
	if (size >= old)
		return;
	if (size & ~PAGE_MASK) {
		page = vm_object_find(o, size >> PAGE_SHIFT);
		if (page) {
			memset((char *)page_address(page) + (size & ~PAGE_MASK), 0,
			       PAGE_SIZE - (size & ~PAGE_MASK));
			page_put(page);
		}
	}
	remove_range(o, ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT, UINT64_MAX, true);
}
