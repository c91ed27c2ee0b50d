/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel mappings: two windows of kernel addresses, the general one (KVA_BASE: stacks, large
 * buffers, device registers) and the driver area in the top 2 GiB.
 *
 * A window is a tree of the ranges in use, ordered by address. A new range is put behind the last
 * one given out, wrapping around once, so that addresses are reused late; but only as far as the
 * window's horizon, since page tables of the kernel are never freed, and are made for all that was
 * ever used. (To free one, its whole 2 MiB would have to be kept from others until the flush: they
 * may have cached where it was.) The horizon moves when a quarter of what is before it is in use,
 * so a gap is soon found. Images go to a random place of a window that is itself at a random place,
 * which bounds their tables too. Every range has an unmapped guard page on both sides. Lock:
 * KVA_SPIN, over the tree only; page tables have their own lock.
 *
 * Order of freeing, for every kind: unmap, flush on every processor, then free the frames; only
 * then the addresses. Freeing needs process context because the flush waits.
 *
 * Images live on frames of an arena that the direct map leaves out, so that their text has no
 * writable alias. The arena is a bit map of frames: it is small, and images are few.
 */
#include "kva.h"

#include "frame.h"
#include "frame_boot.h"
#include "slab.h"

#include <arch/paging.h>
#include <base/panic.h>
#include <base/random.h>
#include <base/spinlock.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/rbtree.h>
#include <lib/string.h>

enum kind { KIND_MEMORY, KIND_DEVICE, KIND_IMAGE };

struct range {
	struct rb_node node; /* [window lock] */
	uint64_t start, end; /* [I] without the guard pages */
	enum kind kind;	     /* [I] */
};

struct window {
	struct spinlock lock;  /* KVA_SPIN */
	struct rb_root ranges; /* [lock] */
	uint64_t base, limit;  /* [I] after boot */
	uint64_t next;	       /* [lock] where to look first */
	uint64_t horizon;      /* [lock] nothing was given out behind it */
	uint64_t used;	       /* [lock] bytes given out, with their guard pages */
};

/* At first: half a MiB of page tables. */
#define HORIZON (256ul << 20)

static struct window general = {.lock = SPINLOCK_INIT(LOCK_KVA_SPIN),
				.base = KVA_BASE,
				.limit = KVA_BASE + KVA_SIZE,
				.next = KVA_BASE,
				.horizon = KVA_BASE + HORIZON};
static struct window images = {.lock = SPINLOCK_INIT(LOCK_KVA_SPIN)}; /* kva_boot_add_arena */

/* Addresses for images: a multiple of their frames, so that a random place is free as a rule. */
#define IMAGES_SPREAD 8
#define IMAGES_MIN    (64ul << 20)
#define IMAGES_STEP   (2ul << 20) /* what a page table maps */

static paddr_t arena_base;
static size_t arena_frames;
static unsigned long *arena_map; /* [images.lock] set: in use */

void kva_boot_add_arena(paddr_t start, paddr_t end)
{
	uint64_t size = max((end - start) * IMAGES_SPREAD, IMAGES_MIN);

	size = min(size, DRIVER_END - DRIVER_BASE);
	images.base =
		DRIVER_BASE +
		random_below((DRIVER_END - DRIVER_BASE - size) / IMAGES_STEP + 1) * IMAGES_STEP;
	images.limit = images.horizon = images.base + size;
	images.next = images.base;
	arena_base = start;
	arena_frames = (end - start) >> PAGE_SHIFT;
	arena_map = kcalloc(BITMAP_WORDS(arena_frames) + 1, sizeof(long));
	if (!arena_map)
		panic("boot: out of memory for the driver arena");
}

/*
 * The first gap of `need` bytes at or above `from`: walk the ranges in order from there. Returns
 * its start or 0. Holds w->lock.
 */
