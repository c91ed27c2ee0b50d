/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page tables. Four levels of 512 entries; level 1 is the leaf of 4 KiB pages. Tables of programs
 * are walked by vm/ through the direct map with the helpers below; kernel tables are changed only
 * through kernel_map and kernel_unmap.
 */
#ifndef ARCH_PAGING_H
#define ARCH_PAGING_H

#include <arch/page.h>
#include <base/types.h>

typedef uint64_t pte_t;

#define PT_LEVELS  4
#define PT_ENTRIES 512
/* Entries of the top table that belong to programs. */
#define PT_USER_TOP 256

#define PTE_ADDRESS  0x000ffffffffff000UL
#define PTE_PRESENT  (1UL << 0)
#define PTE_WRITE    (1UL << 1)
#define PTE_USER     (1UL << 2)
#define PTE_ACCESSED (1UL << 5)
#define PTE_DIRTY    (1UL << 6)
#define PTE_HUGE     (1UL << 7)
#define PTE_GLOBAL   (1UL << 8)
#define PTE_COUNTED  (1UL << 9) /* for vm: the entry holds a reference of its frame */
#define PTE_NX	     (1UL << 63)

static inline unsigned pt_index(uint64_t va, unsigned level)
{
	return (va >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}
static inline paddr_t pte_paddr(pte_t e)
{
	return e & PTE_ADDRESS;
}
/* An entry that points to the next table; protections are decided at the leaf. */
static inline pte_t pte_table(paddr_t table)
{
	return table | PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED | PTE_DIRTY;
}

/* Copy the kernel's half into a fresh top table (4096 bytes, zeroed). */
void paging_init_user_top(pte_t *top);
/* Load a top table on this processor; 0 means the kernel's own. Flushes what is not global. */
void paging_load(paddr_t top);
/* Drop this processor's translation of one page, or of everything that is not global. */
void paging_flush_page(uint64_t va);
void paging_flush_user(void);
/* Drop everything, global entries included. */
void paging_flush_all(void);

enum kprot;
enum kcache;
/*
 * Map [va, va+size) of kernel space to [pa, pa+size), with large pages where alignment allows;
 * the range must be unmapped before. Tables come from frame_alloc. 0 or -ENOMEM (then nothing is
 * mapped). Context: any; holds KERNEL_PT.
 */
int kernel_map(uint64_t va, paddr_t pa, uint64_t size, enum kprot prot, enum kcache cache);
/* Unmap 4 KiB pages; the translations may live on in processors until they are flushed. */
void kernel_unmap(uint64_t va, uint64_t size);
void kernel_protect(uint64_t va, uint64_t size, enum kprot prot);
/* The entry that maps va and the level it stands on, or 0. */
pte_t kernel_lookup(uint64_t va, unsigned *level);

/*
 * Flush [va, va+size) of kernel space on every processor and wait until all have done so: only
 * then may frames be used again. Context: process, interrupts on, no spinlock held.
 */
void paging_flush_kernel_everywhere(uint64_t va, uint64_t size);

#endif
