/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables of programs, walked through the direct map.
 *
 * Locking: entries of a leaf table change under the table's own lock (struct page.pt_lock), so
 * faults in different 2 MiB ranges do not meet. Upper entries go from empty to a table by
 * compare-and-exchange, and back to empty only in pt_free_tables, with space->lock held for writing
 * and no region left in the table's range; so a walk inside a region, by whoever keeps that region
 * from vanishing, never sees its tables go.
 *
 * Invariant: no frame and no table is reused before every processor that may use a translation to
 * it has dropped it: frames and tables leave through a gather only, which flushes (sched/flush.c)
 * before it frees.
 */
#include "internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>

#define LEAF_SPAN (PAGE_SIZE * PT_ENTRIES)

static pte_t *entries(paddr_t table)
{
	return paddr_to_direct(table);
}

static struct page *table_new(void)
{
	struct page *page = frame_alloc(0, FRAME_ZERO);

	if (!page)
		return NULL;
	page->kind = PAGE_PAGETABLE;
	spin_init(&page->pt_lock, LOCK_PAGE_TABLE);
	page->pt_entries = 0;
	return page;
}

paddr_t pt_create_root(void)
{
	struct page *page = table_new();

	if (!page)
		return 0;
	paging_init_user_top(page_address(page));
	return page_paddr(page);
}

/* The leaf table of addr; NULL when there is none, or none can be made. */
static struct page *leaf_table(struct vm_space *s, uint64_t addr, bool create)
{
	paddr_t table = s->root;

	for (unsigned level = PT_LEVELS; level > 1; level--) {
		pte_t *slot = &entries(table)[pt_index(addr, level)];
		pte_t e = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

		if (!(e & PTE_PRESENT)) {
			struct page *fresh = create ? table_new() : NULL;
			pte_t none = 0;

			if (!fresh)
				return NULL;
			e = pte_table(page_paddr(fresh));
			if (!__atomic_compare_exchange_n(slot, &none, e, false, __ATOMIC_RELEASE,
							 __ATOMIC_ACQUIRE)) {
				fresh->kind = PAGE_ALLOCATED;
				page_put(fresh); /* another fault was faster */
				e = none;
			}
		}
		table = pte_paddr(e);
	}
	return page_of(table);
}

pte_t *pt_lock(struct vm_space *s, uint64_t addr, bool create, struct page **out)
{
	struct page *table = leaf_table(s, addr, create);

	*out = table;
	if (!table)
		return NULL;
	spin_lock(&table->pt_lock);
	return (pte_t *)page_address(table) + pt_index(addr, 1);
}

void pt_unlock(struct page *table)
{
	spin_unlock(&table->pt_lock);
}

static bool is_file(pte_t e)
{
	return page_of(pte_paddr(e))->kind == PAGE_OBJECT;
}

/*
 * One exchange, because the processor sets accessed and dirty bits behind our back: the old entry
 * with the bits it had at the end decides whether there is a translation to flush.
 */
pte_t pt_set(struct vm_space *s, struct page *table, pte_t *slot, pte_t e)
{
	pte_t old = __atomic_exchange_n(slot, e, __ATOMIC_ACQ_REL);
	int rss = !!(e & PTE_COUNTED) - !!(old & PTE_COUNTED);
	int file = (e & PTE_COUNTED && is_file(e)) - (old & PTE_COUNTED && is_file(old));

	table->pt_entries += (e != 0) - (old != 0);
	if (rss)
		__atomic_fetch_add(&s->resident, rss, __ATOMIC_RELAXED);
	if (file)
		__atomic_fetch_add(&s->resident_file, file, __ATOMIC_RELAXED);
	return old;
}

/* End of the part of [addr, end) that one leaf table covers. */
static uint64_t leaf_end(uint64_t addr, uint64_t end)
{
	return min(end, ALIGN_DOWN(addr, LEAF_SPAN) + LEAF_SPAN);
}

/*
 * Where to go on below `end` when there is no leaf table at addr: behind the highest missing table,
 * and behind those that are missing after it in the same table of tables.
 */
