/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segment and interrupt descriptor tables (Intel SDM volume 3, chapters 3, 6 and 8). Each processor
 * has its own GDT and TSS; the IDT is shared. The stacks for NMI, double fault and machine
 * check end in a pointer to the struct cpu they belong to: entry.S explains.
 */
#include "arch.h"

#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/kva.h>
#include <mem/slab.h>

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __packed;

struct idt_entry {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
};

struct table_register {
	uint16_t limit;
	uint64_t base;
} __packed;

struct x86_cpu {
	uint64_t gdt[9];
	struct tss tss;
	void *stacks[3];
	void *irq_stack;
};

static struct idt_entry idt[256] __aligned(16);
static struct x86_cpu boot_x86_cpu;
/* The first processor's stacks until the allocators are up. */
static uint8_t early_ist[IST_STACK_SIZE] __aligned(16);
static uint8_t early_irq[IRQ_STACK_SIZE] __aligned(16);

extern char entry_stubs[], entry_nmi[], entry_double_fault[], entry_machine_check[];

static void idt_set(unsigned vector, const char *entry, uint8_t ist)
{
	uint64_t a = (uintptr_t)entry;

	idt[vector] = (struct idt_entry){
		.offset_low = (uint16_t)a,
		.offset_mid = (uint16_t)(a >> 16),
		.offset_high = (uint32_t)(a >> 32),
		.selector = SEL_KERNEL_CODE,
		.ist = ist,
		/* Present interrupt gate; int3 and into may come from programs. */
		.type = vector == 3 || vector == 4 ? 0xee : 0x8e,
	};
}

static void fill(struct x86_cpu *x, struct cpu *c)
{
	uint64_t t = (uintptr_t)&x->tss;

	x->gdt[1] = 0x00af9b000000ffff; /* kernel code */
	x->gdt[2] = 0x00cf93000000ffff; /* kernel data */
	/* The user's selectors are Linux's, 0x2b and 0x33: debuggers know a program by them. */
	x->gdt[4] = 0x00cffb000000ffff; /* 32-bit user code: a place SYSRET wants */
	x->gdt[5] = 0x00cff3000000ffff; /* user data */
	x->gdt[6] = 0x00affb000000ffff; /* user code */
	x->gdt[7] = (sizeof(struct tss) - 1) | (t & 0xffffff) << 16 | 0x89UL << 40 |
		    (t >> 24 & 0xff) << 56;
	x->gdt[8] = t >> 32;
	x->tss.io_map = sizeof(struct tss);
	c->arch = x;
}

/* A stack whose top 16 bytes hold the struct cpu; returns what goes into the TSS. */
static uint64_t ist_top(void *stack, struct cpu *c)
{
	uint64_t *top = (uint64_t *)((uintptr_t)stack + IST_STACK_SIZE - 16);

	top[0] = (uintptr_t)c;
	return (uintptr_t)top;
}

void descriptors_early(void)
{
	struct x86_cpu *x = &boot_x86_cpu;

	for (unsigned v = 0; v < 256; v++)
		idt_set(v, entry_stubs + v * 16, 0);
	idt_set(VECTOR_NMI, entry_nmi, IST_NMI);
	idt_set(VECTOR_DF, entry_double_fault, IST_DF);
	idt_set(VECTOR_MC, entry_machine_check, IST_MC);
	fill(x, &boot_cpu);
	for (unsigned i = 0; i < 3; i++)
		x->tss.ist[i] = ist_top(early_ist, &boot_cpu);
	boot_cpu.irq_stack = (uintptr_t)early_irq + IRQ_STACK_SIZE;
	descriptors_load(&boot_cpu);
}

int descriptors_prepare(struct cpu *c)
{
	struct x86_cpu *x = c->arch ? c->arch : kzalloc(sizeof(*x));

	if (!x)
		return -ENOMEM;
	fill(x, c);
	for (unsigned i = 0; i < 3; i++) {
		x->stacks[i] = kva_alloc(IST_STACK_SIZE);
		if (!x->stacks[i])
			return -ENOMEM;
		x->tss.ist[i] = ist_top(x->stacks[i], c);
	}
	x->irq_stack = kva_alloc(IRQ_STACK_SIZE);
	if (!x->irq_stack)
		return -ENOMEM;
	c->irq_stack = (uintptr_t)x->irq_stack + IRQ_STACK_SIZE;
	return 0;
}

void descriptors_load(struct cpu *c)
{
	struct x86_cpu *x = c->arch;
	struct table_register gdtr = {sizeof(x->gdt) - 1, (uintptr_t)x->gdt};
	struct table_register idtr = {sizeof(idt) - 1, (uintptr_t)idt};

	x->gdt[7] &= ~(2UL << 40); /* available, not busy */
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:"
			 :
			 : "i"(SEL_KERNEL_CODE)
			 : "rax", "memory");
	__asm__ volatile("movl %0, %%ds; movl %0, %%es; movl %0, %%ss" : : "r"(SEL_KERNEL_DATA));
	__asm__ volatile("lidt %0" : : "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void tss_set_stack(uint64_t top)
{
	struct x86_cpu *x = this_cpu()->arch;

	x->tss.rsp[0] = top;
}
