/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every way in which hardware enters the kernel. The architecture saves the registers and calls
 * one of these; each is implemented once, in the folder named.
 */
#ifndef ARCH_ENTER_H
#define ARCH_ENTER_H

#include <arch/trap.h>
#include <base/types.h>

/* Timer interrupt: the deadline armed with arch_timer_arm has come (sched/timer.c). Interrupts off.
 */
void kernel_timer_interrupt(void);
/* Message interrupt from another processor (sched/message.c). Interrupts off. */
void kernel_message_interrupt(void);
/* Any other interrupt: serve messages that are there, too. Interrupts off. */
void kernel_message_look(void);
/* An interrupt returns to the kernel and preemption is due (sched/). Interrupts off, and on return.
 */
void kernel_preempt(void);
/* A fresh processor is ready to schedule, on its idle stack (sched/). */
_Noreturn void kernel_processor_entry(void);
/* First code of a new thread: ends the switch that started it (sched/). */
void kernel_thread_entry(struct thread *prev);
/* System call; the result goes into the frame (linux/). Interrupts on. */
void kernel_syscall(struct trap_frame *f);
/* An exception in user mode becomes a signal (proc/). Interrupts on. */
void kernel_user_exception(struct trap_frame *f, int sig, int code, uaddr_t address);
/* Work before going back to user mode: signals, rescheduling (proc/). Interrupts on. */
void kernel_user_return(struct trap_frame *f);

#endif