static uint64_t skip_hole(struct vm_space *s, uint64_t addr, uint64_t end)
{
	unsigned level = PT_LEVELS, i;
	paddr_t table = s->root;
	uint64_t span;
	pte_t e;

	for (;; level--) {
		i = pt_index(addr, level);
		e = __atomic_load_n(&entries(table)[i], __ATOMIC_ACQUIRE);
		if (!(e & PTE_PRESENT) || level == 2)
			break;
		table = pte_paddr(e);
	}
	span = PAGE_SIZE << (9 * (level - 1));
	addr = ALIGN_DOWN(addr, span) + span;
	while (addr < end && ++i < PT_ENTRIES &&
	       !(__atomic_load_n(&entries(table)[i], __ATOMIC_ACQUIRE) & PTE_PRESENT))
		addr += span;
	return addr;
}

static void unmap_range(struct gather *g, uint64_t start, uint64_t end, bool only_objects)
{
	struct page *table;

	for (uint64_t a = start; a < end;) {
		uint64_t stop = leaf_end(a, end);
		pte_t *slot = pt_lock(g->space, a, false, &table);

		if (!slot) {
			a = skip_hole(g->space, a, end);
			continue;
		}
		for (; a < stop && !gather_full(g) && table->pt_entries; a += PAGE_SIZE, slot++) {
			pte_t e = *slot;

			if (!e || (only_objects && (!(e & PTE_COUNTED) || !is_file(e))))
				continue;
			gather_entry(g, a, pt_set(g->space, table, slot, 0));
		}
		if (!table->pt_entries)
			a = stop;
		pt_unlock(table);
		if (gather_full(g))
			gather_make_room(g);
	}
}

void pt_unmap_range(struct gather *g, uint64_t start, uint64_t end)
{
	unmap_range(g, start, end, false);
}

void pt_unmap_object(struct gather *g, uint64_t start, uint64_t end)
{
	unmap_range(g, start, end, true);
}

void pt_protect_range(struct gather *g, uint64_t start, uint64_t end, unsigned prot)
{
	struct page *table;

	for (uint64_t a = start; a < end;) {
		uint64_t stop = leaf_end(a, end);
		pte_t *slot = pt_lock(g->space, a, false, &table);

		if (!slot) {
			a = skip_hole(g->space, a, end);
			continue;
		}
		for (; a < stop; a += PAGE_SIZE, slot++) {
			pte_t e = *slot, want = e;

			if (!e)
				continue;
			/* Rights are only taken here; a fault gives them, with its copy on write.
			 */
			if (!(prot & VM_WRITE))
				want &= ~PTE_WRITE;
			if (prot & VM_EXEC)
				want &= ~PTE_NX;
			else
				want |= PTE_NX;
			if (!(prot & (VM_READ | VM_WRITE | VM_EXEC)))
				want &= ~PTE_PRESENT;
			else
				want |= PTE_PRESENT;
			if (want == e)
				continue;
			e = pt_set(g->space, table, slot, want);
			gather_entry(g, a, e & ~PTE_COUNTED);
		}
		pt_unlock(table);
	}
}

int pt_prepare_move(struct vm_space *s, uint64_t from, uint64_t to, uint64_t length)
{
	uint64_t end = from + length, stop;

	for (uint64_t a = from; a < end; a = stop) {
		struct page *table = leaf_table(s, a, false);

		stop = table ? leaf_end(a, end) : skip_hole(s, a, end);
		if (!table || !table->pt_entries)
			continue;
		/* What one leaf table covers may fall into two at the other place. */
		if (!leaf_table(s, to + (a - from), true) ||
		    !leaf_table(s, to + (stop - 1 - from), true))
			return -ENOMEM;
	}
	return 0;
}

struct moving {
	unsigned count;
	uint64_t addr[GATHER_MAX]; /* where it was */
	pte_t entry[GATHER_MAX];
};

static void put_moved(struct vm_space *s, const struct moving *m, uint64_t shift)
{
	struct page *table = NULL;
	pte_t *slot;

	for (unsigned i = 0; i < m->count; i++) {
		uint64_t at = m->addr[i] + shift;

		slot = pt_lock(s, at, false, &table);
		assert(slot && !*slot);
		pt_set(s, table, slot, m->entry[i]);
		pt_unlock(table);
	}
}

/* From `from` on, as many as fit; where to go on. */
static uint64_t take_moving(struct gather *g, uint64_t from, uint64_t end, struct moving *m)
{
	struct page *table;
	pte_t *slot = pt_lock(g->space, from, false, &table);
	uint64_t a = from, stop = leaf_end(from, end);

	if (!slot)
		return skip_hole(g->space, from, end);
	for (; a < stop && m->count < GATHER_MAX && table->pt_entries; a += PAGE_SIZE, slot++) {
		pte_t e = *slot ? pt_set(g->space, table, slot, 0) : 0;

		if (!e)
			continue;
		gather_entry(g, a, e & ~PTE_COUNTED);
		m->addr[m->count] = a;
		m->entry[m->count++] = e;
	}
	if (!table->pt_entries)
		a = stop;
	pt_unlock(table);
	return a;
}

