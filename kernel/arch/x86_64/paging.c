/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel page tables.
 *
 * Three stages. start.S maps the image and the fast-page window with static tables. Boot memory
 * code (boot/memory.c) adds the frame descriptors to those. paging_build_kernel() then makes the
 * tables that last: image, direct map, descriptors, all from frames of the allocator, reached
 * through the fast page, because nothing else reaches them yet. From then on tables are
 * reached through the direct map. No table ever comes from the heap.
 *
 * Every top-level entry of the kernel half that can ever be used is filled here, so that the
 * copies in programs' top tables never go stale.
 *
 * Protections: never writable and executable. The direct map is never executable, and read-only
 * where the image's text and read-only data lie.
 */
#include "arch.h"

#include "boot/bootinfo.h"
#include "boot/memory.h"

#include <arch/paging.h>
#include <base/log.h>
#include <base/panic_arch.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/fastpage.h>
#include <mem/frame.h>
#include <mem/kva.h>
#include <sched/flush.h>

#define SIZE_2M (1UL << 21)
#define SIZE_1G (1UL << 30)

paddr_t kernel_pml4;
static struct spinlock lock = SPINLOCK_INIT(LOCK_KERNEL_PT); /* all kernel tables */
static bool direct_ready; /* tables can be reached through the direct map */

static const pte_t prot_bits[] = {
	[KPROT_R] = PTE_NX, [KPROT_RW] = PTE_WRITE | PTE_NX, [KPROT_RX] = 0};

static pte_t leaf_bits(enum kprot prot, enum kcache cache, unsigned level)
{
	pte_t e = PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY | prot_bits[prot];

	if (cache == KCACHE_DEVICE)
		e |= PTE_PCD | PTE_PWT;
	else if (cache == KCACHE_WRITE_COMBINING)
		e |= PTE_PWT; /* PAT entry 1, see cpu_setup_control */
	return level > 1 ? e | PTE_HUGE : e;
}

/* A table to look into, and to let go of. */
static pte_t *table_open(paddr_t pa)
{
	return direct_ready ? paddr_to_direct(pa) : fastpage_map(pa);
}
static void table_close(pte_t *t)
{
	if (!direct_ready)
		fastpage_unmap(t);
}

static paddr_t table_new(void)
{
	struct page *page = frame_alloc(0, FRAME_NOFAIL_RESERVE);
	pte_t *t;

	if (!page)
		return 0;
	page->kind = PAGE_PAGETABLE;
	t = table_open(page_paddr(page));
	memset(t, 0, PAGE_SIZE);
	table_close(t);
	return page_paddr(page);
}

/* The physical address of the table below `table` at va, made if needed; 0: out of memory. */
static paddr_t table_below(paddr_t table, uint64_t va, unsigned level)
{
	pte_t *t = table_open(table);
	pte_t e = t[pt_index(va, level)];
	paddr_t below;

	table_close(t);
	if (e & PTE_PRESENT) {
		assert(!(e & PTE_HUGE));
		return pte_paddr(e);
	}
	below = table_new();
	if (!below)
		return 0;
	t = table_open(table);
	t[pt_index(va, level)] = below | PTE_TABLE;
	table_close(t);
	return below;
}

static uint64_t level_size(unsigned level)
{
	return PAGE_SIZE << (9 * (level - 1));
}

/* The largest page that fits at va, pa with `left` bytes to go. */
static unsigned best_level(uint64_t va, paddr_t pa, uint64_t left)
{
	if (cpu_features.pages_1g && !((va | pa) & (SIZE_1G - 1)) && left >= SIZE_1G)
		return 3;
	return !((va | pa) & (SIZE_2M - 1)) && left >= SIZE_2M ? 2 : 1;
}

static int map_in(paddr_t top, uint64_t va, paddr_t pa, uint64_t size, enum kprot prot,
		  enum kcache cache)
{
	while (size) {
		unsigned target = best_level(va, pa, size);
		paddr_t table = top;
		uint64_t span, done = 0;
		pte_t *t;

		for (unsigned level = PT_LEVELS; level > target; level--) {
			table = table_below(table, va, level);
			if (!table)
				return -ENOMEM;
		}
		/* As many entries of this table as go in one stretch. */
		t = table_open(table);
		span = level_size(target);
		for (unsigned i = pt_index(va, target); i < PT_ENTRIES && done + span <= size;
		     i++) {
			if (best_level(va + done, pa + done, size - done) != target)
				break;
			assert(!(t[i] & PTE_PRESENT));
			t[i] = (pa + done) | leaf_bits(prot, cache, target);
			done += span;
		}
		table_close(t);
		va += done;
		pa += done;
		size -= done;
	}
	return 0;
}

int kernel_map(uint64_t va, paddr_t pa, uint64_t size, enum kprot prot, enum kcache cache)
{
	uint64_t flags = spin_lock_irq(&lock);
	int r = map_in(kernel_pml4, va, pa, size, prot, cache);

	spin_unlock_irq(&lock, flags);
	if (r)
		kernel_unmap(va, size);
	return r;
}

/* The slot of va's leaf entry on any level, in the direct map; NULL when there is no table. */
static pte_t *find_slot(uint64_t va, unsigned *level)
{
	pte_t *t = paddr_to_direct(kernel_pml4);

	for (*level = PT_LEVELS;; (*level)--) {
		pte_t *slot = &t[pt_index(va, *level)];

		if (*level == 1 || *slot & PTE_HUGE)
			return slot;
		if (!(*slot & PTE_PRESENT))
			return NULL;
		t = paddr_to_direct(pte_paddr(*slot));
	}
}

pte_t kernel_lookup(uint64_t va, unsigned *level)
{
	pte_t *slot = find_slot(va, level);

	return slot && *slot & PTE_PRESENT ? *slot : 0;
}

