/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page frames: a binary buddy allocator.
 *
 * Two zones, below and above 4 GiB, each with a lock and a free list per order. A free block of
 * order n is aligned to its size; its first frame is PAGE_FREE with the order, the others
 * PAGE_FREE_TAIL. Allocation splits the smallest block that fits; freeing merges with the buddy
 * as long as it is free and of the same order. Frames of holes have no descriptor or are
 * PAGE_RESERVED, so merging never crosses one.
 *
 * In front of the zones each processor keeps up to CACHE_MAX single frames, reached with
 * interrupts disabled and no lock; it fetches and returns them CACHE_BATCH at a time.
 *
 * Zone lock: FRAME. Nothing is taken inside it.
 *
 * Rejected: a bitmap (the byte arithmetic at holes is a classic source of bugs, and finding large
 * aligned blocks is linear).
 */
#include "frame.h"

#include "fail.h"
#include "frame_boot.h"
#include "frame_low.h"

#include <arch/cpu.h>
#include <base/kasan.h>
#include <base/panic.h>
#include <base/stats.h>
#include <lib/string.h>

#define ORDERS	    (FRAME_MAX_ORDER + 1)
#define CACHE_BATCH 16
#define CACHE_MAX   48
#define LOW_LIMIT   (1UL << 32)
/* Kept for page tables of the kernel and the like when programs have eaten all else. */
#define RESERVE_FRAMES 64

struct zone {
	struct spinlock lock;
	struct list free[ORDERS]; /* [lock] */
	uint64_t frames;	  /* [lock] free in the lists */
};

static struct zone low = {.lock = SPINLOCK_INIT(LOCK_FRAME)};
static struct zone high = {.lock = SPINLOCK_INIT(LOCK_FRAME)};
static uint64_t total; /* [low.lock] frames ever handed to us */

static struct zone *zone_of(const struct page *page)
{
	return page_paddr(page) < LOW_LIMIT ? &low : &high;
}

static void push(struct zone *z, struct page *page, unsigned order)
{
	page->kind = PAGE_FREE;
	page->order = (uint8_t)order;
	list_add(&page->link, &z->free[order]);
	z->frames += 1UL << order;
}

static void take(struct zone *z, struct page *page)
{
	list_del(&page->link);
	z->frames -= 1UL << page->order;
	page->kind = PAGE_FREE_TAIL;
}

/* The buddy of a block if it is a free block of the same order in the same zone. */
static struct page *free_buddy(struct zone *z, struct page *page, unsigned order)
{
	paddr_t pa = page_paddr(page) ^ (PAGE_SIZE << order);
	struct page *buddy = page_of(pa);

	/*
	 * The buddy's descriptor may lie in a hole without mapped descriptors: descriptors come in
	 * whole pages, and those of one page's frames exist together, so only a buddy whose
	 * descriptor is in another page needs a look at whether RAM is there.
	 */
	if ((((uintptr_t)buddy ^ (uintptr_t)page) & PAGE_MASK) && !frame_exists(pa))
		return NULL;
	if (zone_of(buddy) != z || buddy->kind != PAGE_FREE || buddy->order != order)
		return NULL;
	return buddy;
}

static void free_locked(struct zone *z, struct page *page, unsigned order)
{
	while (order < FRAME_MAX_ORDER) {
		struct page *buddy = free_buddy(z, page, order);

		if (!buddy)
			break;
		take(z, buddy);
		if (buddy < page)
			page = buddy;
		order++;
	}
	push(z, page, order);
}

/* What must stay in a zone. Programs leave more of the low one, which everybody falls back to. */
static uint64_t reserve(const struct zone *z, unsigned flags)
{
	if (flags & FRAME_NOFAIL_RESERVE)
		return 0;
	return flags & FRAME_USER && z == &low ? FRAME_USER_RESERVE : RESERVE_FRAMES;
}

