/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: creation, copying, loading, end.
 *
 * A space is a tree of regions and a tree of page tables. Regions say what should be there, page
 * tables what is there now; a fault (fault.c) brings an entry into being from its region. Private
 * memory has frames counted by struct page.refs; pages of objects are counted likewise, one
 * reference per entry (PTE_COUNTED). Copy on write: a private frame with more than one reference is
 * read-only everywhere and copied by the write fault; with one reference it is taken over in place.
 *
 * Loading is lazy: a kernel thread runs on whatever tables are loaded, and the processor says that
 * it does not use them (sched/flush.c). space->cpus has the processors that have the space loaded;
 * a bit is set before the tables are loaded and cleared after others are, each by its own
 * processor, so a flush that reads it misses nobody.
 *
 * End: with the last reference all processors that still have it loaded are told to let go, then
 * everything is freed.
 *
 * Lock order: space->lock (parent before child in fork), object->fill_lock, a leaf table's lock
 * (parent before child).
 */
#include "space.h"

#include "internal.h"

#include <arch/thread.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/flush.h>
#include <sched/message.h>
#include <sched/sched_internal.h>
#include <sched/thread.h>
#include <vm/vm_boot.h>

const struct vm_file_ops *vm_file_ops;
struct page *zero_page;
static struct slab_cache *space_cache, *region_cache;

static void load(struct vm_space *s)
{
	struct cpu *c = this_cpu();
	struct vm_space *old = c->space;
	unsigned long bit = 1UL << c->index % BITS_PER_LONG;

	if (s == old) {
		flush_lazy_end();
		return;
	}
	flush_lazy_reload();
	if (s)
		__atomic_fetch_or(&s->cpus[c->index / BITS_PER_LONG], bit, __ATOMIC_SEQ_CST);
	c->space = s;
	paging_load(s ? s->root : 0);
	if (old)
		__atomic_fetch_and(&old->cpus[c->index / BITS_PER_LONG], ~bit, __ATOMIC_RELEASE);
}

/* From the scheduler, interrupts off. */
static void switch_to(struct thread *next)
{
	if (next->space)
		load(next->space);
	else if (this_cpu()->space)
		flush_lazy_begin();
}

void vm_space_switch(struct vm_space *s)
{
	uint64_t irq = irq_save();

	current()->space = s;
	load(s);
	irq_restore(irq);
}

void vm_init(void)
{
	space_cache = slab_cache_create("vm_space", sizeof(struct vm_space), 0);
	region_cache = slab_cache_create("vm_region", sizeof(struct vm_region), 0);
	zero_page = frame_alloc(0, FRAME_ZERO);
	if (!zero_page)
		panic("boot: no memory for the zero page");
	sched_switch_space_hook = switch_to;
}

struct vm_region *region_alloc(void)
{
	return slab_zalloc(region_cache);
}

/* Drop what a region holds, and the region; it is in no tree and nothing of it is mapped. */
void region_free(struct vm_region *r)
{
	if (r->file)
		vm_file_ops->unmap(r->file);
	if (r->object)
		vm_object_put(r->object);
	slab_free(region_cache, r);
}

static void put_now(struct work *w)
{
	vm_space_put(container_of(w, struct vm_space, later));
}

static uint64_t last_id; /* [a] */

struct vm_space *vm_space_create(void)
{
	struct vm_space *s = slab_zalloc(space_cache);

	if (!s)
		return NULL;
	s->root = pt_create_root();
	if (!s->root) {
		slab_free(space_cache, s);
		return NULL;
	}
	s->refs = 1;
	s->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	work_init_for(&s->later, work_release_queue, put_now);
	rwlock_init(&s->lock, LOCK_VM_SPACE);
	s->mmap_base = USER_END;
	s->limit_pages = s->limit_stack = s->limit_locked = UINT64_MAX;
	return s;
}

struct vm_space *vm_space_get(struct vm_space *s)
{
	__atomic_fetch_add(&s->refs, 1, __ATOMIC_RELAXED);
	return s;
}

