/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies to and from user memory. Each instruction that touches it is listed in the exception
 * table with the place to go on after a fault; %rcx then tells what is left. The SMAP window
 * is open only inside. Bounds are checked by the callers (vm/usercopy.c).
 */
#include "layout.h"

.macro WINDOW_OPEN
772:	.byte 0x0f, 0x1f, 0x00
	.pushsection .rodata.smap_sites_open, "a"
	.quad 772b
	.popsection
.endm
.macro WINDOW_CLOSE
773:	.byte 0x0f, 0x1f, 0x00
	.pushsection .rodata.smap_sites, "a"
	.quad 773b
	.popsection
.endm
.macro FIXUP from, to
	.pushsection .exception_table, "a"
	.quad \from, \to
	.popsection
.endm

	.text
/* size_t usercopy(void *to, const void *from, size_t n): bytes NOT copied. */
	.globl arch_usercopy
arch_usercopy:
	WINDOW_OPEN
	movq %rdx, %rcx
	cmpq $8, %rdx
	jb 2f
	shrq $3, %rcx
1:	rep movsq
	movl %edx, %ecx
	andl $7, %ecx
2:	rep movsb
	xorl %eax, %eax
	WINDOW_CLOSE
	ret
3:	/* words: rcx words and the tail are left; the tail's bytes still may be copied singly */
	andl $7, %edx
	leaq (%rdx, %rcx, 8), %rcx
4:	rep movsb
5:	movq %rcx, %rax
	WINDOW_CLOSE
	ret
	FIXUP 1b, 3b
	FIXUP 2b, 5b
	FIXUP 4b, 5b

/* size_t userclear(void *to, size_t n): bytes NOT cleared. */
	.globl arch_userclear
arch_userclear:
	WINDOW_OPEN
	xorl %eax, %eax
	movq %rsi, %rcx
	shrq $3, %rcx
1:	rep stosq
	movl %esi, %ecx
	andl $7, %ecx
2:	rep stosb
	movq %rcx, %rax
	WINDOW_CLOSE
	ret
3:	andl $7, %esi
	leaq (%rsi, %rcx, 8), %rcx
4:	rep stosb
5:	movq %rcx, %rax
	WINDOW_CLOSE
	ret
	FIXUP 1b, 3b
	FIXUP 2b, 5b
	FIXUP 4b, 5b

/*
 * ssize_t userstring(char *to, const char *from, size_t size): length without the NUL, size when
 * there was no NUL in size bytes, -14 (EFAULT).
 */
	.globl arch_userstring
arch_userstring:
	WINDOW_OPEN
	xorl %eax, %eax
	movabsq $0x0101010101010101, %r8
	movabsq $0x8080808080808080, %r9
	/* Words, as long as there is room for one and it does not reach into the next page. */
1:	leaq 8(%rax), %r11
	cmpq %rdx, %r11
	ja 6f
	leal (%rsi, %rax), %ecx
	andl $4095, %ecx
	cmpl $4088, %ecx
	ja 6f
2:	movq (%rsi, %rax), %rcx
	movq %rcx, %r10
	movq %rcx, %r11
	subq %r8, %r10
	notq %r11
	andq %r11, %r10
	andq %r9, %r10			/* the lowest bit that is set is in the first byte that is 0 */
	jnz 3f
	movq %rcx, (%rdi, %rax)
	addq $8, %rax
	jmp 1b
3:	leaq -1(%r10), %r11		/* what is behind that byte is not the string's: store zeroes */
	xorq %r10, %r11
	andq %r11, %rcx
	movq %rcx, (%rdi, %rax)
	bsfq %r10, %r10
	shrl $3, %r10d
	addq %r10, %rax
4:	WINDOW_CLOSE
	ret
6:	cmpq %rdx, %rax
	jae 4b
7:	movb (%rsi, %rax), %cl
	movb %cl, (%rdi, %rax)
	testb %cl, %cl
	jz 4b
	incq %rax
	jmp 1b
8:	movq $-14, %rax
	jmp 4b
	FIXUP 2b, 8b
	FIXUP 7b, 8b

/*
 * int useratomic(uint32_t *word, uint32_t expect, uint32_t new, uint32_t *was): compare and
 * exchange in user memory; 0 or -14.
 */
	.globl arch_user_cmpxchg32
arch_user_cmpxchg32:
	WINDOW_OPEN
	movl %esi, %eax
1:	lock cmpxchgl %edx, (%rdi)
	WINDOW_CLOSE
	movl %eax, (%rcx)
	xorl %eax, %eax
	ret
2:	WINDOW_CLOSE
	movl $-14, %eax
	ret
	FIXUP 1b, 2b

/*
 * int arch_user_loadN(uintN_t *to, const void *from), int arch_user_storeN(void *to, uintN_t value):
 * one word, 0 or -14. Most of what calls hand over is that small, and string instructions are slow
 * to start.
 */
.macro WORD size, load, value, stored
	.globl arch_user_load\size
arch_user_load\size:
	WINDOW_OPEN
1:	\load (%rsi), \value
	WINDOW_CLOSE
	mov \value, (%rdi)
	xorl %eax, %eax
	ret
	FIXUP 1b, word_fault
	.globl arch_user_store\size
arch_user_store\size:
	WINDOW_OPEN
2:	mov \stored, (%rdi)
	WINDOW_CLOSE
	xorl %eax, %eax
	ret
	FIXUP 2b, word_fault
.endm
	WORD 8, movb, %al, %sil
	WORD 16, movw, %ax, %si
	WORD 32, movl, %eax, %esi
	WORD 64, movq, %rax, %rsi

/*
 * int arch_user_scatter16(void *to, const void *from, size_t stride, size_t n): n of 16 bits, each
 * `stride` bytes after the one before, on both sides; 0 or -14.
 */
	.globl arch_user_scatter16
arch_user_scatter16:
	WINDOW_OPEN
	testq %rcx, %rcx
	jz 3f
1:	movw (%rsi), %ax
2:	movw %ax, (%rdi)
	addq %rdx, %rsi
	addq %rdx, %rdi
	decq %rcx
	jnz 1b
3:	WINDOW_CLOSE
	xorl %eax, %eax
	ret
	FIXUP 2b, word_fault

word_fault:
	WINDOW_CLOSE
	movl $-14, %eax
	ret

	.section .note.GNU-stack, "", @progbits