/* A free block becomes one of that order; the rest stays free. */
static void split(struct zone *z, struct page *page, unsigned order)
{
	unsigned o = page->order;

	take(z, page);
	while (o > order) {
		o--;
		push(z, page + (1UL << o), o);
	}
}

static struct page *alloc_locked(struct zone *z, unsigned order, unsigned flags)
{
	unsigned o = order;
	struct page *page;

	if (z->frames < (1UL << order) + reserve(z, flags))
		return NULL;
	while (o < ORDERS && list_empty(&z->free[o]))
		o++;
	if (o == ORDERS)
		return NULL;
	page = list_first_entry(&z->free[o], struct page, link);
	split(z, page, order);
	return page;
}

/*
 * The same, not reaching above `last`. The largest blocks are looked at first: they are few, and
 * the lowest memory is mostly in one of them.
 */
static struct page *alloc_below_locked(struct zone *z, unsigned order, unsigned flags, paddr_t last)
{
	struct page *page;

	if (z->frames < (1UL << order) + reserve(z, flags) || last < (PAGE_SIZE << order) - 1)
		return NULL;
	for (unsigned o = ORDERS; o-- > order;) {
		list_for_each_entry(page, &z->free[o], link) {
			if (page_paddr(page) > last - ((PAGE_SIZE << order) - 1))
				continue;
			split(z, page, order);
			return page;
		}
	}
	return NULL;
}

static struct page *alloc_block(unsigned order, unsigned flags)
{
	struct zone *zones[2] = {&high, &low};
	struct page *page = NULL;

	for (unsigned i = flags & FRAME_DMA32 ? 1 : 0; i < 2 && !page; i++) {
		uint64_t irq;

		if (!READ_ONCE(zones[i]->frames))
			continue;
		irq = spin_lock_irq(&zones[i]->lock);
		page = alloc_locked(zones[i], order, flags);
		spin_unlock_irq(&zones[i]->lock, irq);
	}
	return page;
}

/* A frame from this processor's cache; refills it when empty. */
static struct page *alloc_cached(unsigned flags)
{
	uint64_t irq = irq_save();
	struct cpu *c = this_cpu();
	struct page *page = c->frames.head;

	if (!page) {
		for (unsigned i = 0; i < CACHE_BATCH; i++) {
			page = alloc_block(0, flags);
			if (!page)
				break;
			page->next = c->frames.head;
			c->frames.head = page;
			c->frames.count++;
		}
		page = c->frames.head;
	}
	if (page) {
		c->frames.head = page->next;
		c->frames.count--;
	}
	irq_restore(irq);
	return page;
}

static void free_cached(struct page *page)
{
	uint64_t irq = irq_save();
	struct cpu *c = this_cpu();

	page->kind = PAGE_FREE_TAIL;
	page->next = c->frames.head;
	c->frames.head = page;
	if (++c->frames.count > CACHE_MAX) {
		for (unsigned i = 0; i < CACHE_BATCH; i++) {
			struct zone *z;

			page = c->frames.head;
			c->frames.head = page->next;
			c->frames.count--;
			z = zone_of(page);
			spin_lock(&z->lock);
			free_locked(z, page, 0);
			spin_unlock_noresched(&z->lock);
			preempt_enable_noresched();
		}
	}
	irq_restore(irq);
}

/* The caller's from here on. */
static struct page *hand_out(struct page *page, unsigned order, unsigned flags)
{
	page->refs = 1;
	page->kind = PAGE_ALLOCATED;
	page->order = (uint8_t)order;
	page->flags = 0;
	kasan_unpoison(page_address(page), PAGE_SIZE << order);
	if (flags & FRAME_ZERO)
		for (unsigned i = 0; i < 1u << order; i++)
			page_clear(page_address(page + i));
	return page;
}

struct page *frame_alloc(unsigned order, unsigned flags)
{
	struct page *page;

