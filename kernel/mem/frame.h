/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page frames: a buddy allocator over all RAM, with a cache of single frames per processor.
 * Every frame of RAM has a struct page, found by arithmetic from its physical address.
 */
#ifndef MEM_FRAME_H
#define MEM_FRAME_H

#include <arch/page.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <lib/list.h>

/* What a frame is used for (struct page.kind): who may interpret the union. */
enum page_kind {
	PAGE_RESERVED,	/* not RAM, or owned by firmware or the kernel image */
	PAGE_FREE,	/* first frame of a free block */
	PAGE_FREE_TAIL, /* further frame of a free block, or one cached by a processor */
	PAGE_ALLOCATED, /* owned by whoever asked; no further meaning */
	PAGE_SLAB,	/* a slab: mem/slab.c */
	PAGE_LARGE,	/* kmalloc of more than a slab object: order tells the size */
	PAGE_PAGETABLE, /* a page table; lock and entries are in use */
	PAGE_ANON,	/* private memory of programs: refs counts the mappings and holders */
	PAGE_OBJECT,	/* belongs to a vm_object at index */
};

/* One per frame, 32 bytes, so that two share a cache line. Who owns the frame owns the fields. */
struct page {
	union {
		uint32_t refs;		     /* [a] holders; the last put frees the frame */
		struct {		     /* slab */
			uint16_t free_index; /* first free object, or SLAB_NONE */
			uint16_t in_use;
		};
	};
	uint8_t kind;	/* enum page_kind */
	uint8_t order;	/* of a free or large block, of a slab */
	uint16_t flags; /* the owner's own */
	union {
		struct list link; /* free: in the list of its order */
		struct {	  /* slab */
			struct list slab_link;
			struct slab_cache *cache;
		};
		struct { /* page table: doc of the lock in vm/ */
			struct spinlock pt_lock;
			uint32_t pt_entries; /* [pt_lock] entries that are not empty */
		};
		struct { /* object */
			struct vm_object *object;
			uint64_t index;
			struct page *chain; /* the object's own: pages to be written back */
		};
		struct page *next; /* chains of pages about to be freed */
	};
};
BUILD_ASSERT(sizeof(struct page) == 32, "a frame descriptor is 32 bytes");

#define FRAME_ZERO	     1	 /* contents zeroed */
#define FRAME_DMA32	     2	 /* below 4 GiB */
#define FRAME_NOFAIL_RESERVE 4	 /* may use the last reserve: page tables of the kernel itself */
#define FRAME_USER	     8	 /* for a program: leaves FRAME_USER_RESERVE frames to the kernel */
#define FRAME_MAX_ORDER	     18	 /* 1 GiB */
#define FRAME_USER_RESERVE   256 /* frames */

/* 2^order frames, aligned to their size; NULL when memory is out. Context: any. refs is 1. */
struct page *frame_alloc(unsigned order, unsigned flags);
void frame_free(struct page *page, unsigned order);

/* Exactly n contiguous frames (the rest of the block is given back); free with frame_free_range. */
struct page *frame_alloc_range(size_t n, unsigned flags);
void frame_free_range(struct page *page, size_t n);

static inline struct page *page_get(struct page *page)
{
	__atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);
	return page;
}
/* Drops a reference of a single frame and frees it with the last. */
void page_put(struct page *page);

static inline struct page *page_of(paddr_t pa)
{
	return (struct page *)PAGES_BASE + (pa >> PAGE_SHIFT);
}
static inline paddr_t page_paddr(const struct page *page)
{
	return (paddr_t)(page - (struct page *)PAGES_BASE) << PAGE_SHIFT;
}
/* The frame's address in the direct map. Not for frames of the driver arena (mem/fastpage.h). */
static inline void *page_address(const struct page *page)
{
	return (void *)(DIRECT_BASE + page_paddr(page));
}
static inline struct page *page_of_address(const void *direct)
{
	return page_of((uintptr_t)direct - DIRECT_BASE);
}
static inline void *paddr_to_direct(paddr_t pa)
{
	return (void *)(DIRECT_BASE + pa);
}

struct frame_stats {
	uint64_t total; /* frames the allocator manages */
	uint64_t free;	/* free now, caches included */
};
void frame_stats(struct frame_stats *out);
/*
 * Would FRAME_USER get a frame on any processor, with some to spare? What other processors keep in
 * their caches does not count: it is out of reach.
 */
bool frame_user_available(void);

#endif
