/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching between threads, and a program's registers at the top of its kernel stack. */
#include "arch.h"

#include <arch/enter.h>
#include <arch/thread.h>
#include <arch/vector.h>
#include <base/panic.h>
#include <lib/string.h>
#include <sched/thread.h>

BUILD_ASSERT(SEL_USER_CODE == TRAP_USER_CS && SEL_USER_DATA == TRAP_USER_SS, "selectors");

struct thread *switch_stacks(struct thread *prev, uint64_t *prev_sp, uint64_t next_sp);
extern char thread_first[];

void arch_thread_setup(struct thread *t, void (*fn)(void *arg), void *arg)
{
	uint64_t *sp;

	t->arch.stack_top = (uintptr_t)t->stack + KERNEL_STACK_SIZE;
	/* Below the user frame; the ABI wants 16-byte alignment at the call in thread_first. */
	sp = (uint64_t *)(arch_user_frame(&t->arch));
	sp = (uint64_t *)ALIGN_DOWN((uintptr_t)sp, 16);
	*--sp = (uintptr_t)thread_first;
	*--sp = (uintptr_t)fn;	/* rbx */
	*--sp = 0;		/* rbp */
	*--sp = (uintptr_t)arg; /* r12 */
	*--sp = 0;
	*--sp = 0;
	*--sp = 0; /* r13, r14, r15 */
	t->arch.sp = (uintptr_t)sp;
}

struct thread *arch_switch(struct thread *prev, struct thread *next)
{
	struct cpu *c = this_cpu();

	if (prev->arch.vector_live) {
		vector_save(prev->arch.vector_state);
		prev->arch.vector_live = false;
	}
	if (next->arch.vector_state) {
		/* Programs change these only through arch_prctl (FSGSBASE is off), so the fields
		 * are true. */
		msr_write(MSR_FS_BASE, next->arch.fs_base);
		msr_write(MSR_KERNEL_GS_BASE, next->arch.gs_base);
	}
	c->current = next;
	c->kernel_stack = next->arch.stack_top;
	tss_set_stack(next->arch.stack_top);
	return switch_stacks(prev, &prev->arch.sp, next->arch.sp);
}

void arch_reset_user(struct thread *t, uint64_t entry, uint64_t stack)
{
	struct trap_frame *f = arch_user_frame(&t->arch);
	uint64_t flags = irq_save(), vector = f->vector, error = f->error;

	memset(f, 0, sizeof(*f));
	f->vector = vector; /* a debugger still sees that it is in a call */
	f->error = error;
	f->rip = entry;
	f->rsp = stack;
	f->cs = SEL_USER_CODE;
	f->ss = SEL_USER_DATA;
	f->rflags = RFLAGS_IF | 2;
	t->arch.vector_live = false;
	vector_init_area(t->arch.vector_state);
	t->arch.fs_base = 0;
	t->arch.gs_base = 0;
	msr_write(MSR_FS_BASE, 0);
	msr_write(MSR_KERNEL_GS_BASE, 0);
	irq_restore(flags);
}

bool arch_user_step(struct thread *t)
{
	return arch_user_frame(&t->arch)->rflags & RFLAGS_TF;
}

void arch_set_user_step(struct thread *t, bool on)
{
	struct trap_frame *f = arch_user_frame(&t->arch);

	f->rflags = on ? f->rflags | RFLAGS_TF : f->rflags & ~(uint64_t)RFLAGS_TF;
}

void arch_reload_user(void)
{
	struct arch_thread *a = &current()->arch;
	uint64_t flags = irq_save();

	msr_write(MSR_FS_BASE, a->fs_base);
	msr_write(MSR_KERNEL_GS_BASE, a->gs_base);
	irq_restore(flags);
}

void arch_set_fs_base(uint64_t base)
{
	uint64_t flags = irq_save();

	current()->arch.fs_base = base;
	msr_write(MSR_FS_BASE, base);
	irq_restore(flags);
}

void arch_set_gs_base(uint64_t base)
{
	uint64_t flags = irq_save();

	current()->arch.gs_base = base;
	msr_write(MSR_KERNEL_GS_BASE, base);
	irq_restore(flags);
}

/*
 * The last C code before user mode, with interrupts off. Work is done with interrupts on and
 * looked for again afterwards; the vector registers are loaded when nothing can intervene.
 */
void return_to_user_work(struct trap_frame *f);
void return_to_user_work(struct trap_frame *f)
{
	struct thread *t = current();

	while (READ_ONCE(this_cpu()->need_resched) || READ_ONCE(t->work)) {
		irq_enable();
		kernel_user_return(f);
		irq_disable();
	}
	if (CONFIG_TEST)
		assert(!this_cpu()->lazy); /* or translations may be stale: sched/flush.c */
	if (!t->arch.vector_live) {
		vector_load(t->arch.vector_state);
		t->arch.vector_live = true;
	}
	thread_leaves_kernel(t);
}