	if (order > FRAME_MAX_ORDER || alloc_should_fail())
		return NULL;
	page = order || flags & FRAME_DMA32 ? alloc_block(order, flags) : alloc_cached(flags);
	return page ? hand_out(page, order, flags) : NULL;
}

void frame_free(struct page *page, unsigned order)
{
	struct zone *z = zone_of(page);
	uint64_t irq;

	assert(page->kind != PAGE_FREE && page->kind != PAGE_FREE_TAIL &&
	       page->kind != PAGE_RESERVED);
	if (CONFIG_POISON)
		for (unsigned i = 0; i < 1u << order; i++)
			memset(page_address(page + i), 0x7e, PAGE_SIZE);
	kasan_poison(page_address(page), PAGE_SIZE << order);
	if (!order) {
		free_cached(page);
		return;
	}
	irq = spin_lock_irq(&z->lock);
	page->kind = PAGE_FREE_TAIL;
	free_locked(z, page, order);
	spin_unlock_irq(&z->lock, irq);
}

static unsigned order_of(size_t n)
{
	unsigned order = 0;

	while (order <= FRAME_MAX_ORDER && (1UL << order) < n)
		order++;
	return order;
}

/* n single frames of a block; the others go back. */
static struct page *cut(struct page *page, unsigned order, size_t n)
{
	for (size_t i = 0; i < 1UL << order; i++) {
		page[i].kind = PAGE_ALLOCATED;
		page[i].refs = 1;
		page[i].order = 0;
	}
	frame_free_range(page + n, (1UL << order) - n);
	return page;
}

struct page *frame_alloc_range(size_t n, unsigned flags)
{
	unsigned order = order_of(n);
	struct page *page = frame_alloc(order, flags);

	return page ? cut(page, order, n) : NULL;
}

struct page *frame_alloc_range_below(size_t n, unsigned flags, paddr_t last)
{
	unsigned order = order_of(n);
	struct page *page;
	uint64_t irq;

	if (order > FRAME_MAX_ORDER || alloc_should_fail())
		return NULL;
	irq = spin_lock_irq(&low.lock);
	page = alloc_below_locked(&low, order, flags, last);
	spin_unlock_irq(&low.lock, irq);
	return page ? cut(hand_out(page, order, flags), order, n) : NULL;
}

void frame_free_range(struct page *page, size_t n)
{
	for (size_t i = 0; i < n; i++)
		frame_free(page + i, 0);
}

void page_put(struct page *page)
{
	uint32_t was = __atomic_fetch_sub(&page->refs, 1, __ATOMIC_ACQ_REL);

	assert(was != 0);
	if (was == 1)
		frame_free(page, 0);
}

void frame_boot_add(paddr_t start, paddr_t end)
{
	if (!low.free[0].next)
		for (unsigned i = 0; i < ORDERS; i++) {
			list_init(&low.free[i]);
			list_init(&high.free[i]);
		}
	while (start < end) {
		struct page *page = page_of(start);
		struct zone *z = zone_of(page);
		unsigned order = FRAME_MAX_ORDER;
		uint64_t irq;

		while ((PAGE_SIZE << order) > end - start || start & ((PAGE_SIZE << order) - 1))
			order--;
		irq = spin_lock_irq(&z->lock);
		total += 1UL << order;
		for (size_t i = 0; i < 1UL << order; i++)
			page[i].kind = PAGE_FREE_TAIL;
		free_locked(z, page, order);
		spin_unlock_irq(&z->lock, irq);
		start += PAGE_SIZE << order;
	}
}

bool frame_user_available(void)
{
	return READ_ONCE(low.frames) > 2 * FRAME_USER_RESERVE ||
	       READ_ONCE(high.frames) > 2 * RESERVE_FRAMES;
}

void frame_stats(struct frame_stats *out)
{
	out->total = total;
	out->free = READ_ONCE(low.frames) + READ_ONCE(high.frames);
	for_each_cpu(c)
		out->free += READ_ONCE(c->frames.count);
}
