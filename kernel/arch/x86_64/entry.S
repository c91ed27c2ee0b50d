/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries and exits of the kernel.
 *
 * Rules: on every way in, direction and alignment-check flags are cleared and %gs leads to this
 * processor's struct cpu. Exceptions and system calls run on the thread's kernel stack, device
 * interrupts on the processor's interrupt stack, NMI, double fault and machine check on stacks of their own
 * (IST), where the owner of %gs cannot be told from the saved code segment: an NMI may hit between
 * entry and swapgs. Those three read the struct cpu pointer from the top of their stack and
 * save and restore the %gs base whatever it was.
 *
 * Going back to user mode, only `iretq` at user_iret can fault on what the program chose; trap.c
 * recognises the address and turns it into a fault of the program.
 */
#include "layout.h"

#define FRAME_VECTOR 120
#define FRAME_RIP 136
#define FRAME_CS 144
#define FRAME_RFLAGS 152
#define FRAME_RSP 160
#define FRAME_SS 168
#define FRAME_SIZE 176

/* clac, where the processor has SMAP: patched in at boot by cpu.c. */
.macro CLAC
771:	.byte 0x0f, 0x1f, 0x00
	.pushsection .rodata.smap_sites, "a"
	.quad 771b
	.popsection
.endm

.macro PUSH_REGISTERS
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq %rax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm

.macro POP_REGISTERS
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
.endm

/* The thread's time in the kernel begins. Interrupts off, registers saved. */
.macro KERNEL_BEGINS
	rdtsc
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, %gs:CPU_KERNEL_SINCE
.endm

	.section .text.entry, "ax"

/* One stub per vector, 16 bytes each, reached through the IDT. */
	.balign 16
	.globl entry_stubs
entry_stubs:
vector = 0
.rept 256
	.balign 16
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
	.else
	pushq $-1
	.endif
	pushq $vector
	.if vector < 32
	jmp exception_entry
	.else
	jmp interrupt_entry
	.endif
vector = vector + 1
.endr

exception_entry:
	cld
	CLAC
	testb $3, FRAME_CS - FRAME_VECTOR(%rsp)
	jnz 1f
	/* A fault of the iretq to user mode comes with the user's %gs already in place. */
	cmpq $user_iret, FRAME_RIP - FRAME_VECTOR(%rsp)
	jne 2f
1:	swapgs
	PUSH_REGISTERS
	KERNEL_BEGINS
	jmp 3f
2:	PUSH_REGISTERS
3:	xorl %ebp, %ebp
	movq %rsp, %rdi
	call exception_handler
	jmp return_from_entry

interrupt_entry:
	cld
	CLAC
	testb $3, FRAME_CS - FRAME_VECTOR(%rsp)
	jz 1f
	swapgs
	PUSH_REGISTERS
	KERNEL_BEGINS
	jmp 4f
1:	PUSH_REGISTERS
4:	movq %rsp, %rdi
	movq %rsp, %r12
	incl %gs:CPU_IRQ_DEPTH
	cmpl $1, %gs:CPU_IRQ_DEPTH
	jne 2f
	movq %gs:CPU_IRQ_STACK, %rsp
	/* A frame record of what was interrupted, so that a backtrace goes on across the stacks. */
2:	pushq FRAME_RIP(%r12)
	pushq %rbp
	testb $3, FRAME_CS(%r12)
	jz 3f
	movq $0, (%rsp)			/* a program's frame pointer leads nowhere of ours */
3:	movq %rsp, %rbp
	call interrupt_handler
	movq %r12, %rsp
	decl %gs:CPU_IRQ_DEPTH

	/* Interrupts are off from here to the exit; the frame is at %rsp. */
return_from_entry:
	cli
	testb $3, FRAME_CS(%rsp)
	jnz return_to_user
	cmpl $0, %gs:CPU_RESCHED
	je 1f
	cmpl $0, %gs:CPU_PREEMPT
	jne 1f
	cmpl $0, %gs:CPU_IRQ_DEPTH
	jne 1f
	testl $RFLAGS_IF, FRAME_RFLAGS(%rsp)
	jz 1f
	call kernel_preempt
1:	POP_REGISTERS
	addq $16, %rsp
	iretq

