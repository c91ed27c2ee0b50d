/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals reach the program: the frame on its stack that calls a handler (as Linux lays it out,
 * struct rt_sigframe of arch/x86), rt_sigreturn, and what happens to calls that were cut short.
 *
 * On return the frame is hostile: flags are masked, segment selectors are ours, MXCSR and the XSAVE
 * header are cleaned (vector_sanitize), addresses are only ever used in user mode. A bad frame is
 * SIGSEGV.
 */
#include "restart.h"
#include "siginfo.h"

#include <arch/enter.h>
#include <arch/thread.h>
#include <arch/vector.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <proc/cpu_clock.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <asm/sigcontext.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <asm/ucontext.h>

/* asm/ucontext.h keeps the structure itself for the C library: asm-generic/ucontext.h. */
struct linux_ucontext {
	unsigned long uc_flags;
	uint64_t uc_link;
	struct {
		uint64_t ss_sp;
		int ss_flags;
		uint64_t ss_size;
	} uc_stack;
	struct sigcontext_64 uc_mcontext;
	uint64_t uc_sigmask;
};

struct linux_sigframe {
	uint64_t pretcode;
	struct linux_ucontext uc;
	struct siginfo info;
};

#define FLAGS_USER    0x50dd5UL /* CF PF AF ZF SF TF DF OF RF AC: what a program may set */
#define SS_ONSTACK    1
#define SS_DISABLE    2
#define SS_AUTODISARM (1u << 31)
#define RED_ZONE      128

static bool on_altstack(const struct proc_thread *d, uint64_t sp)
{
	return sp - d->altstack_base - 1 < d->altstack_size;
}

static uint64_t frame_place(const struct trap_frame *f, const struct proc_thread *d, uint64_t flags,
			    size_t vector_bytes, uint64_t *vector_at)
{
	uint64_t sp = f->rsp - RED_ZONE;

	if (flags & SA_ONSTACK && d->altstack_size && !on_altstack(d, f->rsp))
		sp = d->altstack_base + d->altstack_size;
	sp = ALIGN_DOWN(sp - vector_bytes, 64);
	*vector_at = sp;
	/* As at the entry of a function: 16-byte aligned but for the return address. */
	return ALIGN_DOWN(sp - sizeof(struct linux_sigframe), 16) - 8;
}

static void fill_context(struct sigcontext_64 *c, const struct trap_frame *f, uint64_t vector_at)
{
	memset(c, 0, sizeof(*c));
	c->r8 = f->r8;
	c->r9 = f->r9;
	c->r10 = f->r10;
	c->r11 = f->r11;
	c->r12 = f->r12;
	c->r13 = f->r13;
	c->r14 = f->r14;
	c->r15 = f->r15;
	c->di = f->rdi;
	c->si = f->rsi;
	c->bp = f->rbp;
	c->bx = f->rbx;
	c->dx = f->rdx;
	c->ax = f->rax;
	c->cx = f->rcx;
	c->sp = f->rsp;
	c->ip = f->rip;
	c->flags = f->rflags;
	c->cs = (uint16_t)f->cs;
	c->ss = (uint16_t)f->ss;
	c->err = f->vector < 32 ? f->error : 0;
	c->trapno = f->vector < 32 ? f->vector : 0;
	c->fpstate = vector_at;
}

/* The vector area with the software words that tell its size (asm/sigcontext.h, _fpx_sw_bytes). */
static int put_vector(uint64_t at)
{
	struct _fpx_sw_bytes sw = {0};
	uint32_t magic2 = FP_XSTATE_MAGIC2;
	size_t n = vector_size();

	vector_flush();
	if (copy_to_user(at, current()->arch.vector_state, n))
		return -EFAULT;
	if (vector_mask()) {
		sw.magic1 = FP_XSTATE_MAGIC1;
		sw.extended_size = (uint32_t)(n + FP_XSTATE_MAGIC2_SIZE);
		sw.xfeatures = vector_mask();
		sw.xstate_size = (uint32_t)n;
		if (copy_to_user(at + n, &magic2, sizeof(magic2)))
			return -EFAULT;
	}
	return copy_to_user(at + 464, &sw, sizeof(sw));
}

