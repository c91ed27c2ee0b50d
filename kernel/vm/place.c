/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where regions go: gaps for new mappings, and stacks that grow.
 *
 * Mappings are placed downwards from mmap_base, into the highest gap that is large enough. To find
 * it without walking all regions each time, the space remembers a bound: between place_hint and
 * mmap_base there is no gap of place_size bytes or more. A search for as much starts at the hint;
 * an unmapping above the hint raises it again (place_freed). Both are guarded by space->lock.
 *
 * A region with VM_GROWSDOWN takes in pages below it when they are touched, up to the stack limit.
 * STACK_GUARD bytes below it are left free by whatever chooses an address itself, and it does not
 * grow closer than that to another region, so that a stack which overflows hits nothing.
 */
#include "internal.h"

#include <lib/compiler.h>
#include <lib/errno.h>

#define STACK_GUARD (256 * PAGE_SIZE)

/* The start of what a region claims. */
static uint64_t claimed(const struct vm_region *r)
{
	if (!(r->flags & VM_GROWSDOWN))
		return r->start;
	return r->start > STACK_GUARD ? r->start - STACK_GUARD : 0;
}

bool place_is_free(struct vm_space *s, uint64_t addr, uint64_t end)
{
	struct vm_region *r = region_find(s, addr);

	return !r || r->start >= end;
}

static struct vm_region *previous(struct vm_region *r)
{
	struct rb_node *n = rb_prev(&r->node);

	return n ? rb_entry(n, struct vm_region, node) : NULL;
}

/* The end of the highest gap of `length` bytes below `limit`; 0 when there is none. */
static uint64_t find_gap_below(struct vm_space *s, uint64_t limit, uint64_t length)
{
	struct vm_region *r = region_find(s, limit);
	uint64_t top = limit;

	/* The first region that reaches beyond the limit may claim room below it. */
	if (r) {
		top = min(top, claimed(r));
		r = previous(r);
	} else {
		r = region_last(s);
	}
	for (;; r = previous(r)) {
		uint64_t floor = r ? r->end : USER_START;

		if (top >= floor && top - floor >= length)
			return top;
		if (!r)
			return 0;
		top = min(top, claimed(r));
	}
}

uint64_t place_choose(struct vm_space *s, uint64_t hint, uint64_t length)
{
	uint64_t at = ALIGN_DOWN(hint, PAGE_SIZE), from = s->mmap_base, top;

	if (length > USER_END - USER_START)
		return 0;
	if (at >= USER_START && at <= USER_END - length) {
		struct vm_region *r = region_find(s, at);

		if (!r || claimed(r) >= at + length)
			return at;
	}
	if (length >= s->place_size && s->place_hint)
		from = min(from, s->place_hint);
	top = find_gap_below(s, from, length);
	if (!top) {
		top = find_gap_below(s, USER_END, length);
		return top ? top - length : 0;
	}
	/* Gaps that were too small for this are left above: the bound holds for its size only. */
	if (top != from || from != s->place_hint)
		s->place_size = length;
	s->place_hint = top - length;
	return top - length;
}

void place_freed(struct vm_space *s, uint64_t end)
{
	if (s->place_hint && end > s->place_hint)
		s->place_hint = 0;
}

int place_grow_stack(struct vm_space *s, uint64_t addr)
{
	struct vm_region *r = region_find(s, addr), *below;
	uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE), pages, grow;

	if (!r || r->start <= addr)
		return r ? 0 : -EFAULT; /* another thread was faster */
	if (!(r->flags & VM_GROWSDOWN) || start < USER_START ||
	    r->end - start > READ_ONCE(s->limit_stack))
		return -EFAULT;
	below = previous(r);
	/* Two that grow down may meet; anything else keeps its distance. */
	if (below && below->prot && !(below->flags & VM_GROWSDOWN) &&
	    start - below->end < STACK_GUARD)
		return -ENOMEM;
	grow = r->start - start;
	pages = grow >> PAGE_SHIFT;
	if (r->object && r->offset < grow)
		return -ENOMEM; /* the file has nothing before its start */
	if (!vm_may_add(s, pages))
		return -ENOMEM;
	if (r->flags & VM_LOCKED && !vm_may_lock(s, pages))
		return -ENOMEM;
	s->total_pages += pages;
	if (r->flags & VM_LOCKED)
		s->locked_pages += pages;
	/* Truncation finds what to unmap by both, under the object's lock. */
	if (r->object) {
		mutex_lock(&r->object->fill_lock);
		r->offset -= grow;
	}
	r->start = start;
	if (r->object)
		mutex_unlock(&r->object->fill_lock);
	return 0;
}