return_to_user:
	movq %rsp, %rdi
	call return_to_user_work	/* with interrupts off on return */
	POP_REGISTERS
	addq $16, %rsp
	swapgs
	.globl user_iret
user_iret:
	iretq

/* Leave with the frame at the top of the current thread's stack. */
	.globl arch_enter_user
arch_enter_user:
	cli
	movq %gs:CPU_KERNEL_STACK, %rsp
	subq $FRAME_SIZE, %rsp
	jmp return_to_user

	.balign 16
	.globl syscall_entry
syscall_entry:
	/* SFMASK has cleared IF, DF, AC, TF and NT. */
	swapgs
	movq %rsp, %gs:CPU_SCRATCH
	movq %gs:CPU_KERNEL_STACK, %rsp
	pushq $SEL_USER_DATA
	pushq %gs:CPU_SCRATCH
	pushq %r11
	pushq $SEL_USER_CODE
	pushq %rcx
	pushq %rax			/* error: the number of the call */
	pushq $VECTOR_SYSCALL
	PUSH_REGISTERS
	KERNEL_BEGINS
	xorl %ebp, %ebp
	sti
	movq %rsp, %rdi
	call kernel_syscall
	cli
	movq %rsp, %rdi
	call return_to_user_work
	/*
	 * SYSRET takes the address from %rcx and the flags from %r11. A processor that is given a
	 * non-canonical address there faults in kernel mode on the user's stack, so it goes by IRET
	 * unless the address is plainly in the user half; the same for flags that SYSRET cannot set.
	 */
	movq FRAME_RIP(%rsp), %rcx
	cmpq %rcx, 88(%rsp)		/* the frame's rcx: unchanged means nobody moved the frame */
	jne 1f
	movq %rcx, %r11
	shrq $47, %r11
	jnz 1f
	movq FRAME_RFLAGS(%rsp), %r11
	cmpq %r11, 48(%rsp)
	jne 1f
	testq $(RFLAGS_TF | RFLAGS_RF), %r11
	jnz 1f
	cmpq $SEL_USER_CODE, FRAME_CS(%rsp)
	jne 1f
	cmpq $SEL_USER_DATA, FRAME_SS(%rsp)
	jne 1f
	POP_REGISTERS
	movq FRAME_RSP - FRAME_VECTOR(%rsp), %rsp
	swapgs
	sysretq
1:	POP_REGISTERS
	addq $16, %rsp
	swapgs
	jmp user_iret

/* SYSCALL from 32-bit code: there is no such ABI here. Back with -ENOSYS. */
	.globl syscall_entry32
syscall_entry32:
	movl $-38, %eax
	sysretl

/* NMI, double fault, machine check: stacks of their own, any state of %gs. */
.macro IST_ENTRY name, vector, error
	.balign 16
	.globl \name
\name:
	.if \error == 0
	pushq $-1
	.endif
	pushq $\vector
	jmp paranoid_entry
.endm
	IST_ENTRY entry_nmi, 2, 0
	IST_ENTRY entry_double_fault, 8, 1
	IST_ENTRY entry_machine_check, 18, 0

paranoid_entry:
	cld
	CLAC
	PUSH_REGISTERS
	movl $MSR_GS_BASE, %ecx
	rdmsr
	movl %eax, %r12d
	movl %edx, %r13d
	movq FRAME_SIZE(%rsp), %rax	/* top of the stack: struct cpu */
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	movq %rsp, %rdi
	xorl %ebp, %ebp
	call paranoid_handler
	movl $MSR_GS_BASE, %ecx
	movl %r12d, %eax
	movl %r13d, %edx
	wrmsr
	POP_REGISTERS
	addq $16, %rsp
	iretq

/*
 * struct thread *switch_stacks(struct thread *prev, uint64_t *prev_sp, uint64_t next_sp)
 * Callee-saved registers wait on the stack of the thread that is not running.
 */
	.text
	.globl switch_stacks
switch_stacks:
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rsi)
	movq %rdx, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	movq %rdi, %rax
	ret

/* First return of switch_stacks on a fresh stack: %rbx function, %r12 argument. */
	.globl thread_first
thread_first:
	movq %rax, %rdi
	xorl %ebp, %ebp
	call kernel_thread_entry
	sti
	movq %r12, %rdi
	call *%rbx
	call thread_exit
	ud2

	.section .note.GNU-stack, "", @progbits
