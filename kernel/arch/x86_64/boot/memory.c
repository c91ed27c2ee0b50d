/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the firmware's memory map to a working frame allocator.
 *
 * Nothing but the image and the fast-page window is mapped when this starts. Steps: the ranges of
 * RAM that are in use (image, archives, the trampoline's page) are cut out of the map; a bump
 * allocator over what remains provides frames for the frame descriptors and for the few boot page
 * tables that map them; what it did not use goes to the frame allocator. The archives' frames are
 * given back once they are unpacked (boot_memory_release_modules).
 */
#include "../arch.h"
#include "bootinfo.h"
#include "memory.h"

#include <arch/paging.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/string.h>
#include <mem/fastpage.h>
#include <mem/frame.h>
#include <mem/frame_boot.h>

#define RANGES_MAX  256
#define SIZE_2M	    (1UL << 21)
#define MINIMUM_RAM (16UL << 20)

static struct boot_range usable[RANGES_MAX];
static unsigned usable_count;
static unsigned bump_range; /* the range the bump allocator eats, from its start */
static paddr_t arena_start, arena_end;

/* Cut [start, end) out of every usable range, splitting where it lies inside. */
static void cut(paddr_t start, paddr_t end)
{
	for (unsigned i = 0; i < usable_count; i++) {
		struct boot_range *r = &usable[i];

		if (end <= r->start || start >= r->end)
			continue;
		if (start > r->start && end < r->end) {
			if (usable_count == RANGES_MAX)
				panic("boot: the memory map is too fragmented");
			usable[usable_count++] = (struct boot_range){end, r->end, BOOT_RAM};
			r->end = start;
		} else if (start > r->start) {
			r->end = start;
		} else if (end < r->end) {
			r->start = end;
		} else {
			*r = usable[--usable_count];
			i--;
		}
	}
}

static bool is_memory(const struct boot_range *r)
{
	return r->type == BOOT_RAM || r->type == BOOT_HELD;
}

/* The end of the range of memory that holds pa, or 0. */
static paddr_t memory_end(paddr_t pa)
{
	for (unsigned i = 0; i < boot_info.map_count; i++)
		if (is_memory(&boot_info.map[i]) && pa >= boot_info.map[i].start &&
		    pa < boot_info.map[i].end)
			return boot_info.map[i].end;
	return 0;
}

/*
 * QEMU puts archives at the end of RAM, where firmware with much to do reserves memory for itself;
 * it does so before the archive comes. What an archive covers of that is reached like RAM, and
 * never used for anything else.
 */
static void hold_module(const struct boot_range *module)
{
	for (unsigned i = 0; i < boot_info.map_count; i++) {
		struct boot_range *r = &boot_info.map[i];

		if (is_memory(r) || r->type == BOOT_BAD || r->end <= module->start ||
		    r->start >= module->end)
			continue;
		r->type = BOOT_HELD;
		r->start = ALIGN_DOWN(max(r->start, module->start), PAGE_SIZE);
		r->end = ALIGN_UP(min(r->end, module->end), PAGE_SIZE);
	}
	for (paddr_t pa = module->start, end; pa < module->end; pa = end) {
		end = memory_end(pa);
		if (!end)
			panic("boot: the archive at %#lx to %#lx is not all in memory: there is "
			      "none "
			      "at %#lx; give the machine more",
			      (unsigned long)module->start, (unsigned long)module->end,
			      (unsigned long)pa);
	}
}

static uint64_t collect(void)
{
	uint64_t total = 0;
	paddr_t limit = 1UL << min(cpu_features.phys_bits, (uint8_t)46);

	for (unsigned i = 0; i < boot_info.map_count; i++) {
		struct boot_range *m = &boot_info.map[i];

		if (m->type != BOOT_RAM)
			continue;
		m->start = ALIGN_UP(m->start, PAGE_SIZE);
		m->end = ALIGN_DOWN(min(m->end, limit), PAGE_SIZE);
		if (m->start >= m->end) {
			m->type = BOOT_RESERVED;
			continue;
		}
		total += m->end - m->start;
		usable[usable_count++] = *m;
	}
	cut(0, PAGE_SIZE);
	cut(TRAMPOLINE_ADDRESS, TRAMPOLINE_ADDRESS + PAGE_SIZE);
	cut(ALIGN_DOWN(image_paddr(image_start), PAGE_SIZE), image_paddr(image_end));
	for (unsigned i = 0; i < boot_info.module_count; i++)
		hold_module(&boot_info.modules[i]);
	for (unsigned i = 0; i < boot_info.module_count; i++)
		cut(ALIGN_DOWN(boot_info.modules[i].start, PAGE_SIZE),
		    ALIGN_UP(boot_info.modules[i].end, PAGE_SIZE));
	return total;
}

static void choose_bump_range(void)
{
	for (unsigned i = 1; i < usable_count; i++)
		if (usable[i].end - usable[i].start >
		    usable[bump_range].end - usable[bump_range].start)
			bump_range = i;
}

/* A zeroed frame (or, with align SIZE_2M, a raw 2 MiB block; 0 if there is none). */
static paddr_t bump(uint64_t size)
{
	struct boot_range *r = &usable[bump_range];
	paddr_t pa;

	if (size == PAGE_SIZE) {
		void *window;

		if (r->start >= r->end)
			panic("boot: too little memory: the largest free range is used up by the "
			      "descriptors of the others");
		pa = r->start;
		r->start += PAGE_SIZE;
		window = fastpage_map(pa);
		memset(window, 0, PAGE_SIZE);
		fastpage_unmap(window);
		return pa;
	}
	/* From the end, so that alignment wastes nothing in the middle. */
	pa = ALIGN_DOWN(r->end, size);
	if (pa < size || pa - size < r->start)
		return 0;
	pa -= size;
	if (pa + size < r->end) {
		if (usable_count == RANGES_MAX)
			return 0;
		usable[usable_count++] = (struct boot_range){pa + size, r->end, BOOT_RAM};
		r = &usable[bump_range];
	}
	r->end = pa;
	return pa;
}

/* The table below, made if needed; 0 when a large page is there already. */
static paddr_t boot_table_below(paddr_t table, uint64_t va, unsigned level)
{
	pte_t *t = fastpage_map(table);
	pte_t e = t[pt_index(va, level)];

	if (!(e & PTE_PRESENT)) {
		e = bump(PAGE_SIZE) | PTE_TABLE;
		t[pt_index(va, level)] = e;
	}
	fastpage_unmap(t);
	return e & PTE_HUGE ? 0 : pte_paddr(e);
}

/* Map one page of descriptors: size is 4 KiB or 2 MiB. False when va is mapped already. */
static bool map_descriptors(uint64_t va, uint64_t size)
{
	paddr_t table = image_paddr(boot_pml4), pa;
	unsigned target = size == SIZE_2M ? 2 : 1;
	pte_t *t, e;

	for (unsigned level = PT_LEVELS; level > target; level--) {
		table = boot_table_below(table, va, level);
		if (!table)
			return false;
	}
	t = fastpage_map(table);
	e = t[pt_index(va, target)];
	fastpage_unmap(t);
	if (e & PTE_PRESENT)
		return false;
	pa = bump(size);
	if (!pa)
		return false;
	t = fastpage_map(table);
	t[pt_index(va, target)] = pa | PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_GLOBAL |
				  PTE_ACCESSED | PTE_DIRTY | (target == 2 ? PTE_HUGE : 0);
	fastpage_unmap(t);
	if (target == 2)
		memset((void *)va, 0, size);
	return true;
}

static void add_descriptors(const struct boot_range *r)
{
	uint64_t from = ALIGN_DOWN((uintptr_t)page_of(r->start), PAGE_SIZE);
	uint64_t to = ALIGN_UP((uintptr_t)page_of(r->end), PAGE_SIZE);

	while (from < to) {
		bool large = IS_ALIGNED(from, SIZE_2M) && to - from >= SIZE_2M &&
			     map_descriptors(from, SIZE_2M);

		if (!large)
			map_descriptors(from, PAGE_SIZE);
		from += large ? SIZE_2M : PAGE_SIZE;
	}
}

/* Driver images live on frames that the direct map leaves out: a 64th of RAM, 2 to 64 MiB. */
static void reserve_driver_arena(uint64_t total)
{
	uint64_t size = ALIGN_UP(clamp(total / 64, SIZE_2M, 64 * SIZE_2M / 2), SIZE_2M);
	paddr_t pa = bump(size);

	if (!pa)
		pa = bump(size = SIZE_2M);
	if (!pa) {
		log_warn("boot: no room for the driver arena: no driver can be installed");
		return;
	}
	arena_start = pa;
	arena_end = pa + size;
}

void boot_memory_driver_arena(paddr_t *start, paddr_t *end)
{
	*start = arena_start;
	*end = arena_end;
}

void boot_memory_init(void)
{
	uint64_t total = collect();

	if (total < MINIMUM_RAM || !usable_count)
		panic("boot: too little memory: %lu MiB of RAM, the kernel needs at least %lu MiB",
		      (unsigned long)(total >> 20), MINIMUM_RAM >> 20);
	choose_bump_range();
	reserve_driver_arena(total);
	for (unsigned i = 0; i < boot_info.map_count; i++)
		if (is_memory(&boot_info.map[i]))
			add_descriptors(&boot_info.map[i]);
	for (unsigned i = 0; i < usable_count; i++)
		if (usable[i].start < usable[i].end)
			frame_boot_add(usable[i].start, usable[i].end);
	log_info("memory: %lu MiB of RAM in %u ranges", (unsigned long)(total >> 20),
		 boot_info.map_count);
}

static bool is_ram(paddr_t pa)
{
	for (unsigned i = 0; i < boot_info.map_count; i++)
		if (boot_info.map[i].type == BOOT_RAM && pa >= boot_info.map[i].start &&
		    pa < boot_info.map[i].end)
			return true;
	return false;
}

void boot_memory_release_modules(void)
{
	for (unsigned i = 0; i < boot_info.module_count; i++)
		for (paddr_t pa = ALIGN_DOWN(boot_info.modules[i].start, PAGE_SIZE);
		     pa < boot_info.modules[i].end; pa += PAGE_SIZE)
			/* Loaders lie: not what is held or no RAM, the image, or freed with another
			 * module. */
			if (is_ram(pa) && page_of(pa)->kind == PAGE_RESERVED &&
			    (pa < image_paddr(image_start) || pa >= image_paddr(image_end)))
				frame_boot_add(pa, pa + PAGE_SIZE);
	boot_info.module_count = 0;
}

/* Few ranges, and asked only when a block's buddy lies at the edge of one. */
bool frame_exists_between(paddr_t start, paddr_t end)
{
	for (unsigned i = 0; i < boot_info.map_count; i++)
		if (is_memory(&boot_info.map[i]) && start < boot_info.map[i].end &&
		    end > boot_info.map[i].start)
			return true;
	return false;
}

bool frame_exists(paddr_t pa)
{
	return frame_exists_between(pa, pa + PAGE_SIZE);
}

paddr_t frame_top(void)
{
	paddr_t top = 0;

	for (unsigned i = 0; i < boot_info.map_count; i++)
		if (is_memory(&boot_info.map[i]))
			top = max(top, boot_info.map[i].end);
	return top;
}