static int push_frame(struct trap_frame *f, const struct signal_info *info,
		      const struct signal_action *a, sigset64_t mask)
{
	struct proc_thread *d = proc_thread(current());
	uint64_t vector_at, at;
	struct linux_sigframe s;

	if (!(a->flags & SA_RESTORER))
		return -EFAULT; /* x86-64 has no other way back */
	at = frame_place(f, d, a->flags, vector_size() + FP_XSTATE_MAGIC2_SIZE, &vector_at);
	/* A stack of its own that is full is not written beyond. */
	if ((on_altstack(d, f->rsp) || (a->flags & SA_ONSTACK && d->altstack_size)) &&
	    !on_altstack(d, at))
		return -EFAULT;
	/* All of it is written, the gaps too: it goes to the program. */
	memset(&s.uc, 0, offsetof(struct linux_ucontext, uc_mcontext));
	s.pretcode = a->restorer;
	s.uc.uc_flags =
		UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (vector_mask() ? UC_FP_XSTATE : 0);
	s.uc.uc_stack.ss_sp = d->altstack_base;
	s.uc.uc_stack.ss_size = d->altstack_size;
	s.uc.uc_stack.ss_flags = d->altstack_size ? (int)d->altstack_flags : SS_DISABLE;
	fill_context(&s.uc.uc_mcontext, f, vector_at);
	s.uc.uc_mcontext.cr2 = info->address;
	s.uc.uc_mcontext.oldmask = mask;
	s.uc.uc_sigmask = mask;
	siginfo_encode(&s.info, info);
	if (put_vector(vector_at) || copy_to_user(at, &s, sizeof(s)))
		return -EFAULT;
	if (d->altstack_flags & SS_AUTODISARM && on_altstack(d, at))
		d->altstack_size = 0;
	f->rip = a->handler;
	f->rsp = at;
	f->rdi = (uint64_t)info->signo;
	f->rsi = at + offsetof(struct linux_sigframe, info);
	f->rdx = at + offsetof(struct linux_sigframe, uc);
	f->rax = 0;
	f->rflags &= ~(0x400UL | 0x100UL | 0x10000UL); /* DF, TF, RF */
	f->cs = TRAP_USER_CS;
	f->ss = TRAP_USER_SS;
	return 0;
}

/* Undo the call so that it runs again: back over the syscall instruction. */
static void rerun(struct trap_frame *f, uint64_t nr)
{
	f->rax = nr;
	f->rip -= 2;
}

#define NR_restart_syscall 219

/* handler: a handler is about to run, with these flags; else none. */
static void settle_restart(struct trap_frame *f, bool handler, uint64_t flags)
{
	int64_t r = (int64_t)f->rax;

	if (f->vector != 256 || f->error == (uint64_t)-1 || !is_restart(r))
		return;
	if (!handler && r == -ERESTART_RESTARTBLOCK)
		rerun(f, NR_restart_syscall);
	else if (!handler || r == -ERESTARTNOINTR || (r == -ERESTARTSYS && flags & SA_RESTART))
		rerun(f, f->error);
	else
		f->rax = (uint64_t)-EINTR;
	f->error = (uint64_t)-1;
}

static void run_handler(struct trap_frame *f, const struct signal_info *info,
			const struct signal_action *a)
{
	struct proc_thread *d = proc_thread(current());
	sigset64_t mask = d->restore_saved ? d->saved_mask : d->blocked;
	struct signal_info fault = {.signo = SIGSEGV, .code = SI_KERNEL};

	bool step = trace_before_handler();

	settle_restart(f, true, a->flags);
	if (push_frame(f, info, a, mask)) {
		/* No room for the handler: a SEGV that cannot be delivered either ends the process.
		 */
		if (info->signo == SIGSEGV)
			process_exit_group(SIGSEGV);
		signal_force(SIGSEGV, &fault);
		return;
	}
	d->restore_saved = false;
	signal_set_mask(d->blocked | a->mask | (a->flags & SA_NODEFER ? 0 : SIGBIT(info->signo)));
	if (step)
		trace_after_handler();
}

