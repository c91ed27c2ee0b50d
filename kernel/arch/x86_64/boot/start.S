/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions. QEMU's -kernel enters at pvh_start (PVH: Xen's docs/misc/pvh.pandoc),
 * GRUB at multiboot_start (Multiboot2 specification 3.3). Both come in 32-bit protected mode
 * without paging and differ only in where the boot information lies: %ebx, in two formats.
 *
 * The tables built here map exactly: the image at IMAGE_BASE with the final protections (no page
 * is ever writable and executable), .boot at its physical address until the jump upwards, and
 * the fast-page window. Everything else follows in C, through that window.
 */
#include "../layout.h"

#define PHYS(sym) ((sym) - IMAGE_BASE_ASM)

#define COM1 0x3f8

	.section .multiboot2, "a"
	.balign 8
mb2_header:
	.long 0xe85250d6, 0, mb2_end - mb2_header
	.long -(0xe85250d6 + 0 + (mb2_end - mb2_header))
	.balign 8
	.short 3, 0			/* entry address */
	.long 12, PHYS(multiboot_start)
	.balign 8
	.short 6, 0			/* page-aligned modules */
	.long 8
	.balign 8
	.short 0, 0
	.long 8
mb2_end:

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 8, 18			/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.balign 4
	.quad PHYS(pvh_start)

	.section .bss.pages, "aw", @nobits
	.balign 4096
	.globl boot_pml4, fastpage_table, boot_pml4_low
boot_pml4:	.skip 4096
pdpt_high:	.skip 4096
pdpt_low:	.skip 4096
pd_image:	.skip 4096
pd_top:		.skip 4096
pd_low:		.skip 4096
pt_low:		.skip 4096
pt_image:	.skip 4096 * BOOT_IMAGE_TABLES
	/* The one page table of the fast-page window, for all processors, for ever. */
fastpage_table:	.skip 4096
boot_tables_end:
	.globl boot_stack_top
boot_stack:	.skip 4096 * 4
boot_stack_top:

	.section .boot.rodata, "a"
msg_longmode:	.asciz "Banos: this processor cannot run the kernel: no 64-bit long mode\r\n"
msg_nx:		.asciz "Banos: this processor cannot run the kernel: no NX (execute disable) bit\r\n"
msg_sse:	.asciz "Banos: this processor cannot run the kernel: no FXSR and SSE2\r\n"
msg_size:	.asciz "Banos: the kernel image is too large for its boot page tables\r\n"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9b000000ffff	/* 64-bit code */
	.quad 0x00cf93000000ffff	/* data */
boot_gdt_end:
boot_gdtr:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYS(boot_gdt)

	.section .boot.text, "ax"
	.code32
	.globl pvh_start, multiboot_start
multiboot_start:
	movl $BOOT_MULTIBOOT2, %ebp
	cmpl $0x36d76289, %eax
	je start32
pvh_start:
	movl $BOOT_PVH, %ebp
start32:
	cli
	cld
	movl $PHYS(boot_stack_top), %esp
	movl %ebx, %esi			/* boot information, kept in %esi; its kind in %ebp */

	/* Serial port: 115200 8N1, FIFO on, so that the next error can be read. */
	movw $COM1 + 3, %dx
	movb $0x80, %al
	outb %al, %dx
	movw $COM1, %dx
	movb $1, %al
	outb %al, %dx
	movw $COM1 + 1, %dx
	xorb %al, %al
	outb %al, %dx
	movw $COM1 + 3, %dx
	movb $3, %al
	outb %al, %dx
	movw $COM1 + 2, %dx
	movb $1, %al
	outb %al, %dx
	movw $COM1 + 4, %dx
	movb $0x0b, %al
	outb %al, %dx

	/* What the kernel cannot do without. */
	movl $0x80000000, %eax
	cpuid
	movl $PHYS(msg_longmode), %edi
	cmpl $0x80000001, %eax
	jb die
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc die
	movl $PHYS(msg_nx), %edi
	btl $20, %edx
	jnc die
	movl $PHYS(msg_sse), %edi
	movl $1, %eax
	cpuid
	btl $24, %edx
	jnc die
	btl $26, %edx
	jnc die
	movl $PHYS(msg_size), %edi
	movl $PHYS(image_end), %eax
	cmpl $(BOOT_IMAGE_TABLES * 0x200000), %eax
	ja die

	/* Clear the tables: loaders zero .bss, but this is what everything stands on. */
	movl $PHYS(boot_pml4), %edi
	movl $((boot_tables_end - boot_pml4) / 4), %ecx
	xorl %eax, %eax
	rep stosl

