/* SPDX-License-Identifier: BSD-2-Clause */
/* Within vm/: page tables and gathering of frames. */
#ifndef VM_INTERNAL_H
#define VM_INTERNAL_H

#include <vm/space.h>

/*
 * Frames taken out of page tables wait here until no processor can reach them. One gather per
 * operation: its range is flushed once, in the end. When it is full it is flushed before, if that
 * concerns no other processor; else it grows, up to a limit and while there is memory.
 */
#define GATHER_MAX 64
struct gather_more;
struct gather {
	struct vm_space *space;
	uint64_t start, end; /* range whose translations may be stale */
	bool tables;	     /* there are page tables among the frames */
	unsigned count;
	struct page *pages[GATHER_MAX];
	struct gather_more *more; /* frames full of others */
	unsigned more_count;
};

static inline void gather_begin(struct gather *g, struct vm_space *s)
{
	g->space = s;
	g->start = UINT64_MAX;
	g->end = 0;
	g->tables = false;
	g->count = 0;
	g->more = NULL;
	g->more_count = 0;
}

/* Entry `e` of addr was present and is gone or has lost rights; its counted frame, if any, waits.
 */
void gather_entry(struct gather *g, uint64_t addr, pte_t e);
void gather_table(struct gather *g, struct page *table);
/* Translations of the range may be stale. */
void gather_range(struct gather *g, uint64_t addr, uint64_t size);
/* Flush, and give back what waits: the gather is empty again. No PT lock held. */
void gather_flush(struct gather *g);
static inline void gather_end(struct gather *g)
{
	if (g->count || g->more || g->start < g->end)
		gather_flush(g);
}
/* True when gather_entry has no room for another frame: make some, with no PT lock held. */
static inline bool gather_full(const struct gather *g)
{
	return g->count == GATHER_MAX;
}
void gather_make_room(struct gather *g);
/* Would a flush have to wait for another processor? The caller stays on its processor. */
bool space_loaded_elsewhere(const struct vm_space *s);
/* On a processor that has the space loaded and does not use it: load the kernel's tables. */
void space_let_go(void *space);

/*
 * The slot of addr's leaf entry with its table's lock held, tables made if `create`; NULL when
 * there is no table (or no memory). Release with pt_unlock.
 */
pte_t *pt_lock(struct vm_space *s, uint64_t addr, bool create, struct page **table);
void pt_unlock(struct page *table);
/*
 * Store an entry; returns the one that was there, as the processor left it. Keeps the count of
 * used entries and of resident frames. Holds the table's lock.
 */
pte_t pt_set(struct vm_space *s, struct page *table, pte_t *slot, pte_t e);

void pt_unmap_range(struct gather *g, uint64_t start, uint64_t end);
/* The same, but only entries of object pages: private copies stay (truncation). */
void pt_unmap_object(struct gather *g, uint64_t start, uint64_t end);
/* Take write permission (and more) away: entries keep only what prot allows. */
void pt_protect_range(struct gather *g, uint64_t start, uint64_t end, unsigned prot);
/* Copy private frames of [start, end) for fork, write-protecting both sides. 0 or -ENOMEM. */
int pt_copy_range(struct vm_space *to, struct gather *g, uint64_t start, uint64_t end);
/* Free leaf tables of [start, end) that are empty, as far as [floor, ceiling) has no region. */
void pt_free_tables(struct gather *g, uint64_t start, uint64_t end, uint64_t floor,
		    uint64_t ceiling);
/* Free the whole tree of a space that nobody uses any more. */
void pt_destroy(paddr_t root);
paddr_t pt_create_root(void);

struct vm_region *region_alloc(void);
void region_free(struct vm_region *r);
void region_insert(struct vm_space *s, struct vm_region *r);
void region_unlink_object(struct vm_region *r);
struct vm_region *region_find(struct vm_space *s, uint64_t addr); /* first with end > addr */
struct vm_region *region_next(struct vm_region *r);
struct vm_region *region_last(struct vm_space *s);
/* Make addr and end boundaries of regions. 0 or -ENOMEM (nothing changed). Holds s->lock. */
int region_isolate(struct vm_space *s, uint64_t addr, uint64_t end);
/*
 * Make one of neighbours that are alike, as far as they touch [addr, end]: without it, a program
 * that changes the rights of single pages to and fro would end with a region for each. Holds
 * s->lock for writing.
 */
void region_merge(struct vm_space *s, uint64_t addr, uint64_t end);
/*
 * Remove what is mapped in [addr, end), whose edges are region boundaries. Holds s->lock for
 * writing. The regions gather on `dead` for region_free_dead(), to be called without the lock: the
 * last reference of a file or an object takes locks that come before it.
 */
void region_remove(struct vm_space *s, uint64_t addr, uint64_t end, struct list *dead);
void region_free_dead(struct list *dead);
/* Page-aligned, and all in user space: *end. */
bool region_range_ok(uint64_t addr, uint64_t length, uint64_t *end);

/* --- place.c; s->lock held --- */
bool place_is_free(struct vm_space *s, uint64_t addr, uint64_t end);
/* An address for `length` bytes: at the hint, if it is free there; 0 when there is no room. */
uint64_t place_choose(struct vm_space *s, uint64_t hint, uint64_t length);
/* Something that ended at `end` is gone. */
void place_freed(struct vm_space *s, uint64_t end);
/* The region above addr takes it in: 0, -EFAULT, -ENOMEM. Held for writing. */
int place_grow_stack(struct vm_space *s, uint64_t addr);

/* Limits; s->lock held. */
bool vm_may_add(struct vm_space *s, uint64_t pages);
bool vm_may_lock(struct vm_space *s, uint64_t pages);
/* Move the entries of [from, from + length) to `to`; tables for them exist. See pt_prepare. */
void pt_move_range(struct gather *g, uint64_t from, uint64_t to, uint64_t length);
/* Make leaf tables at `to` for what has entries in [from, from + length). 0 or -ENOMEM. */
int pt_prepare_move(struct vm_space *s, uint64_t from, uint64_t to, uint64_t length);
/* Is there a frame at addr? */
bool pt_is_present(struct vm_space *s, uint64_t addr);
/* ... and the page is counted: not the zero page. */
bool pt_is_counted(struct vm_space *s, uint64_t addr);
void region_link_object(struct vm_region *r);

extern struct page *zero_page;

#endif
