/* SPDX-License-Identifier: BSD-2-Clause */
/* Panic as the architecture's trap code uses it. */
#ifndef BASE_PANIC_ARCH_H
#define BASE_PANIC_ARCH_H

#include <arch/trap.h>
#include <base/panic.h>

/* Like panic(), with the registers and the backtrace of a trap. */
_Noreturn void panic_with_frame(const struct trap_frame *f, const char *fmt, ...)
	__printf_like(2, 3) __cold;
bool panic_in_progress(void);
/* Set at boot: reset instead of halting; who is running (sched/). */
extern bool panic_resets;
extern const char *(*panic_thread_name)(int *tid);

/* The architecture's part: print registers; is this a readable kernel address? */
void arch_log_registers(const struct trap_frame *f);
bool arch_kernel_readable(uintptr_t address, size_t n);

#endif
