/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regions: finding, splitting, merging, and the operations on ranges: map, unmap, protect, brk.
 *
 * Every operation holds space->lock for writing, does what can fail first (allocating the at most
 * two regions that a split needs), and only then changes anything; in the end it merges what has
 * become alike. Where a region goes is place.c's business, moving one remap.c's, and what does not
 * change the set of regions is in advise.c.
 */
#include "internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>

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

struct vm_region *region_last(struct vm_space *s)
{
	struct rb_node *n = rb_last(&s->regions);

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
	if (r->object)
		upper->offset += at - r->start;
	if (upper->object)
		vm_object_get(upper->object);
	if (upper->file)
		vm_file_ops->map(upper->file);
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

int region_isolate(struct vm_space *s, uint64_t addr, uint64_t end)
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

static bool alike(const struct vm_region *a, const struct vm_region *b)
{
	return a->end == b->start && a->prot == b->prot && a->flags == b->flags &&
	       a->policy == b->policy && a->object == b->object && a->file == b->file &&
	       !(a->flags & VM_GROWSDOWN) &&
	       (!a->object || a->offset + (a->end - a->start) == b->offset);
}

/* b, the upper neighbour, becomes part of a. */
static void unite(struct vm_space *s, struct vm_region *a, struct vm_region *b)
{
	if (a->object)
		mutex_lock(&a->object->fill_lock);
	a->end = b->end;
	if (a->object) {
		list_del(&b->object_link);
		mutex_unlock(&a->object->fill_lock);
	}
	rb_erase(&b->node, &s->regions);
	s->region_count--;
	region_free(b); /* a has references to the same file and object: none is the last */
}

void region_merge(struct vm_space *s, uint64_t addr, uint64_t end)
{
	struct vm_region *r = region_find(s, addr ? addr - 1 : 0), *next;

	while (r && r->start <= end && (next = region_next(r)) != NULL) {
		if (alike(r, next))
			unite(s, r, next);
		else
			r = next;
	}
}

bool region_range_ok(uint64_t addr, uint64_t length, uint64_t *end)
{
	uint64_t l;

	if (addr & ~PAGE_MASK || length > USER_END)
		return false;
	l = ALIGN_UP(length, PAGE_SIZE);
	if (add_overflow(addr, l, end) || *end > USER_END)
		return false;
	return true;
}

void region_remove(struct vm_space *s, uint64_t addr, uint64_t end, struct list *dead)
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
		if (r->flags & VM_LOCKED)
			s->locked_pages -= (r->end - r->start) >> PAGE_SHIFT;
		list_add_tail(&r->object_link, dead);
	}
	below = region_before(s, addr);
	above = region_find(s, addr);
	pt_free_tables(&g, addr, end, below ? below->end : 0, above ? above->start : USER_END);
	gather_end(&g);
	place_freed(s, end);
}

void region_free_dead(struct list *dead)
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

	if (!length || !region_range_ok(addr, length, &end))
		return -EINVAL;
	rwlock_write_lock(&s->lock);
	r = region_isolate(s, addr, end);
	if (!r)
		region_remove(s, addr, end, &dead);
	rwlock_write_unlock(&s->lock);
	region_free_dead(&dead);
	return r;
}

bool vm_may_add(struct vm_space *s, uint64_t pages)
{
	return s->total_pages + pages <= READ_ONCE(s->limit_pages);
}

/* As Linux does by default: refuse what could not fit even if nothing else were there. */
static bool obviously_too_much(const struct vm_map_args *a, uint64_t length)
{
	struct frame_stats frames;

	if (a->flags & (VM_NORESERVE | VM_SHARED) || !(a->prot & VM_WRITE))
		return false;
	frame_stats(&frames);
	return length >> PAGE_SHIFT > frames.total;
}

static int map_locked(struct vm_space *s, const struct vm_map_args *a, struct vm_region *fresh,
		      uint64_t length, uint64_t *out, struct list *dead)
{
	uint64_t addr = a->addr, end;
	int r;

	if (!a->fixed) {
		addr = place_choose(s, a->addr, length);
		if (!addr)
			return -ENOMEM;
	}
	end = addr + length;
	if (s->region_count >= VM_REGIONS_MAX)
		return -ENOMEM;
	if (!vm_may_add(s, length >> PAGE_SHIFT))
		return -ENOMEM;
	if (s->lock_future)
		fresh->flags |= VM_LOCKED;
	if (fresh->flags & VM_LOCKED && !vm_may_lock(s, length >> PAGE_SHIFT))
		return -EAGAIN;
	if (!place_is_free(s, addr, end)) {
		if (a->noreplace)
			return -EEXIST;
		r = region_isolate(s, addr, end);
		if (r)
			return r;
		region_remove(s, addr, end, dead);
	}
	fresh->start = addr;
	fresh->end = end;
	fresh->space = s;
	fresh->prot = (uint8_t)a->prot;
	fresh->offset = a->offset;
	fresh->file = a->file;
	if (fresh->file)
		vm_file_ops->map(fresh->file);
	region_insert(s, fresh);
	region_link_object(fresh);
	s->total_pages += length >> PAGE_SHIFT;
	if (fresh->flags & VM_LOCKED)
		s->locked_pages += length >> PAGE_SHIFT;
	region_merge(s, addr, end);
	*out = addr;
	return 0;
}