void kernel_unmap(uint64_t va, uint64_t size)
{
	uint64_t flags = spin_lock_irq(&lock);
	unsigned level;

	for (uint64_t off = 0; off < size;) {
		pte_t *slot = find_slot(va + off, &level);

		if (slot && *slot & PTE_PRESENT)
			*slot = 0;
		off += slot ? level_size(level) : PAGE_SIZE;
	}
	spin_unlock_irq(&lock, flags);
}

void kernel_protect(uint64_t va, uint64_t size, enum kprot prot)
{
	uint64_t flags = spin_lock_irq(&lock);
	unsigned level;

	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		pte_t *slot = find_slot(va + off, &level);

		assert(slot && level == 1 && *slot & PTE_PRESENT);
		*slot = (*slot & ~(PTE_WRITE | PTE_NX)) | prot_bits[prot];
	}
	spin_unlock_irq(&lock, flags);
}

static void must(int r)
{
	if (r)
		panic("boot: too little memory for the kernel's page tables");
}

/* Direct map of [start, end), leaving out the image's pages that must not be writable. */
static void map_direct(paddr_t start, paddr_t end)
{
	paddr_t ro = image_paddr(image_start), rw = image_paddr(rodata_end);

	if (start <= TRAMPOLINE_ADDRESS && end > TRAMPOLINE_ADDRESS) {
		/* It is executable in the boot tables while processors start: no writable alias. */
		map_direct(start, TRAMPOLINE_ADDRESS);
		map_direct(TRAMPOLINE_ADDRESS + PAGE_SIZE, end);
		return;
	}
	if (start <= ro && end >= rw && start < end) {
		map_direct(start, ro);
		must(map_in(kernel_pml4, DIRECT_BASE + ro, ro, rw - ro, KPROT_R, KCACHE_NORMAL));
		map_direct(rw, end);
		return;
	}
	assert(end <= ro || start >= rw || start >= end);
	must(map_in(kernel_pml4, DIRECT_BASE + start, start, end - start, KPROT_RW, KCACHE_NORMAL));
}

static void map_image(const char *from, const char *to, enum kprot prot)
{
	must(map_in(kernel_pml4, (uintptr_t)from, image_paddr(from), (uint64_t)(to - from), prot,
		    KCACHE_NORMAL));
}

/* Tables for every top-level entry of the kernel half that may come to use. */
static void reserve_top(uint64_t base, uint64_t size)
{
	for (uint64_t off = 0; off < size; off += SIZE_1G << 9)
		if (!table_below(kernel_pml4, base + off, PT_LEVELS))
			must(-ENOMEM);
}

void paging_build_kernel(void)
{
	paddr_t arena_start, arena_end;
	pte_t *top;

	kernel_pml4 = table_new();
	if (!kernel_pml4)
		must(-ENOMEM);
	boot_memory_driver_arena(&arena_start, &arena_end);
	for (unsigned i = 0; i < boot_info.map_count; i++) {
		const struct boot_range *r = &boot_info.map[i];
		paddr_t start = ALIGN_UP(r->start, PAGE_SIZE), end = ALIGN_DOWN(r->end, PAGE_SIZE);

		if ((r->type != BOOT_RAM && r->type != BOOT_HELD) || start >= end)
			continue;
		if (arena_start >= start && arena_end <= end && arena_start < arena_end) {
			map_direct(start, arena_start);
			map_direct(arena_end, end);
		} else {
			map_direct(start, end);
		}
	}
	map_image(image_start, text_end, KPROT_RX);
	map_image(text_end, rodata_end, KPROT_R);
	map_image(rodata_end, image_end, KPROT_RW);
	reserve_top(KVA_BASE, KVA_SIZE);
	/* The frame descriptors' tables and the fast-page table go on as they are. */
	top = table_open(kernel_pml4);
	top[pt_index(PAGES_BASE, 4)] = boot_pml4[pt_index(PAGES_BASE, 4)];
	table_close(top);
	{
		paddr_t pdpt = table_below(kernel_pml4, FASTPAGE_BASE, 4);
		paddr_t pd = pdpt ? table_below(pdpt, FASTPAGE_BASE, 3) : 0;

		if (!pd)
			must(-ENOMEM);
		top = table_open(pd);
		top[pt_index(FASTPAGE_BASE, 2)] = image_paddr(fastpage_table) | PTE_TABLE;
		table_close(top);
	}
	cr3_write(kernel_pml4);
	direct_ready = true;
}

void paging_init_user_top(pte_t *top)
{
	const pte_t *kernel = paddr_to_direct(kernel_pml4);

	memcpy(top + PT_USER_TOP, kernel + PT_USER_TOP, (PT_ENTRIES - PT_USER_TOP) * sizeof(*top));
}

void paging_load(paddr_t top)
{
	cr3_write(top ? top : kernel_pml4);
}

void paging_flush_page(uint64_t va)
{
	invlpg(va);
}

void paging_flush_user(void)
{
	cr3_write(cr3_read());
}

void paging_flush_all(void)
{
	uint64_t flags = irq_save(), cr4 = cr4_read();

	cr4_write(cr4 & ~(uint64_t)CR4_PGE);
	cr4_write(cr4);
	irq_restore(flags);
}

void paging_flush_kernel_everywhere(uint64_t va, uint64_t size)
{
	flush_kernel(va, va + size);
}

bool arch_kernel_readable(uintptr_t address, size_t n)
{
	unsigned level;

	if (address < DIRECT_BASE || address + n < address)
		return false;
	if (!direct_ready)
		return address >= (uintptr_t)image_start && address + n <= (uintptr_t)image_end;
	return kernel_lookup(address, &level) && kernel_lookup(address + n - 1, &level);
}