/* The space has come to its end: nobody uses it. */
static void unload(void *space)
{
	if (this_cpu()->space == space)
		load(NULL);
}

/* Interrupts off. One that uses the space again has carried out what it owed (sched/flush.c). */
void space_let_go(void *space)
{
	if (this_cpu()->space == space && this_cpu()->lazy)
		load(NULL);
}

void vm_space_put(struct vm_space *s)
{
	unsigned long cpus[BITMAP_WORDS(MAX_CPUS)];
	struct rb_node *n;
	struct gather g;

	if (!s || __atomic_fetch_sub(&s->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++)
		cpus[i] = __atomic_load_n(&s->cpus[i], __ATOMIC_SEQ_CST);
	message_call(cpus, unload, s);
	/* Nobody has it loaded, nobody can load it again: entries go without flushes. */
	gather_begin(&g, s);
	while ((n = rb_first(&s->regions)) != NULL) {
		struct vm_region *r = rb_entry(n, struct vm_region, node);

		region_unlink_object(r);
		pt_unmap_range(&g, r->start, r->end);
		rb_erase(n, &s->regions);
		region_free(r);
	}
	gather_end(&g);
	pt_destroy(s->root);
	slab_free(space_cache, s);
}

void vm_space_put_later(struct vm_space *s)
{
	uint32_t refs = s ? __atomic_load_n(&s->refs, __ATOMIC_RELAXED) : 0;

	while (refs > 1)
		if (__atomic_compare_exchange_n(&s->refs, &refs, refs - 1, true, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return;
	if (s)
		work_submit(&s->later); /* the only reference is ours: once */
}

bool vm_space_reap(struct vm_space *s)
{
	struct gather g;

	if (!rwlock_try_read_lock(&s->lock))
		return false;
	gather_begin(&g, s);
	for (struct vm_region *r = region_find(s, 0); r; r = region_next(r))
		if (!(r->flags & VM_SHARED))
			pt_unmap_range(&g, r->start, r->end);
	gather_end(&g);
	rwlock_read_unlock(&s->lock);
	return true;
}

static int clone_region(struct vm_space *to, struct gather *g, const struct vm_region *r)
{
	struct vm_region *n;

	if (r->flags & VM_DONTFORK)
		return 0;
	n = region_alloc();
	if (!n)
		return -ENOMEM;
	*n = *r;
	n->space = to;
	n->flags &= ~VM_LOCKED;
	if (n->object)
		vm_object_get(n->object);
	if (n->file)
		vm_file_ops->map(n->file);
	region_insert(to, n);
	region_link_object(n);
	to->total_pages += (n->end - n->start) >> PAGE_SHIFT;
	return r->flags & (VM_SHARED | VM_WIPEONFORK) ? 0 : pt_copy_range(to, g, r->start, r->end);
}

int vm_space_clone(struct vm_space *from, struct vm_space **out)
{
	struct vm_space *to = vm_space_create();
	struct gather g;
	int r = 0;

	if (!to)
		return -ENOMEM;
	gather_begin(&g, from);
	rwlock_write_lock(&from->lock);
	rwlock_write_lock(&to->lock);
	for (struct rb_node *n = rb_first(&from->regions); n && !r; n = rb_next(n))
		r = clone_region(to, &g, rb_entry(n, struct vm_region, node));
	to->mmap_base = from->mmap_base;
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->limit_pages = from->limit_pages;
	to->limit_stack = from->limit_stack;
	to->limit_locked = from->limit_locked;
	to->membarriers = READ_ONCE(from->membarriers);
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->stack_top = from->stack_top;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
	to->auxv_words = from->auxv_words;
	rwlock_write_unlock(&to->lock);
	/* The parent's writable translations must be gone before either side runs on. */
	gather_end(&g);
	rwlock_write_unlock(&from->lock);
	if (r) {
		vm_space_put(to);
		return r;
	}
	*out = to;
	return 0;
}