int vm_map(struct vm_space *s, const struct vm_map_args *a, uint64_t *out)
{
	uint64_t length = ALIGN_UP(a->length, PAGE_SIZE), end, last;
	struct list dead = LIST_INIT(dead);
	struct vm_region *fresh;
	int r;

	if (!a->length || a->offset & ~PAGE_MASK)
		return -EINVAL;
	if (!length || length > USER_END - USER_START)
		return -ENOMEM;
	if (a->fixed && !region_range_ok(a->addr, length, &end))
		return a->addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
	if (a->fixed && a->addr < USER_START)
		return -EPERM;
	/* Files end at INT64_MAX; nothing that is mapped lies beyond. */
	if (a->object && (add_overflow(a->offset, length, &last) || last > INT64_MAX))
		return -EOVERFLOW;
	if (obviously_too_much(a, length))
		return -ENOMEM;
	fresh = region_alloc();
	if (!fresh)
		return -ENOMEM;
	list_init(&fresh->object_link);
	fresh->flags = (uint16_t)a->flags;
	fresh->object = a->object ? vm_object_get(a->object) : NULL;
	if (!fresh->object && a->flags & VM_SHARED)
		fresh->object = vm_object_create_anon(length);
	if (!fresh->object && a->flags & VM_SHARED) {
		region_free(fresh);
		return -ENOMEM;
	}
	rwlock_write_lock(&s->lock);
	r = map_locked(s, a, fresh, length, out, &dead);
	rwlock_write_unlock(&s->lock);
	region_free_dead(&dead);
	if (r)
		region_free(fresh);
	return r;
}

static unsigned prot_in(const struct vm_region *region, unsigned prot)
{
	if (prot & VM_EXEC_IF_MAY && !(region->flags & VM_MAY_NOT_EXEC))
		prot |= VM_EXEC;
	return prot & ~(unsigned)VM_EXEC_IF_MAY;
}

int vm_protect(struct vm_space *s, uint64_t addr, uint64_t length, unsigned prot, bool grows_down)
{
	struct vm_region *region;
	uint64_t end, at = addr;
	struct gather g;
	unsigned now;
	bool beyond;
	int r;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!length)
		return 0;
	if (add_overflow(addr, length, &end) || end > UINT64_MAX - PAGE_SIZE)
		return -ENOMEM;
	/* What lies below the end of user space is changed before the hole there is reported. */
	beyond = end > USER_END;
	end = beyond ? USER_END : ALIGN_UP(end, PAGE_SIZE);
	if (addr >= end)
		return -ENOMEM;
	rwlock_write_lock(&s->lock);
	if (grows_down) {
		region = region_find(s, addr);
		r = !region || region->start >= end   ? -ENOMEM
		    : !(region->flags & VM_GROWSDOWN) ? -EINVAL
						      : 0;
		if (r)
			goto out;
		addr = at = region->start;
	}
	r = region_isolate(s, addr, end);
	if (r)
		goto out;
	gather_begin(&g, s);
	for (region = region_find(s, addr); region && region->start < end && !r;
	     region = region_next(region)) {
		if (region->start > at)
			break; /* a hole: what came before stays changed, as POSIX has it */
		now = prot_in(region, prot);
		if ((now & VM_WRITE && !(region->flags & VM_MAY_WRITE)) ||
		    (now & VM_EXEC && region->flags & VM_MAY_NOT_EXEC)) {
			r = -EACCES;
			break;
		}
		region->prot = (uint8_t)now;
		pt_protect_range(&g, region->start, region->end, now);
		at = region->end;
	}
	if (!r && (at < end || beyond))
		r = -ENOMEM;
	/* Nobody writes any more once this returns: every processor has dropped what it had. */
	gather_end(&g);
	region_merge(s, addr, end);
out:
	rwlock_write_unlock(&s->lock);
	return r;
}

static bool heap_grow(struct vm_space *s, uint64_t from, uint64_t to)
{
	struct vm_region *fresh;
	uint64_t pages = (to - from) >> PAGE_SHIFT;
	unsigned locked = s->lock_future ? VM_LOCKED : 0;

	if (!place_is_free(s, from, to + PAGE_SIZE) || !vm_may_add(s, pages) ||
	    (locked && !vm_may_lock(s, pages)) || s->region_count >= VM_REGIONS_MAX)
		return false;
	fresh = region_alloc();
	if (!fresh)
		return false;
	s->total_pages += pages;
	s->locked_pages += locked ? pages : 0;
	list_init(&fresh->object_link);
	fresh->start = from;
	fresh->end = to;
	fresh->space = s;
	fresh->prot = VM_READ | VM_WRITE;
	fresh->flags = (uint16_t)(VM_HEAP | VM_MAY_WRITE | locked);
	region_insert(s, fresh);
	region_merge(s, from, to);
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
		if (region_isolate(s, to, from))
			goto out;
		region_remove(s, to, from, &dead);
	}
	s->brk = brk;
out:
	brk = s->brk;
	rwlock_write_unlock(&s->lock);
	region_free_dead(&dead);
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