static uint64_t find_gap(struct window *w, uint64_t from, uint64_t need)
{
	struct rb_node *n = w->ranges.node, *after = NULL;
	uint64_t at = from;

	/* The last range that starts at or below `from`, then onwards. */
	while (n) {
		struct range *r = rb_entry(n, struct range, node);

		if (r->start <= from) {
			after = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	n = after ? after : rb_first(&w->ranges);
	for (; n; n = rb_next(n)) {
		struct range *r = rb_entry(n, struct range, node);

		if (r->start - PAGE_SIZE >= at && r->start - PAGE_SIZE - at >= need)
			return at;
		at = max(at, r->end + PAGE_SIZE);
	}
	return at <= w->horizon && w->horizon - at >= need ? at : 0;
}

static void move_horizon(struct window *w)
{
	w->horizon = min(w->limit, w->base + 2 * (w->horizon - w->base));
}

/* Behind the last one given out, or anywhere. Holds the lock. */
static uint64_t find_next(struct window *w, uint64_t need)
{
	while (w->horizon < w->limit && w->used + need > (w->horizon - w->base) / 4)
		move_horizon(w);
	for (;;) {
		uint64_t at = find_gap(w, w->next, need);

		if (!at)
			at = find_gap(w, w->base, need);
		if (at || w->horizon == w->limit)
			return at;
		move_horizon(w);
	}
}

static void insert(struct window *w, struct range *r)
{
	struct rb_node **link = &w->ranges.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = r->start < rb_entry(parent, struct range, node)->start ? &parent->left
									      : &parent->right;
	}
	rb_link(&r->node, parent, link);
	rb_insert_fixup(&r->node, &w->ranges);
}

/* Addresses for `size` bytes with guard pages around; NULL when memory or addresses are out. */
static struct range *range_alloc(struct window *w, uint64_t size, enum kind kind, uint64_t from)
{
	struct range *r = kmalloc(sizeof(*r));
	uint64_t irq, at, need = size + 2 * PAGE_SIZE;

	if (!r)
		return NULL;
	irq = spin_lock_irq(&w->lock);
	at = from ? find_gap(w, from, need) : 0;
	if (!at)
		at = find_next(w, need);
	if (!at) {
		spin_unlock_irq(&w->lock, irq);
		kfree(r);
		return NULL;
	}
	*r = (struct range){.start = at + PAGE_SIZE, .end = at + PAGE_SIZE + size, .kind = kind};
	insert(w, r);
	w->used += need;
	if (!from)
		w->next = r->end + PAGE_SIZE;
	spin_unlock_irq(&w->lock, irq);
	return r;
}

static void range_free(struct window *w, struct range *r)
{
	uint64_t irq = spin_lock_irq(&w->lock);

	rb_erase(&r->node, &w->ranges);
	w->used -= r->end - r->start + 2 * PAGE_SIZE;
	spin_unlock_irq(&w->lock, irq);
	kfree(r);
}

static struct range *range_find(struct window *w, uint64_t start)
{
	uint64_t irq = spin_lock_irq(&w->lock);
	struct rb_node *n = w->ranges.node;
	struct range *r = NULL;

	while (n) {
		r = rb_entry(n, struct range, node);
		if (r->start == start)
			break;
		n = start < r->start ? n->left : n->right;
	}
	spin_unlock_irq(&w->lock, irq);
	assert(n); /* not an address that was given out */
	return r;
}

/*
 * Unmap the first `mapped` bytes of r: one flush on all processors for the whole range, and only
 * then do the frames go back to where they came from.
 */
static void unmap_frames(struct range *r, uint64_t mapped, void (*give_back)(struct page *page))
{
	struct page *chain = NULL;
	unsigned level;

	for (uint64_t off = 0; off < mapped; off += PAGE_SIZE) {
		struct page *page = page_of(pte_paddr(kernel_lookup(r->start + off, &level)));

		page->next = chain;
		chain = page;
	}
	kernel_unmap(r->start, mapped);
	if (mapped)
		paging_flush_kernel_everywhere(r->start, mapped);
	while (chain) {
		struct page *page = chain;

		chain = page->next;
		give_back(page);
	}
}

static void give_back_frame(struct page *page)
{
	frame_free(page, 0);
}

/* Hopeless requests must not move the horizon. */
static bool frames_for(uint64_t size)
{
	struct frame_stats s;

	frame_stats(&s);
	return size >> PAGE_SHIFT <= s.free;
}

void *kva_alloc(size_t size)
{
	struct range *r;

	if (!size || size > KVA_SIZE / 2)
		return NULL;
	size = ALIGN_UP(size, PAGE_SIZE);
	if (size > HORIZON / 4 && !frames_for(size))
		return NULL;
	r = range_alloc(&general, size, KIND_MEMORY, 0);
	if (!r)
		return NULL;
	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		struct page *page = frame_alloc(0, FRAME_ZERO);

		if (page && !kernel_map(r->start + off, page_paddr(page), PAGE_SIZE, KPROT_RW,
					KCACHE_NORMAL))
			continue;
		if (page)
			frame_free(page, 0);
		unmap_frames(r, off, give_back_frame);
		range_free(&general, r);
		return NULL;
	}
	return (void *)r->start;
}

