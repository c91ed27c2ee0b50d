/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How drivers branch through a register, and how they return: functions that the kernel provides, so
 * that a driver that was built before a weakness of processors became known is protected against it
 * once the kernel is (see the compiler contract in doc/abi). banos_thunk_REG goes where REG points,
 * banos_return_thunk is a return. On the processors we know how to care for, a plain branch
 * does; behind it is a trap, because some of them run on past it speculatively.
 *
 * Each begins with a landing pad: a driver that is out of reach jumps here through a table.
 */
.macro EXPORT name
	.pushsection .rodata.str1.1, "aMS", @progbits, 1
1771:	.asciz "\name"
	.popsection
	.pushsection .banos-export, "aw"
	.balign 8
	.quad 1771b, \name
	.popsection
.endm

.macro THUNK reg
	.globl banos_thunk_\reg
	.type banos_thunk_\reg, @function
	.balign 16
banos_thunk_\reg:
	endbr64
	jmp *%\reg
	int3
	.size banos_thunk_\reg, . - banos_thunk_\reg
	EXPORT banos_thunk_\reg
.endm

	.text
	.irp reg, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	THUNK \reg
	.endr

	.globl banos_return_thunk
	.type banos_return_thunk, @function
	.balign 16
banos_return_thunk:
	endbr64
	ret
	int3
	.size banos_return_thunk, . - banos_return_thunk
	EXPORT banos_return_thunk

	.section .note.GNU-stack, "", @progbits
