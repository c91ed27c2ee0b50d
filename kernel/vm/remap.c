/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mremap: making a mapping larger or smaller where it is, or moving it with its page-table entries.
 *
 * Nothing that can fail comes after the first entry has moved: the new region and the leaf tables
 * for what moves are made first. While entries move they are in neither place for a moment; who
 * could look for them meanwhile is kept out: faults by space->lock, which is held for writing,
 * and truncation by the object's fill_lock. The old translations are flushed before either lock is
 * released, because afterwards the new place alone decides how long a frame lives.
 */
#include "internal.h"

#include <lib/compiler.h>
#include <lib/errno.h>

struct remap {
	struct vm_space *space;
	uint64_t addr, old_length, new_length; /* page-aligned */
	bool keep;			       /* the old range stays, empty */
	struct list dead;
};

static int unmap(struct remap *m, uint64_t addr, uint64_t length)
{
	uint64_t end;
	int r;

	if (!region_range_ok(addr, length, &end))
		return -EINVAL;
	r = region_isolate(m->space, addr, end);
	if (!r)
		region_remove(m->space, addr, end, &m->dead);
	return r;
}

/* May the range become new_length long? The region it lies in, or an error. */
static int check(const struct remap *m, struct vm_region **out)
{
	struct vm_region *r = region_find(m->space, m->addr);
	uint64_t offset, end, more = m->new_length - m->old_length;

	if (!r || r->start > m->addr)
		return -EFAULT;
	*out = r;
	if (!m->old_length && !(r->flags & VM_SHARED))
		return -EINVAL;
	if (m->keep && r->flags & (VM_VDSO | VM_CLOCK_PAGE | VM_NO_GROWTH))
		return -EINVAL;
	if (m->old_length > r->end - m->addr)
		return -EFAULT;
	if (m->new_length == m->old_length)
		return 0;
	offset = r->offset + (m->addr - r->start);
	if (r->object && add_overflow(offset, m->new_length, &end))
		return -EINVAL;
	if (r->flags & (VM_VDSO | VM_CLOCK_PAGE | VM_NO_GROWTH))
		return -EFAULT;
	if (r->flags & VM_LOCKED && !vm_may_lock(m->space, more >> PAGE_SHIFT))
		return -EAGAIN;
	return vm_may_add(m->space, more >> PAGE_SHIFT) ? 0 : -ENOMEM;
}

static void account(struct vm_space *s, const struct vm_region *r, uint64_t bytes)
{
	s->total_pages += bytes >> PAGE_SHIFT;
	if (r->flags & VM_LOCKED)
		s->locked_pages += bytes >> PAGE_SHIFT;
}

/* Into the gap behind the region. False: there is none, or the range does not reach its end. */
static bool extend(struct remap *m, struct vm_region *r)
{
	uint64_t end;

	if (!m->old_length || m->old_length != r->end - m->addr ||
	    add_overflow(m->addr, m->new_length, &end) || end > USER_END ||
	    !place_is_free(m->space, r->end, end))
		return false;
	account(m->space, r, m->new_length - m->old_length);
	if (r->object)
		mutex_lock(&r->object->fill_lock);
	r->end = end;
	if (r->object)
		mutex_unlock(&r->object->fill_lock);
	region_merge(m->space, m->addr, end);
	return true;
}

static struct vm_region *copy_of(const struct remap *m, const struct vm_region *r, uint64_t at)
{
	struct vm_region *fresh = region_alloc();

	if (!fresh)
		return NULL;
	*fresh = *r;
	list_init(&fresh->object_link);
	fresh->start = at;
	fresh->end = at + m->new_length;
	fresh->offset = r->offset + (m->addr - r->start);
	fresh->flags &= (uint16_t) ~(VM_STACK | VM_HEAP);
	if (fresh->object)
		vm_object_get(fresh->object);
	if (fresh->file)
		vm_file_ops->map(fresh->file);
	return fresh;
}

/* The old range, whose entries have moved. */
static void leave(struct remap *m)
{
	struct vm_region *r = region_find(m->space, m->addr);

	if (!m->keep) {
		region_remove(m->space, m->addr, m->addr + m->old_length, &m->dead);
		return;
	}
	if (r->flags & VM_LOCKED) {
		m->space->locked_pages -= m->old_length >> PAGE_SHIFT;
		r->flags &= (uint16_t)~VM_LOCKED;
	}
}