void kva_free(void *address)
{
	struct range *r;

	if (!address)
		return;
	r = range_find(&general, (uintptr_t)address);
	assert(r->kind == KIND_MEMORY);
	unmap_frames(r, r->end - r->start, give_back_frame);
	range_free(&general, r);
}

void *kva_map_device(paddr_t pa, size_t size, enum kcache cache)
{
	uint64_t offset = pa & (PAGE_SIZE - 1), bytes;
	struct range *r;

	if (!size || add_overflow(offset, size, &bytes) || bytes > KVA_SIZE / 2)
		return NULL;
	bytes = ALIGN_UP(bytes, PAGE_SIZE);
	r = range_alloc(&general, bytes, KIND_DEVICE, 0);
	if (!r)
		return NULL;
	if (kernel_map(r->start, pa - offset, bytes, KPROT_RW, cache)) {
		range_free(&general, r);
		return NULL;
	}
	return (void *)(r->start + offset);
}

void kva_unmap_device(void *address)
{
	struct range *r = range_find(&general, (uintptr_t)address & PAGE_MASK);

	assert(r->kind == KIND_DEVICE);
	kernel_unmap(r->start, r->end - r->start);
	paging_flush_kernel_everywhere(r->start, r->end - r->start);
	range_free(&general, r);
}

static paddr_t arena_take(void)
{
	uint64_t irq = spin_lock_irq(&images.lock);
	size_t i = bitmap_find_zero(arena_map, arena_frames, 0);

	if (i < arena_frames)
		bit_set(arena_map, i);
	spin_unlock_irq(&images.lock, irq);
	return i < arena_frames ? arena_base + (i << PAGE_SHIFT) : 0;
}

static void give_back_arena(struct page *page)
{
	paddr_t pa = page_paddr(page);
	uint64_t irq = spin_lock_irq(&images.lock);

	bit_clear(arena_map, (pa - arena_base) >> PAGE_SHIFT);
	spin_unlock_irq(&images.lock, irq);
}

void *kva_alloc_image(size_t size)
{
	uint64_t pages = (images.limit - images.base) >> PAGE_SHIFT;
	struct range *r;

	size = ALIGN_UP(size, PAGE_SIZE);
	if (!size || size > arena_frames << PAGE_SHIFT)
		return NULL;
	r = range_alloc(&images, size, KIND_IMAGE,
			images.base + (random_below(pages) << PAGE_SHIFT));
	if (!r)
		return NULL;
	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		paddr_t pa = arena_take();

		if (pa && !kernel_map(r->start + off, pa, PAGE_SIZE, KPROT_RW, KCACHE_NORMAL))
			continue;
		if (pa)
			give_back_arena(page_of(pa));
		unmap_frames(r, off, give_back_arena);
		range_free(&images, r);
		return NULL;
	}
	memset((void *)r->start, 0, size);
	return (void *)r->start;
}

void kva_protect(void *address, size_t size, enum kprot prot)
{
	size = ALIGN_UP(size, PAGE_SIZE);
	kernel_protect((uintptr_t)address, size, prot);
	paging_flush_kernel_everywhere((uintptr_t)address, size);
}

void kva_free_image(void *address)
{
	struct range *r;

	if (!address)
		return;
	r = range_find(&images, (uintptr_t)address);
	unmap_frames(r, r->end - r->start, give_back_arena);
	range_free(&images, r);
}