#define LINK(table, index, to) \
	movl $(PHYS(to) + PTE_TABLE), PHYS(table) + (index) * 8
	LINK(boot_pml4, 0, pdpt_low)
	LINK(boot_pml4, 511, pdpt_high)
	LINK(pdpt_low, 0, pd_low)
	LINK(pd_low, 0, pt_low)
	LINK(pdpt_high, 510, pd_image)
	LINK(pdpt_high, 511, pd_top)
	LINK(pd_top, FASTPAGE_PD_INDEX, fastpage_table)

	movl $PHYS(pd_image), %edi
	movl $(PHYS(pt_image) + PTE_TABLE), %eax
	movl $BOOT_IMAGE_TABLES, %ecx
1:	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 1b

	/* map FROM TO: low half and high half (NX) of the entries in %ecx, %edx */
	movl $PHYS(image_start), %eax
	movl $PTE_P, %ecx
	xorl %edx, %edx
	movl $PHYS(text_end), %ebx
	call map_range
	movl $0x80000000, %edx
	movl $PHYS(rodata_end), %ebx
	call map_range
	movl $(PTE_P | PTE_W), %ecx
	movl $PHYS(image_end), %ebx
	call map_range

	/* .boot once more at its physical address: it runs while paging comes on. */
	movl $PHYS(image_start), %eax
2:	movl %eax, %edi
	shrl $12, %edi
	andl $511, %edi
	movl %eax, %ecx
	orl $PTE_P, %ecx
	movl %ecx, PHYS(pt_low)(, %edi, 8)
	addl $4096, %eax
	cmpl $PHYS(boot_end), %eax
	jb 2b

	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $CR4_BOOT, %eax
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl $CR0_KERNEL, %eax
	movl %eax, %cr0
	lgdt PHYS(boot_gdtr)
	ljmp $8, $PHYS(start64)

/* Map pages [%eax, %ebx) of the image with flags %ecx and high half %edx; leaves %eax = %ebx. */
map_range:
	movl %eax, %edi
	shrl $12, %edi
	leal PHYS(pt_image)(, %edi, 8), %edi
1:	cmpl %ebx, %eax
	jae 2f
	pushl %eax
	orl %ecx, %eax
	movl %eax, (%edi)
	movl %edx, 4(%edi)
	popl %eax
	addl $4096, %eax
	addl $8, %edi
	jmp 1b
2:	ret

/* Print the string at %edi on COM1 and stop. */
die:
	movw $COM1 + 5, %dx
1:	inb %dx, %al
	testb $0x20, %al
	jz 1b
	movb (%edi), %al
	testb %al, %al
	jz 2f
	movw $COM1, %dx
	outb %al, %dx
	incl %edi
	jmp die
2:	hlt
	jmp 2b

	.code64
start64:
	movabsq $1f, %rax
	jmp *%rax

	.text
1:	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	/* %gs leads to the first processor's data: C code reads the stack guard through it. */
	movl $MSR_GS_BASE, %ecx
	movq $boot_cpu, %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	movl %ebp, %edi
	movl %esi, %esi			/* zero-extended */
	xorl %ebp, %ebp
	pushq $0
	jmp kernel_start

	.section .note.GNU-stack, "", @progbits
