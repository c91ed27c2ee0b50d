/* SPDX-License-Identifier: BSD-2-Clause */
/* Panic and assertions: for bugs of the kernel only, never for what input can cause. */
#ifndef BASE_PANIC_H
#define BASE_PANIC_H

#include <base/types.h>
#include <lib/compiler.h>

/*
 * Print "PANIC: message", processor, thread, registers and a symbolised backtrace, stop the other
 * processors, then halt, or reset when the command line says panic=-1. Safe to call from any
 * context, also from within itself.
 */
_Noreturn void panic(const char *fmt, ...) __printf_like(1, 2) __cold;

/* True while a panic prints: locks and checks stand aside. */
bool panic_quiet(void);

_Noreturn void assert_fail(const char *expr, const char *file, int line) __cold;

#define assert(expr)                                            \
	do {                                                    \
		if (unlikely(!(expr)))                          \
			assert_fail(#expr, __FILE__, __LINE__); \
	} while (0)

/* The name and offset of the kernel function that holds addr, as "name+0x12"; buf always ends. */
void symbol_format(char *buf, size_t size, uintptr_t addr);

/* Names addresses outside the kernel image: set once by driver/. */
extern bool (*symbol_driver_hook)(char *buf, size_t size, uintptr_t addr);

/* Log the calls that led here, starting at a frame pointer (0: the caller's own). */
void backtrace_log(uintptr_t frame);

#endif
