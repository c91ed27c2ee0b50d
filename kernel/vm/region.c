/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions: finding, splitting, and the operations on ranges: map, unmap, protect, discard, brk.
 *
 * Every operation holds space->lock for writing, does what can fail first (allocating the at most
 * two regions that a split needs), and only then changes anything. Neighbours that are alike
 * are not merged: it would save little and cost a special case in every path.
 */
#include "internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>

void region_insert(struct vm_space *s, struct vm_region *r)
{
	struct rb_node **link = &s->regions.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = r->start < rb_entry(parent, struct vm_region, node)->start ? &parent->left
										  : &parent->right;
	}
	rb_link(&r->node, parent, link);
	rb_insert_fixup(&r->node, &s->regions);
	s->region_count++;
}

struct vm_region *region_find(struct vm_space *s, uint64_t addr)
{
	struct rb_node *n = s->regions.node;
	struct vm_region *best = NULL;

	while (n) {
		struct vm_region *r = rb_entry(n, struct vm_region, node);

		if (r->end > addr) {
			best = r;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct vm_region *region_next(struct vm_region *r)
{
	struct rb_node *n = rb_next(&r->node);

	return n ? rb_entry(n, struct vm_region, node) : NULL;
}

static struct vm_region *region_before(struct vm_space *s, uint64_t addr)
{
	struct vm_region *r = region_find(s, addr);
	struct rb_node *n = r ? rb_prev(&r->node) : rb_last(&s->regions);

	return n ? rb_entry(n, struct vm_region, node) : NULL;
}

void region_link_object(struct vm_region *r)
{
	if (!r->object)
		return;
	mutex_lock(&r->object->fill_lock);
	list_add_tail(&r->object_link, &r->object->regions);
	mutex_unlock(&r->object->fill_lock);
}

void region_unlink_object(struct vm_region *r)
{
	if (!r->object)
		return;
	mutex_lock(&r->object->fill_lock);
	list_del(&r->object_link);
	mutex_unlock(&r->object->fill_lock);
}

/* Cut r in two at `at`; `upper` is a spare region that becomes the second part. */
static void split(struct vm_region *r, uint64_t at, struct vm_region *upper)
{
	*upper = *r;
	upper->start = at;
	upper->offset += at - r->start;
	if (upper->object)
		vm_object_get(upper->object);
	if (upper->file)
		vm_file_ops->get(upper->file);
	/* Truncation walks the object's regions: both parts must cover what one did. */
	if (r->object)
		mutex_lock(&r->object->fill_lock);
	r->end = at;
	region_insert(r->space, upper);
	if (r->object) {
		list_add_tail(&upper->object_link, &r->object->regions);
		mutex_unlock(&r->object->fill_lock);
	}
}

/* Make addr and end boundaries of regions. 0 or -ENOMEM (nothing changed). Holds s->lock. */
static int isolate(struct vm_space *s, uint64_t addr, uint64_t end)
{
	struct vm_region *first = region_find(s, addr), *last = region_find(s, end - 1);
	bool cut_first = first && first->start < addr;
	bool cut_last = last && last->start < end && last->end > end;
	struct vm_region *a = NULL, *b = NULL;

	if (s->region_count + cut_first + cut_last > VM_REGIONS_MAX)
		return -ENOMEM;
	if (cut_first && !(a = region_alloc()))
		return -ENOMEM;
	if (cut_last && !(b = region_alloc())) {
		if (a)
			region_free(a);
		return -ENOMEM;
	}
	if (cut_first) {
		split(first, addr, a);
		if (first == last)
			last = a;
	}
	if (cut_last)
		split(last, end, b);
	return 0;
}

static bool range_ok(uint64_t addr, uint64_t length, uint64_t *end)
{
	uint64_t l;

	if (addr & ~PAGE_MASK || length > USER_END)
		return false;
	l = ALIGN_UP(length, PAGE_SIZE);
	if (add_overflow(addr, l, end) || *end > USER_END)
		return false;
	return true;
}

/*
 * Remove what is mapped in [addr, end), whose edges are region boundaries. Holds s->lock. The
 * regions gather on `dead`, linked by object_link, for free_dead(): the last reference of a file
 * or an object takes locks that come before s->lock.
 */
static void remove_range(struct vm_space *s, uint64_t addr, uint64_t end, struct list *dead)
{
	struct vm_region *r = region_find(s, addr), *next, *below, *above;
	struct gather g;

	gather_begin(&g, s);
	for (; r && r->start < end; r = next) {
		next = region_next(r);
		/* Off the object first, so that truncation does not meet tables that go away. */
		region_unlink_object(r);
		pt_unmap_range(&g, r->start, r->end);
		rb_erase(&r->node, &s->regions);
		s->region_count--;
		s->total_pages -= (r->end - r->start) >> PAGE_SHIFT;
		list_add_tail(&r->object_link, dead);
	}
	below = region_before(s, addr);
	above = region_find(s, addr);
	pt_free_tables(&g, addr, end, below ? below->end : 0, above ? above->start : USER_END);
	gather_end(&g);
}

/* Without s->lock. */
static void free_dead(struct list *dead)
{
	while (!list_empty(dead)) {
		struct vm_region *r = list_first_entry(dead, struct vm_region, object_link);

		list_del(&r->object_link);
		region_free(r);
	}
}

int vm_unmap(struct vm_space *s, uint64_t addr, uint64_t length)
{
	struct list dead = LIST_INIT(dead);
	uint64_t end;
	int r;

	if (!length || !range_ok(addr, length, &end))
		return -EINVAL;
	rwlock_write_lock(&s->lock);
	r = isolate(s, addr, end);
	if (!r)
		remove_range(s, addr, end, &dead);
	rwlock_write_unlock(&s->lock);
	free_dead(&dead);
	return r;
}

/* The highest gap of `length` bytes below `limit`; 0 when there is none. Holds s->lock. */
static uint64_t find_gap_below(struct vm_space *s, uint64_t limit, uint64_t length)
{
	uint64_t top = limit;
	struct vm_region *r = region_before(s, limit);

	/* region_before gives the last one that ends at or below; one may straddle the limit. */
	{
		struct vm_region *over = region_find(s, limit - 1);

		if (over && over->start < limit) {
			top = over->start;
			r = over;
			r = rb_prev(&r->node) ? rb_entry(rb_prev(&r->node), struct vm_region, node)
					      : NULL;
		}
	}
	for (;;) {
		uint64_t floor = r ? r->end : USER_START;
		struct rb_node *n;

		if (top >= floor && top - floor >= length)
			return top - length;
		if (!r)
			return 0;
		top = r->start;
		n = rb_prev(&r->node);
		r = n ? rb_entry(n, struct vm_region, node) : NULL;
	}
}

static bool gap_free(struct vm_space *s, uint64_t addr, uint64_t end)
{
	struct vm_region *r = region_find(s, addr);

	return !r || r->start >= end;
}

/* Choose the address of a mapping that is not fixed. */
static uint64_t place(struct vm_space *s, uint64_t hint, uint64_t length)
{
	uint64_t at = ALIGN_DOWN(hint, PAGE_SIZE);

	if (at >= USER_START && at <= USER_END - length && gap_free(s, at, at + length))
		return at;
	at = find_gap_below(s, s->mmap_base, length);
	return at ? at : find_gap_below(s, USER_END, length);
}

static int map_locked(struct vm_space *s, const struct vm_map_args *a, struct vm_region *fresh,
		      uint64_t length, uint64_t *out, struct list *dead)
{
	uint64_t addr = a->addr, end;
	int r;

	if (!a->fixed) {
		addr = place(s, a->addr, length);
		if (!addr)
			return -ENOMEM;
	}
	end = addr + length;
	if (s->region_count >= VM_REGIONS_MAX)
		return -ENOMEM;
	if (s->total_pages + (length >> PAGE_SHIFT) > s->limit_pages)
		return -ENOMEM;
	if (!gap_free(s, addr, end)) {
		if (a->noreplace)
			return -EEXIST;
		r = isolate(s, addr, end);
		if (r)
			return r;
		remove_range(s, addr, end, dead);
	}
	fresh->start = addr;
	fresh->end = end;
	fresh->space = s;
	fresh->prot = (uint8_t)a->prot;
	fresh->flags = (uint16_t)a->flags;
	fresh->offset = a->offset;
	region_insert(s, fresh);
	region_link_object(fresh);
	s->total_pages += length >> PAGE_SHIFT;
	*out = addr;
	return 0;
}

int vm_map(struct vm_space *s, const struct vm_map_args *a, uint64_t *out)
{
	uint64_t length = ALIGN_UP(a->length, PAGE_SIZE), end;
	struct list dead = LIST_INIT(dead);
	struct vm_region *fresh;
	int r;

	if (!a->length || a->offset & ~PAGE_MASK || a->offset + length < a->offset)
		return -EINVAL;
	if (!length || length > USER_END - USER_START)
		return -ENOMEM;
	if (a->fixed && !range_ok(a->addr, length, &end))
		return a->addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
	if (a->fixed && a->addr < USER_START)
		return -EPERM;
	fresh = region_alloc();
	if (!fresh)
		return -ENOMEM;
	list_init(&fresh->object_link);
	fresh->object = a->object ? vm_object_get(a->object) : NULL;
	if (!fresh->object && a->flags & VM_SHARED)
		fresh->object = vm_object_create_anon(length);
	if (!fresh->object && a->flags & VM_SHARED) {
		region_free(fresh);
		return -ENOMEM;
	}
	fresh->file = a->file;
	if (fresh->file)
		vm_file_ops->get(fresh->file);
	rwlock_write_lock(&s->lock);
	r = map_locked(s, a, fresh, length, out, &dead);
	rwlock_write_unlock(&s->lock);
	free_dead(&dead);
	if (r)
		region_free(fresh);
	return r;
}

int vm_protect(struct vm_space *s, uint64_t addr, uint64_t length, unsigned prot)
{
	struct vm_region *region;
	uint64_t end, at = addr;
	struct gather g;
	int r;

	if (!range_ok(addr, length, &end))
		return addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
	if (addr == end)
		return 0;
	rwlock_write_lock(&s->lock);
	r = isolate(s, addr, end);
	if (r)
		goto out;
	gather_begin(&g, s);
	for (region = region_find(s, addr); region && region->start < end && !r;
	     region = region_next(region)) {
		if (region->start > at)
			break; /* a hole: what came before stays changed, as POSIX has it */
		if (prot & VM_WRITE && !(region->flags & VM_MAY_WRITE)) {
			r = -EACCES;
			break;
		}
		region->prot = (uint8_t)prot;
		pt_protect_range(&g, region->start, region->end, prot);
		at = region->end;
	}
	if (!r && at < end)
		r = -ENOMEM;
	/* Nobody writes any more once this returns: every processor has dropped what it had. */
	gather_end(&g);
out:
	rwlock_write_unlock(&s->lock);
	return r;
}

int vm_discard(struct vm_space *s, uint64_t addr, uint64_t length)
{
	struct vm_region *region;
	uint64_t end, at = addr;
	struct gather g;

	if (!range_ok(addr, length, &end))
		return addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
	rwlock_read_lock(&s->lock);
	gather_begin(&g, s);
	for (region = region_find(s, addr); region && region->start < end;
	     region = region_next(region)) {
		uint64_t from = max(region->start, addr), to = min(region->end, end);

		if (region->start > at)
			at = UINT64_MAX;
		pt_unmap_range(&g, from, to);
		at = at == UINT64_MAX ? at : to;
	}
	gather_end(&g);
	rwlock_read_unlock(&s->lock);
	return at == UINT64_MAX || at < end ? -ENOMEM : 0;
}

bool vm_range_mapped(struct vm_space *s, uint64_t addr, uint64_t length)
{
	uint64_t end, at = addr;
	struct vm_region *r;

	if (!range_ok(ALIGN_DOWN(addr, PAGE_SIZE), length, &end))
		return false;
	rwlock_read_lock(&s->lock);
	for (r = region_find(s, addr); r && r->start <= at && at < end; r = region_next(r))
		at = r->end;
	rwlock_read_unlock(&s->lock);
	return at >= end;
}

static bool heap_grow(struct vm_space *s, uint64_t from, uint64_t to)
{
	struct vm_region *last = region_find(s, from - 1), *fresh;

	if (!gap_free(s, from, to + PAGE_SIZE) ||
	    s->total_pages + ((to - from) >> PAGE_SHIFT) > s->limit_pages)
		return false;
	s->total_pages += (to - from) >> PAGE_SHIFT;
	if (last && last->end == from && last->flags & VM_HEAP &&
	    last->prot == (VM_READ | VM_WRITE)) {
		last->end = to;
		return true;
	}
	fresh = region_alloc();
	if (!fresh) {
		s->total_pages -= (to - from) >> PAGE_SHIFT;
		return false;
	}
	list_init(&fresh->object_link);
	fresh->start = from;
	fresh->end = to;
	fresh->space = s;
	fresh->prot = VM_READ | VM_WRITE;
	fresh->flags = VM_HEAP | VM_MAY_WRITE;
	region_insert(s, fresh);
	return true;
}

uint64_t vm_brk(struct vm_space *s, uint64_t brk)
{
	struct list dead = LIST_INIT(dead);
	uint64_t from, to;

	rwlock_write_lock(&s->lock);
	from = ALIGN_UP(s->brk, PAGE_SIZE);
	if (brk < s->brk_start || brk > USER_END - PAGE_SIZE)
		goto out;
	to = ALIGN_UP(brk, PAGE_SIZE);
	if (to > from) {
		if (!heap_grow(s, from, to))
			goto out;
	} else if (to < from) {
		if (isolate(s, to, from))
			goto out;
		remove_range(s, to, from, &dead);
	}
	s->brk = brk;
out:
	brk = s->brk;
	rwlock_write_unlock(&s->lock);
	free_dead(&dead);
	return brk;
}

bool vm_region_next(struct vm_space *s, uint64_t addr, struct vm_region_info *out)
{
	struct vm_region *r;

	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	if (r) {
		*out = (struct vm_region_info){.start = r->start,
					       .end = r->end,
					       .offset = r->offset,
					       .prot = r->prot,
					       .flags = r->flags,
					       .file = r->file};
		if (r->file)
			vm_file_ops->get(r->file);
	}
	rwlock_read_unlock(&s->lock);
	return r != NULL;
}
