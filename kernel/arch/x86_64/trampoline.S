/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where another processor starts: 16-bit real mode, CS = page of the startup message. The page is a
 * copy of this code at TRAMPOLINE_ADDRESS. It loads the boot page tables (below 4 GiB, with this page
 * mapped executable and not writable), goes to 64-bit mode and jumps to smp_entry on the
 * stack it was given. smp.c fills the parameters and waits, one processor at a time.
 */
#include "layout.h"

#define TRAMPOLINE 0x8000
#define REL(x) ((x) - trampoline_start + TRAMPOLINE)

	.section .rodata.trampoline, "a"
	.balign 16
	.globl trampoline_start, trampoline_end, trampoline_parameters
trampoline_start:
	.code16
	cli
	cld
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl REL(tr_gdtr)
	movl $(CR0_PE | CR0_ET | CR0_NE), %eax
	movl %eax, %cr0
	ljmpl $8, $REL(1f)

	.code32
1:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %ss
	movl $CR4_BOOT, %eax
	movl %eax, %cr4
	movl REL(tr_cr3), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	movl $CR0_KERNEL, %eax
	movl %eax, %cr0
	ljmpl $24, $REL(2f)

	.code64
2:	movq REL(tr_stack), %rsp
	movq REL(tr_cpu), %rdi
	movl $MSR_GS_BASE, %ecx
	movl %edi, %eax
	movq %rdi, %rdx
	shrq $32, %rdx
	wrmsr
	movq REL(tr_kernel_cr3), %rsi
	xorl %ebp, %ebp
	pushq $0
	movq REL(tr_entry), %rax
	jmp *%rax

	.balign 8
tr_gdt:
	.quad 0
	.quad 0x00cf9b000000ffff	/* 32-bit code */
	.quad 0x00cf93000000ffff	/* data */
	.quad 0x00af9b000000ffff	/* 64-bit code */
tr_gdtr:
	.word tr_gdtr - tr_gdt - 1
	.long REL(tr_gdt)
	.balign 8
trampoline_parameters:
tr_cr3:		.quad 0
tr_stack:	.quad 0
tr_cpu:		.quad 0
tr_entry:	.quad 0
tr_kernel_cr3:	.quad 0
trampoline_end:

	.section .note.GNU-stack, "", @progbits
