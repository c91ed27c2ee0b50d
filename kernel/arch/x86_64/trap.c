/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions. A page fault at a user address goes to vm/ whoever caused it. What is then still a
 * fault becomes a signal if it came from a program, continues at its fixup if it came from
 * a user copy (exception table), and is a panic otherwise: a bug of the kernel.
 */
#include "arch.h"

#include <arch/enter.h>
#include <arch/page.h>
#include <arch/smp.h>
#include <arch/thread.h>
#include <base/count.h>
#include <base/log.h>
#include <base/panic.h>
#include <base/panic_arch.h>
#include <lib/string.h>
#include <sched/sched_internal.h>
#include <sched/thread.h>
#include <vm/fault.h>

#include <asm/signal.h>
#include <asm-generic/siginfo.h>

struct exception_entry {
	uint64_t from, to;
};
extern const struct exception_entry exception_table_start[], exception_table_end[];
extern char user_iret[];

static const char *const names[32] = {"divide error",
				      "debug",
				      "NMI",
				      "breakpoint",
				      "overflow",
				      "bound range",
				      "invalid opcode",
				      "device not available",
				      "double fault",
				      "coprocessor overrun",
				      "invalid TSS",
				      "segment not present",
				      "stack fault",
				      "general protection",
				      "page fault",
				      "reserved",
				      "x87 error",
				      "alignment check",
				      "machine check",
				      "SIMD error",
				      "virtualisation",
				      "control protection",
				      "reserved",
				      "reserved",
				      "reserved",
				      "reserved",
				      "reserved",
				      "reserved",
				      "hypervisor",
				      "VMM communication",
				      "security",
				      "reserved"};

/* Signal and code for an exception of a program, by vector. */
static const struct {
	uint8_t sig, code;
} signals[32] = {
	[0] = {SIGFPE, FPE_INTDIV},   [1] = {SIGTRAP, TRAP_TRACE},  [3] = {SIGTRAP, 0x80},
	[4] = {SIGSEGV, SEGV_MAPERR}, [5] = {SIGSEGV, SEGV_MAPERR}, [6] = {SIGILL, ILL_ILLOPN},
	[7] = {SIGFPE, FPE_FLTINV},   [9] = {SIGFPE, FPE_FLTINV},   [10] = {SIGSEGV, 0x80},
	[11] = {SIGBUS, 0x80},	      [12] = {SIGBUS, 0x80},	    [13] = {SIGSEGV, 0x80},
	[16] = {SIGFPE, FPE_FLTINV},  [17] = {SIGBUS, BUS_ADRALN},  [19] = {SIGFPE, FPE_FLTINV},
	[21] = {SIGSEGV, 0x80},
};

static uint64_t find_fixup(uint64_t rip)
{
	for (const struct exception_entry *e = exception_table_start; e < exception_table_end; e++)
		if (e->from == rip)
			return e->to;
	return 0;
}

static _Noreturn void kernel_fault(struct trap_frame *f, uint64_t address)
{
	panic_with_frame(f, "%s in the kernel (error %#lx, address %#lx)", names[f->vector & 31],
			 (unsigned long)f->error, (unsigned long)address);
}

static void page_fault(struct trap_frame *f)
{
	uint64_t address = cr2_read();
	bool user = trap_from_user(f);
	uint64_t fixup = user ? 0 : find_fixup(f->rip);
	struct vm_fault_result r = {.sig = SIGSEGV, .code = SEGV_MAPERR};
	struct thread *t = current();
	struct counts began = count_begin();

	/* The kernel's end of a copy never faults, and nothing else of the kernel does. */
	if (!user && (!fixup || address >= USER_END))
		kernel_fault(f, address);
	if (!user && (!t || !t->space || !irq_state_enabled(f->rflags) || preempt_count())) {
		f->rip = fixup; /* a copy where sleeping is not allowed reports a fault */
		return;
	}
	irq_enable();
	if (address < USER_END) {
		unsigned access = f->error & 2	  ? VM_ACCESS_WRITE
				  : f->error & 16 ? VM_ACCESS_EXEC
						  : VM_ACCESS_READ;

		if (vm_fault(t->space, address, access, user ? VM_FAULT_USER : 0, &r) == 0) {
			count_end(began, COUNT_FAULT);
			return;
		}
	}
	if (user)
		kernel_user_exception(f, r.sig, r.code, address);
	else
		f->rip = fixup;
}

/*
 * iretq to user mode faulted on what the program's frame holds. The registers are the program's
 * again but the stack is ours; put back together the frame it was leaving with, so that the
 * program gets the signal as if it had faulted itself. Returns the frame to go on with.
 */
static struct trap_frame *fault_in_iret(struct trap_frame *f)
{
	struct trap_frame *user = arch_user_frame(&current()->arch);
	uint64_t iret[5];

	memcpy(iret, (void *)f->rsp, sizeof(iret));
	memmove(user, f, offsetof(struct trap_frame, rip));
	memcpy(&user->rip, iret, sizeof(iret));
	user->cs = SEL_USER_CODE;
	user->ss = SEL_USER_DATA;
	return user;
}

void exception_handler(struct trap_frame *f);
void exception_handler(struct trap_frame *f)
{
	unsigned v = (unsigned)f->vector;

	if (f->rip == (uintptr_t)user_iret && !trap_from_user(f)) {
		this_cpu()->kernel_since = cpu_cycles(); /* back in the kernel */
		f = fault_in_iret(f);
		irq_enable();
		kernel_user_exception(f, SIGSEGV, SI_KERNEL, 0);
		arch_enter_user();
	}
	if (v == VECTOR_PF) {
		page_fault(f);
		return;
	}
	if (trap_from_user(f)) {
		irq_enable();
		if (v == 1) { /* single step: the flag is the program's own */
			__asm__ volatile("movq %0, %%db6" : : "r"(0UL));
		}
		kernel_user_exception(f, signals[v].sig ? signals[v].sig : SIGSEGV,
				      signals[v].code == 0x80 ? SI_KERNEL : signals[v].code,
				      v <= 1 || v == 6 ? f->rip : 0);
		return;
	}
	if (v == 13) {
		/* A non-canonical user address faults as general protection. */
		uint64_t fixup = find_fixup(f->rip);

		if (fixup) {
			f->rip = fixup;
			return;
		}
	}
	kernel_fault(f, 0);
}

/* Another processor panicked and stops us, or the hardware wants us dead. */
void paranoid_handler(struct trap_frame *f);
void paranoid_handler(struct trap_frame *f)
{
	if (f->vector == VECTOR_NMI) {
		if (panic_in_progress())
			cpu_stop();
		return; /* for no known reason; and the log's lock may be held by what we hit */
	}
	panic_with_frame(f,
			 "%s (error %#lx, address %#lx): kernel stack overflow or broken hardware",
			 names[f->vector & 31], (unsigned long)f->error, (unsigned long)cr2_read());
}

void interrupt_handler(struct trap_frame *f);
void interrupt_handler(struct trap_frame *f)
{
	unsigned v = (unsigned)f->vector;

	this_cpu()->interrupts++;
	sched_leave_idle(this_cpu());
	if (v != VECTOR_MESSAGE)
		kernel_message_look();
	switch (v) {
	case VECTOR_TIMER:
		apic_eoi();
		kernel_timer_interrupt();
		break;
	case VECTOR_MESSAGE:
		apic_eoi();
		kernel_message_interrupt();
		break;
	case VECTOR_SPURIOUS:
		break;
	default:
		irq_dispatch(v);
	}
}
