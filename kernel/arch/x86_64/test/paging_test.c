/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's page tables as a whole: no page is writable and executable, through no alias. */
#include "../arch.h"

#include <arch/page.h>
#include <arch/paging.h>
#include <base/ktest.h>
#include <lib/string.h>
#include <mem/frame.h>

struct survey {
	unsigned leaves, executable, writable_executable, user;
	struct {
		paddr_t start, end;
	} code[64]; /* physical ranges that are executable somewhere */
	unsigned codes, aliases;
	bool second; /* look for writable mappings of code[] */
};

static void visit(struct survey *s, uint64_t va, paddr_t start, uint64_t size, pte_t rights)
{
	bool w = rights & PTE_WRITE, x = !(rights & PTE_NX);

	if (s->second) {
		for (unsigned i = 0; w && i < s->codes; i++)
			if (start < s->code[i].end && start + size > s->code[i].start) {
				s->aliases++;
				ktest_note("%#lx is a writable alias of code", (unsigned long)va);
			}
		return;
	}
	s->leaves++;
	s->user += rights & PTE_USER ? 1 : 0;
	if (!x)
		return;
	s->executable++;
	if (w) {
		s->writable_executable++;
		ktest_note("%#lx is writable and executable", (unsigned long)va);
	}
	if (s->codes && s->code[s->codes - 1].end == start)
		s->code[s->codes - 1].end = start + size;
	else if (ktest_check(s->codes < ARRAY_SIZE(s->code))) {
		s->code[s->codes].start = start;
		s->code[s->codes++].end = start + size;
	}
}

/* `rights`: what the levels above leave: write and user by and, no-execute by or. */
static void walk(struct survey *s, paddr_t table, unsigned level, uint64_t va, pte_t above)
{
	const pte_t *t = paddr_to_direct(table);

	for (unsigned i = level == PT_LEVELS ? PT_USER_TOP : 0; i < PT_ENTRIES; i++) {
		pte_t e = READ_ONCE(t[i]);
		uint64_t size = PAGE_SIZE << (9 * (level - 1)), at = va + i * size;
		pte_t rights = (e & above & (PTE_WRITE | PTE_USER)) | ((e | above) & PTE_NX);

		if (!(e & PTE_PRESENT))
			continue;
		if (level == PT_LEVELS)
			at |= 0xffff000000000000UL;
		if (level == 1 || e & PTE_HUGE)
			visit(s, at, pte_paddr(e) & ~(size - 1), size, rights);
		else
			walk(s, pte_paddr(e), level - 1, at, rights);
	}
}

static void survey(struct survey *s, paddr_t top)
{
	walk(s, top, PT_LEVELS, 0, PTE_WRITE | PTE_USER);
	s->second = true;
	walk(s, top, PT_LEVELS, 0, PTE_WRITE | PTE_USER);
}

KTEST(paging_write_or_execute)
{
	static struct survey s;
	const pte_t *top = paddr_to_direct(kernel_pml4);

	memset(&s, 0, sizeof(s));
	survey(&s, kernel_pml4);
	ktest_check_eq(s.writable_executable, 0);
	ktest_check_eq(s.aliases, 0);
	ktest_check_eq(s.user, 0);
	ktest_check(s.leaves > 10);
	ktest_check(s.executable > 10);
	for (unsigned i = 0; i < PT_USER_TOP; i++)
		ktest_check_eq(top[i], 0);
	ktest_note("%u leaves, %u of them executable, in %u ranges", s.leaves, s.executable,
		   s.codes);
	/* The tables of the boot, on which other processors start. */
	memset(&s, 0, sizeof(s));
	survey(&s, image_paddr(boot_pml4));
	ktest_check_eq(s.writable_executable, 0);
}

KTEST(paging_direct_map_of_the_image)
{
	unsigned level;

	for (const char *p = image_start; p < rodata_end; p += PAGE_SIZE) {
		pte_t e = kernel_lookup(DIRECT_BASE + image_paddr(p), &level);

		if (!ktest_check(e & PTE_PRESENT && !(e & PTE_WRITE) && e & PTE_NX) ||
		    !ktest_check(!(kernel_lookup((uintptr_t)p, &level) & PTE_WRITE)))
			break;
	}
	ktest_check(kernel_lookup(DIRECT_BASE + image_paddr(rodata_end), &level) & PTE_WRITE);
	/* And not only the tables say so. */
	ktest_check(cr4_read() & CR4_SMEP || !cpu_features.smep);
	ktest_check(cr4_read() & CR4_SMAP || !cpu_features.smap);
	ktest_check(cr4_read() & CR4_UMIP || !cpu_features.umip);
	ktest_check(msr_read(MSR_EFER) & EFER_NXE);
}

struct descriptor_register {
	uint16_t limit;
	uint64_t base;
} __packed;

/* The stacks for NMI, double fault and machine check: guarded, apart, and naming their processor.
 */
KTEST(paging_exception_stacks)
{
	struct descriptor_register gdtr;
	const uint64_t *d;
	const uint8_t *tss;
	uint64_t flags = irq_save(), ist[3];
	unsigned level;

	__asm__ volatile("sgdt %0" : "=m"(gdtr));
	d = (const uint64_t *)(gdtr.base + SEL_TSS);
	tss = (const uint8_t *)((d[0] >> 16 & 0xffffff) | (d[0] >> 56) << 24 | d[1] << 32);
	memcpy(ist, tss + 36, sizeof(ist));
	ktest_check_eq(*(uint64_t *)ist[0], (uintptr_t)this_cpu());
	irq_restore(flags);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t top = ist[i] + 16;

		ktest_check(IS_ALIGNED(top, PAGE_SIZE));
		ktest_check(kernel_lookup(top - 1, &level) & PTE_WRITE);
		ktest_check(!kernel_lookup(top, &level));
		ktest_check(kernel_lookup(top - IST_STACK_SIZE, &level) & PTE_WRITE);
		ktest_check(!kernel_lookup(top - IST_STACK_SIZE - 1, &level));
		ktest_check(ist[i] != ist[(i + 1) % 3]);
	}
}
