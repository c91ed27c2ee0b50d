/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Panic. The first processor that gets here stops the others by NMI and prints; whoever else
 * arrives stops by itself. A fault while printing comes back here on the same processor: the second
 * time only the message is printed, the third time nothing. From the moment `panicking` is set
 * no lock is waited for (panic_quiet): its holder may be one of those that were stopped.
 */
#include "panic_arch.h"

#include "log.h"
#include "percpu.h"

#include <arch/cpu.h>
#include <arch/power.h>
#include <arch/smp.h>
#include <lib/format.h>
#include <lib/string.h>

#define BACKTRACE_MAX 32

static uint32_t panicking; /* [a] index of the processor that panics, plus 1 */
static unsigned depth;	   /* by that processor only */
bool panic_resets;	   /* panic=-1: reset instead of halting */

/* The name of the running thread; sched/ knows it. */
const char *(*panic_thread_name)(int *tid);

bool panic_in_progress(void)
{
	return __atomic_load_n(&panicking, __ATOMIC_ACQUIRE) != 0;
}

bool panic_quiet(void)
{
	return panic_in_progress();
}

/*
 * The caller of a frame, whose own caller's frame replaces it; 0: the end. Every step is checked
 * before it is followed.
 */
static uintptr_t step(uintptr_t *frame)
{
	const uintptr_t *f = (const uintptr_t *)*frame;

	if (!*frame || *frame & 7 || !arch_kernel_readable(*frame, 16))
		return 0;
	/* Mostly upwards, but from the interrupt stack to the thread's. */
	*frame = f[0] == *frame ? 0 : f[0];
	return f[1];
}

static void backtrace_from(uintptr_t frame, uintptr_t rip)
{
	uintptr_t at = rip ? rip : step(&frame);
	char name[128];

	for (unsigned n = 0; n < BACKTRACE_MAX && at; n++) {
		/* Behind a call is what comes after it, perhaps another function. */
		symbol_format(name, sizeof(name), n || !rip ? at - 1 : at);
		log_error("  %2u %s", n, name);
		at = step(&frame);
	}
}

/*
 * Whose fault it may be: the driver that was running, or the last one that called the kernel. A
 * function that calls none need not have a frame: what it returns to is on top of the stack (top;
 * 0: not looked at).
 */
static void name_driver(uintptr_t frame, uintptr_t rip, uintptr_t top)
{
	uintptr_t at = 0;
	char name[128];

	if (!symbol_driver_hook)
		return;
	if (rip && symbol_driver_hook(name, sizeof(name), rip)) {
		log_error("in %s", name);
		return;
	}
	if (top && !(top & 7) && arch_kernel_readable(top, 8))
		at = *(const uintptr_t *)top;
	for (unsigned n = 0; n < BACKTRACE_MAX; n++, at = 0) {
		if (!at)
			at = step(&frame);
		if (!at)
			return;
		if (symbol_driver_hook(name, sizeof(name), at - 1)) {
			log_error("called by %s", name);
			return;
		}
	}
}

void backtrace_log(uintptr_t frame)
{
	backtrace_from(frame ? frame : (uintptr_t)__builtin_frame_address(0), 0);
}

static _Noreturn void finish(void)
{
	if (panic_resets)
		power_reset();
	log_error("The machine is halted.");
	cpu_stop();
}

static _Noreturn void panic_v(const struct trap_frame *f, const char *fmt, va_list ap)
{
	uint32_t me = this_cpu_index() + 1, none = 0;
	char text[256];
	int tid = 0;
	const char *name = NULL;

	irq_disable();
	if (!__atomic_compare_exchange_n(&panicking, &none, me, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE) &&
	    none != me)
		cpu_stop();
	if (depth++ == 0)
		arch_stop_others();
	if (depth > 2)
		finish();
	format_v(text, sizeof(text), fmt, ap);
	log_set_console_level(LOG_DEBUG);
	log_error("PANIC: %s", text);
	if (depth > 1) {
		log_error("(a panic inside the panic printer; the first one is above)");
		finish();
	}
	if (panic_thread_name)
		name = panic_thread_name(&tid);
	log_error("processor %u, thread %s (%d)%s", me - 1, name ? name : "none", tid,
		  this_cpu()->irq_depth ? ", in an interrupt handler" : "");
	if (f) {
		name_driver(f->rbp, f->rip, f->rsp);
		arch_log_registers(f);
		log_error("backtrace:");
		backtrace_from(f->rbp, f->rip);
	} else {
		name_driver((uintptr_t)__builtin_frame_address(0), 0, 0);
		log_error("backtrace:");
		backtrace_from((uintptr_t)__builtin_frame_address(0), 0);
	}
	finish();
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	panic_v(NULL, fmt, ap);
}

void panic_with_frame(const struct trap_frame *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	panic_v(f, fmt, ap);
}

void assert_fail(const char *expr, const char *file, int line)
{
	panic("assertion failed: %s, %s:%d", expr, file, line);
}

void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
	panic("a function wrote beyond its stack frame (stack protector), called from %p",
	      __builtin_return_address(0));
}
