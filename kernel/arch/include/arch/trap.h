/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers as saved at every entry of the kernel; entry.S knows the order. */
#ifndef ARCH_TRAP_H
#define ARCH_TRAP_H

#include <stdbool.h>
#include <stdint.h>

struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t vector; /* 256: system call */
	uint64_t error;	 /* of the exception; the number of a system call, or -1 for none */
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Selectors of a program's code and data, the same as Linux's. */
#define TRAP_USER_CS 0x33
#define TRAP_USER_SS 0x2b

static inline bool trap_from_user(const struct trap_frame *f)
{
	return (f->cs & 3) == 3;
}

#endif
