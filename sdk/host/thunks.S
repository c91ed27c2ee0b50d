/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a driver comes into banos-host: each function of the ABI has an entry (gen_table makes them)
 * that puts its number into %eax and jumps to host_call. That aligns the stack, which drivers keep
 * at 8 bytes only, asks host_api_enter() for the function, calls it, and tells host_api_leave().
 * Functions of the ABI have at most six arguments, all in registers. The frame pointer chain goes
 * through, for backtraces.
 */
	.text
	.globl host_call
	.hidden host_call
	.type host_call, @function
host_call:
	endbr64
	push	%rbp
	mov	%rsp, %rbp
	push	%rdi
	push	%rsi
	push	%rdx
	push	%rcx
	push	%r8
	push	%r9
	sub	$16, %rsp		/* the result, at -56(%rbp) */
	and	$-16, %rsp
	cld				/* its breach is told when the driver returns */
	mov	%eax, %edi
	mov	8(%rbp), %rsi		/* who calls */
	call	host_api_enter
	mov	-8(%rbp), %rdi
	mov	-16(%rbp), %rsi
	mov	-24(%rbp), %rdx
	mov	-32(%rbp), %rcx
	mov	-40(%rbp), %r8
	mov	-48(%rbp), %r9
	call	*%rax
	mov	%rax, -56(%rbp)
	call	host_api_leave
	mov	-56(%rbp), %rax
	leave
	ret
	.size host_call, . - host_call

/* host_switch(uintptr_t *from, uintptr_t to): on another stack; see task.c. */
	.globl host_switch
	.hidden host_switch
	.type host_switch, @function
host_switch:
	endbr64
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size host_switch, . - host_switch

/* What indirect branches and returns of drivers go through. */
	.macro thunk reg
	.globl banos_thunk_\reg
	.hidden banos_thunk_\reg
	.type banos_thunk_\reg, @function
banos_thunk_\reg:
	endbr64
	jmp	*%\reg
	.size banos_thunk_\reg, . - banos_thunk_\reg
	.endm

	.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	thunk	\reg
	.endr

	.globl banos_return_thunk
	.hidden banos_return_thunk
	.type banos_return_thunk, @function
banos_return_thunk:
	ret
	.size banos_return_thunk, . - banos_return_thunk

	.section .note.GNU-stack, "", @progbits