void pt_move_range(struct gather *g, uint64_t from, uint64_t to, uint64_t length)
{
	uint64_t end = from + length;

	for (uint64_t a = from; a < end;) {
		struct moving m = {.count = 0};

		a = take_moving(g, a, end, &m);
		put_moved(g->space, &m, to - from);
	}
}

bool pt_is_present(struct vm_space *s, uint64_t addr)
{
	struct page *table;
	pte_t *slot = pt_lock(s, addr, false, &table);
	bool present = slot && *slot;

	if (slot)
		pt_unlock(table);
	return present;
}

bool pt_is_counted(struct vm_space *s, uint64_t addr)
{
	struct page *table;
	pte_t *slot = pt_lock(s, addr, false, &table);
	bool counted = slot && *slot & PTE_COUNTED;

	if (slot)
		pt_unlock(table);
	return counted;
}

static bool copied_by_fork(pte_t e)
{
	/* Pages of files come back by a fault; the zero page too. */
	return e & PTE_COUNTED && !is_file(e);
}

int pt_copy_range(struct vm_space *to, struct gather *g, uint64_t start, uint64_t end)
{
	struct page *table, *other;

	for (uint64_t a = start; a < end;) {
		uint64_t stop = leaf_end(a, end);
		pte_t *slot = pt_lock(g->space, a, false, &table), *copy;

		if (!slot) {
			a = skip_hole(g->space, a, end);
			continue;
		}
		if (!table->pt_entries) {
			pt_unlock(table);
			a = stop;
			continue;
		}
		copy = pt_lock(to, a, true, &other);
		if (!copy) {
			pt_unlock(table);
			return -ENOMEM;
		}
		for (; a < stop; a += PAGE_SIZE, slot++, copy++) {
			pte_t e = *slot;

			if (!copied_by_fork(e))
				continue;
			page_get(page_of(pte_paddr(e)));
			if (e & PTE_WRITE) {
				e &= ~PTE_WRITE;
				gather_entry(g, a, pt_set(g->space, table, slot, e) & ~PTE_COUNTED);
			}
			pt_set(to, other, copy, e & ~PTE_ACCESSED);
		}
		pt_unlock(other);
		pt_unlock(table);
	}
	return 0;
}

void pt_free_tables(struct gather *g, uint64_t start, uint64_t end, uint64_t floor,
		    uint64_t ceiling)
{
	struct vm_space *s = g->space;

	for (uint64_t a = ALIGN_DOWN(start, LEAF_SPAN); a < end; a += LEAF_SPAN) {
		paddr_t table = s->root;
		pte_t *slot = NULL;
		unsigned level;

		if (a < floor || a + LEAF_SPAN > ceiling)
			continue;
		for (level = PT_LEVELS; level > 1; level--) {
			slot = &entries(table)[pt_index(a, level)];
			if (!(*slot & PTE_PRESENT))
				break;
			table = pte_paddr(*slot);
		}
		if (level > 1) {
			a = skip_hole(s, a, end) - LEAF_SPAN;
			continue;
		}
		assert(page_of(table)->pt_entries == 0);
		__atomic_store_n(slot, 0, __ATOMIC_RELEASE);
		/*
		 * The processor caches upper entries as well: flush the whole range before reuse.
		 * In this order, or a flush that makes room would leave the table without one.
		 */
		gather_table(g, page_of(table));
		gather_range(g, a, LEAF_SPAN);
	}
}

static void destroy_level(paddr_t table, unsigned level)
{
	unsigned n = level == PT_LEVELS ? PT_USER_TOP : PT_ENTRIES;

	for (unsigned i = 0; level > 1 && i < n; i++) {
		pte_t e = entries(table)[i];

		if (e & PTE_PRESENT)
			destroy_level(pte_paddr(e), level - 1);
	}
	page_of(table)->kind = PAGE_ALLOCATED;
	page_put(page_of(table));
}

void pt_destroy(paddr_t root)
{
	destroy_level(root, PT_LEVELS);
}
