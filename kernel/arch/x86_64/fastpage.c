/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fast pages. One static page table, fastpage_table, is linked into the boot tables and later into
 * the kernel's: FASTPAGE_SLOTS entries for each processor. A slot is claimed in a bit map that only
 * its processor touches; an interrupt in between takes and gives back others, last in,
 * first out, so that plain (not atomic) updates with one instruction suffice.
 */
#include "arch.h"

#include <arch/page.h>
#include <base/panic.h>
#include <mem/fastpage.h>

BUILD_ASSERT(FASTPAGE_SLOTS *MAX_CPUS <= 512, "the fast-page window is one page table");

void *fastpage_map(paddr_t pa)
{
	struct cpu *c;
	unsigned slot, index;
	uintptr_t va;
	uint64_t flags;

	preempt_disable();
	flags = irq_save();
	c = this_cpu();
	slot = (unsigned)__builtin_ctz(~c->fastpage_used);
	assert(slot < FASTPAGE_SLOTS);
	c->fastpage_used |= 1u << slot;
	irq_restore(flags);
	index = c->index * FASTPAGE_SLOTS + slot;
	va = FASTPAGE_BASE + index * PAGE_SIZE;
	fastpage_table[index] = (pa & PAGE_MASK) | PTE_P | PTE_W | PTE_A | PTE_D | 1UL << 63;
	invlpg(va);
	return (void *)va;
}

void fastpage_unmap(void *address)
{
	unsigned index = (unsigned)(((uintptr_t)address - FASTPAGE_BASE) >> PAGE_SHIFT);
	struct cpu *c = this_cpu();
	uint64_t flags;

	assert(index / FASTPAGE_SLOTS == c->index);
	fastpage_table[index] = 0;
	invlpg((uintptr_t)address & PAGE_MASK);
	flags = irq_save();
	c->fastpage_used &= ~(1u << index % FASTPAGE_SLOTS);
	irq_restore(flags);
	preempt_enable();
}
