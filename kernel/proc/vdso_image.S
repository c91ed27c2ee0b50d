/* SPDX-License-Identifier: BSD-2-Clause */
/* The vDSO as built from user/vdso: a shared object in the image. */
	.section .rodata, "a"
	.globl vdso_image_start, vdso_image_end
	.balign 4096
vdso_image_start:
	.incbin VDSO_FILE
vdso_image_end:

	.section .note.GNU-stack, "", @progbits
