/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames and page tables on their way out of a space: they wait in a gather until no processor can
 * use a translation to them (sched/flush.c), and are given back together.
 *
 * One gather per operation, and one flush in its end. A gather that is full (64 frames) is flushed
 * at once if no other processor has the space loaded, which costs no message. Else it grows by
 * frames that hold pointers, up to about 7000; without memory for them it is flushed as well.
 *
 * Rejected: chains through the frames' descriptors; a frame that several spaces share can wait in
 * several gathers.
 */
#include "internal.h"

#include <base/panic.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <sched/flush.h>

/* A frame of frames that wait, of which a gather has at most this many: for 32 MiB or so. */
struct gather_more {
	struct gather_more *next;
	uint64_t count;
	struct page *pages[(PAGE_SIZE - 16) / sizeof(struct page *)];
};
BUILD_ASSERT(sizeof(struct gather_more) == PAGE_SIZE, "one frame");
#define GATHER_MORE 16

static void put_pages(struct page **pages, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		page_put(pages[i]);
}

void gather_flush(struct gather *g)
{
	struct gather_more *more = g->more, *next;
	unsigned long cpus[BITMAP_WORDS(MAX_CPUS)];

	if (g->start < g->end) {
		/* The entries' stores come before the look at who has the space loaded. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++)
			cpus[i] = __atomic_load_n(&g->space->cpus[i], __ATOMIC_RELAXED);
		flush_space(cpus, g->space, g->start, g->end, g->tables ? space_let_go : NULL);
	}
	put_pages(g->pages, g->count);
	for (; more; more = next) {
		next = more->next;
		put_pages(more->pages, more->count);
		frame_free(page_of_address(more), 0);
	}
	gather_begin(g, g->space);
}

bool space_loaded_elsewhere(const struct vm_space *s)
{
	unsigned me = this_cpu_index();

	for (unsigned i = 0; i < ARRAY_SIZE(s->cpus); i++) {
		unsigned long mine = i == me / BITS_PER_LONG ? 1UL << me % BITS_PER_LONG : 0;

		if (READ_ONCE(s->cpus[i]) & ~mine)
			return true;
	}
	return false;
}

static bool gather_grow(struct gather *g)
{
	struct gather_more *more = g->more;
	struct page *page;

	if (!more || more->count + g->count > ARRAY_SIZE(more->pages)) {
		page = g->more_count < GATHER_MORE ? frame_alloc(0, 0) : NULL;
		if (!page)
			return false;
		more = page_address(page);
		more->next = g->more;
		more->count = 0;
		g->more = more;
		g->more_count++;
	}
	memcpy(&more->pages[more->count], g->pages, g->count * sizeof(g->pages[0]));
	more->count += g->count;
	g->count = 0;
	return true;
}

void gather_make_room(struct gather *g)
{
	/* A look without order: if it is wrong, the flush only costs more or less. */
	if (g->start >= g->end || !space_loaded_elsewhere(g->space) || !gather_grow(g))
		gather_flush(g);
}

void gather_range(struct gather *g, uint64_t addr, uint64_t size)
{
	g->start = min(g->start, addr);
	g->end = max(g->end, addr + size);
}

void gather_entry(struct gather *g, uint64_t addr, pte_t e)
{
	/* A translation that was never used is in no processor: nothing to flush for it. */
	if (e & PTE_ACCESSED)
		gather_range(g, addr, PAGE_SIZE);
	if (e & PTE_COUNTED) {
		assert(!gather_full(g));
		g->pages[g->count++] = page_of(pte_paddr(e));
	}
}

void gather_table(struct gather *g, struct page *table)
{
	if (gather_full(g))
		gather_make_room(g);
	table->kind = PAGE_ALLOCATED;
	table->refs = 1;
	g->tables = true;
	g->pages[g->count++] = table;
}
