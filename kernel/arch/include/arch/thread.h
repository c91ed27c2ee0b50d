/* SPDX-License-Identifier: BSD-2-Clause */
/* The architecture's part of a thread. */
#ifndef ARCH_THREAD_H
#define ARCH_THREAD_H

#include <arch/trap.h>
#include <stdbool.h>
#include <stdint.h>

struct thread;

struct arch_thread {
	uint64_t sp;	    /* saved stack pointer while not running; known to switch.S */
	uint64_t stack_top; /* [I] of the kernel stack; the user's registers lie just below */
	uint64_t fs_base, gs_base; /* of the program, while not running */
	void *vector_state;	   /* XSAVE area, or NULL for kernel threads */
	bool vector_live;	   /* the processor's registers are newer than the area */
};

/* Lay out a fresh kernel stack so that the first switch to t calls fn(arg) with interrupts on. */
void arch_thread_setup(struct thread *t, void (*fn)(void *arg), void *arg);

/* Room for a program's vector state, initial or copied from `from`; 0 or -ENOMEM. */
int arch_thread_alloc_user(struct thread *t, const struct thread *from);
void arch_thread_free_user(struct thread *t);

/* Switch stacks and registers. Interrupts are off. Returns, on next's stack, the thread we came
 * from. */
struct thread *arch_switch(struct thread *prev, struct thread *next);

/* The user registers of a thread, at the top of its kernel stack. */
static inline struct trap_frame *arch_user_frame(struct arch_thread *a)
{
	return (struct trap_frame *)a->stack_top - 1;
}

/* Leave the kernel with the registers of the current thread's user frame. */
_Noreturn void arch_enter_user(void);

/* Reset for exec: everything zero but entry point and stack pointer; vector state initial. */
void arch_reset_user(struct thread *t, uint64_t entry, uint64_t stack);

/* The flag that makes the program trap after each instruction, of a thread that stands still. */
bool arch_user_step(struct thread *t);
void arch_set_user_step(struct thread *t, bool on);
/* Load what others may have changed in the current thread while it stood still. */
void arch_reload_user(void);

/* AT_HWCAP, and the size of the largest signal frame (AT_MINSIGSTKSZ). */
uint64_t arch_hwcap(void);
uint64_t arch_signal_frame_size(void);

/* Bases of the program's thread-local segments; addresses of the user half. */
void arch_set_fs_base(uint64_t base);
void arch_set_gs_base(uint64_t base);

#endif