void kernel_user_return(struct trap_frame *f)
{
	struct thread *t = current();
	struct proc_thread *d = proc_thread(t);
	struct signal_action action;
	struct signal_info info;

	if (READ_ONCE(this_cpu()->need_resched))
		thread_reschedule();
	if (!READ_ONCE(t->work))
		return;
	if (READ_ONCE(t->work) & THREAD_WORK_CPU_TIME)
		cpu_timers_check();
	if (READ_ONCE(t->work) & THREAD_WORK_TRACE)
		trace_syscall_exit();
	signal_stop_here();
	while (signal_dequeue(&info, &action)) {
		if (action.handler == 1)
			continue;
		if (action.handler) {
			run_handler(f, &info, &action);
			return; /* further ones nest on the way out, since work is still set */
		}
		signal_default(&info);
	}
	settle_restart(f, false, 0);
	if (d->restore_saved) {
		d->restore_saved = false;
		signal_set_mask(d->saved_mask);
	}
}

void kernel_user_exception(struct trap_frame *f, int sig, int code, uaddr_t address)
{
	struct signal_info info = {.signo = sig, .code = code, .address = address};

	if (sig == SIGTRAP && code == TRAP_TRACE && trace_drop_step())
		return;
	signal_force(sig, &info);
}

/* --- rt_sigreturn ------------------------------------------------------------------------------
 */

static int read_vector(uint64_t at, char *area)
{
	size_t n = vector_size();
	struct _fpx_sw_bytes sw;

	if (copy_from_user(&sw, at + 464, sizeof(sw)))
		return -EFAULT;
	if (vector_mask() && sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size >= n)
		return copy_from_user(area, at, n) ? -EFAULT : 0;
	/* Without our marks only the old part, 512 bytes, is there. */
	vector_init_area(area);
	if (copy_from_user(area, at, 512))
		return -EFAULT;
	if (vector_mask())
		*(uint64_t *)(area + 512) = 3; /* x87 and SSE */
	return 0;
}

/* Right into the thread's area: after the flush nothing else looks there before the way back. */
static int restore_vector(uint64_t at)
{
	char *area = current()->arch.vector_state;
	int r = -EFAULT;

	vector_flush();
	if (at)
		r = read_vector(at, area);
	if (r)
		vector_init_area(area);
	else
		vector_sanitize(area);
	return at ? r : 0;
}

static void restore_registers(struct trap_frame *f, const struct sigcontext_64 *c)
{
	f->r8 = c->r8;
	f->r9 = c->r9;
	f->r10 = c->r10;
	f->r11 = c->r11;
	f->r12 = c->r12;
	f->r13 = c->r13;
	f->r14 = c->r14;
	f->r15 = c->r15;
	f->rdi = c->di;
	f->rsi = c->si;
	f->rbp = c->bp;
	f->rbx = c->bx;
	f->rdx = c->dx;
	f->rax = c->ax;
	f->rcx = c->cx;
	f->rsp = c->sp;
	f->rip = c->ip;
	f->rflags = (f->rflags & ~FLAGS_USER) | (c->flags & FLAGS_USER);
	f->cs = TRAP_USER_CS;
	f->ss = TRAP_USER_SS;
}

int64_t sys_rt_sigreturn(void)
{
	struct thread *t = current();
	struct trap_frame *f = arch_user_frame(&t->arch);
	struct proc_thread *d = proc_thread(t);
	struct signal_info bad = {.signo = SIGSEGV, .code = SI_KERNEL};
	struct linux_ucontext uc;
	/* The handler's return took pretcode off. */
	uint64_t at = f->rsp - 8;

	if (copy_from_user(&uc, at + offsetof(struct linux_sigframe, uc), sizeof(uc)) ||
	    restore_vector(uc.uc_mcontext.fpstate)) {
		signal_force(SIGSEGV, &bad);
		return 0;
	}
	restore_registers(f, &uc.uc_mcontext);
	f->error = (uint64_t)-1; /* whatever rax holds is not a call's result */
	signal_set_mask(uc.uc_sigmask);
	if (!on_altstack(d, f->rsp)) {
		d->altstack_base = uc.uc_stack.ss_sp;
		d->altstack_size = uc.uc_stack.ss_flags & SS_DISABLE ? 0 : uc.uc_stack.ss_size;
		d->altstack_flags = (uint32_t)uc.uc_stack.ss_flags & SS_AUTODISARM;
	}
	return (int64_t)f->rax;
}
