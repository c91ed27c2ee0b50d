/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects of the drivers inside this kernel, as the SDK has made them: see builtin.c. */
	.macro builtin file
	.section .rodata, "a"
	.balign 8
1:	.incbin "\file"
2:
	.section .rodata.builtin_drivers, "a"
	.quad 1b, 2b - 1b
	.endm

	.section .rodata.builtin_drivers, "a"
	.balign 8
	.globl builtin_drivers
builtin_drivers:
	/* In the order in which they are installed. */
	builtin "serial.banos"
	.quad 0, 0

	.section .note.GNU-stack, "", @progbits