static int move(struct remap *m, uint64_t at)
{
	struct vm_space *s = m->space;
	struct vm_region *r, *fresh;
	struct vm_object *object;
	struct gather g;
	int error;

	error = m->old_length ? region_isolate(s, m->addr, m->addr + m->old_length) : 0;
	if (error || s->region_count >= VM_REGIONS_MAX)
		return -ENOMEM;
	r = region_find(s, m->addr);
	fresh = copy_of(m, r, at);
	if (!fresh)
		return -ENOMEM;
	if (pt_prepare_move(s, m->addr, at, m->old_length)) {
		region_free(fresh);
		return -ENOMEM;
	}
	object = r->object;
	gather_begin(&g, s);
	if (object)
		mutex_lock(&object->fill_lock);
	region_insert(s, fresh);
	if (object)
		list_add_tail(&fresh->object_link, &object->regions);
	pt_move_range(&g, m->addr, at, m->old_length);
	gather_end(&g);
	if (object)
		mutex_unlock(&object->fill_lock);
	account(s, fresh, m->new_length);
	if (m->old_length)
		leave(m);
	region_merge(s, at, at + m->new_length);
	region_merge(s, m->addr, m->addr + m->old_length);
	return 0;
}

/* To a given address, or (only VM_REMAP_KEEP) one like it. */
static int remap_to(struct remap *m, unsigned flags, uint64_t at, uint64_t *out)
{
	struct vm_region *r;
	uint64_t old_end;
	int error = 0;

	if (at & ~PAGE_MASK || m->new_length > USER_END || at > USER_END - m->new_length ||
	    add_overflow(m->addr, m->old_length, &old_end))
		return -EINVAL;
	if (old_end > at && at + m->new_length > m->addr)
		return -EINVAL;
	if (flags & VM_REMAP_FIXED && at < USER_START)
		return -EPERM;
	if (flags & VM_REMAP_FIXED)
		error = unmap(m, at, m->new_length);
	if (!error && m->old_length > m->new_length) {
		error = unmap(m, m->addr + m->new_length, m->old_length - m->new_length);
		m->old_length = m->new_length;
	}
	if (!error)
		error = check(m, &r);
	if (error)
		return error;
	*out = flags & VM_REMAP_FIXED ? at : place_choose(m->space, at, m->new_length);
	return *out ? move(m, *out) : -ENOMEM;
}

static int remap_locked(struct remap *m, unsigned flags, uint64_t at, uint64_t *out)
{
	struct vm_region *r = region_find(m->space, m->addr);
	int error;

	if (!r || r->start > m->addr)
		return -EFAULT;
	if (flags & (VM_REMAP_FIXED | VM_REMAP_KEEP))
		return remap_to(m, flags, at, out);
	*out = m->addr;
	if (m->old_length > m->new_length)
		return unmap(m, m->addr + m->new_length, m->old_length - m->new_length);
	error = check(m, &r);
	if (error || m->old_length == m->new_length || extend(m, r))
		return error;
	if (!(flags & VM_REMAP_MAY_MOVE))
		return -ENOMEM;
	*out = place_choose(m->space, 0, m->new_length);
	return *out ? move(m, *out) : -ENOMEM;
}

int vm_remap(struct vm_space *s, uint64_t addr, uint64_t old_length, uint64_t new_length,
	     unsigned flags, uint64_t new_addr, uint64_t *out)
{
	/* As on Linux, the largest lengths wrap to 0. */
	struct remap m = {.space = s,
			  .addr = addr,
			  .old_length = ALIGN_UP(old_length, PAGE_SIZE),
			  .new_length = ALIGN_UP(new_length, PAGE_SIZE),
			  .keep = flags & VM_REMAP_KEEP};
	int r;

	list_init(&m.dead);
	if (addr & ~PAGE_MASK || !m.new_length || m.new_length > USER_END)
		return -EINVAL;
	rwlock_write_lock(&s->lock);
	r = remap_locked(&m, flags, new_addr, out);
	rwlock_write_unlock(&s->lock);
	region_free_dead(&m.dead);
	return r;
}

/* The region that covers the range, shared, with references to what it maps. */
static int get_shared(struct vm_space *s, uint64_t addr, uint64_t end, const void *file,
		      struct vm_map_args *a)
{
	struct vm_region *r;
	int error = -EINVAL;

	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	if (r && r->start <= addr && end <= r->end && r->file == file && r->flags & VM_SHARED &&
	    r->object && !(r->flags & (VM_VDSO | VM_CLOCK_PAGE | VM_NO_GROWTH))) {
		a->prot = r->prot;
		a->flags = r->flags &
			   (VM_SHARED | VM_MAY_WRITE | VM_MAY_NOT_EXEC | VM_LOCKED | VM_NORESERVE);
		a->object = vm_object_get(r->object);
		a->file = r->file;
		if (a->file)
			vm_file_ops->get(a->file);
		error = 0;
	}
	rwlock_read_unlock(&s->lock);
	return error;
}

int vm_map_again(struct vm_space *s, uint64_t addr, uint64_t end, uint64_t offset, const void *file)
{
	struct vm_map_args a = {
		.addr = addr, .length = end - addr, .fixed = true, .offset = offset};
	uint64_t out;
	int r = get_shared(s, addr, end, file, &a);

	if (r)
		return r;
	r = vm_map(s, &a, &out);
	vm_object_put(a.object);
	if (a.file)
		vm_file_ops->put(a.file);
	return r;
}
