/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registers of a traced thread: struct user and the sets of registers, as Linux on x86-64 has them.
 *
 * What a tracer stores is hostile: the flags are masked, selectors must be the program's own, the
 * bases lie in the user half, MXCSR and the header of the vector state are checked. Addresses are
 * only ever used in user mode: a bad one faults there (user_iret in entry.S).
 *
 * There are no hardware breakpoints: the debug registers are 0, and may be set to that.
 */
#include "ptrace_regs.h"

#include <arch/page.h>
#include <arch/thread.h>
#include <arch/vector.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>

#include <linux/elf.h>

#define SYSCALL_VECTOR 256
#define FLAGS_USER     0x54dd5UL /* CF PF AF ZF SF TF DF OF NT RF AC: what a program may set */
#define FLAG_STEP      0x100UL

/* Places in struct user_regs_struct. */
enum {
	R15,
	R14,
	R13,
	R12,
	RBP,
	RBX,
	R11,
	R10,
	R9,
	R8,
	RAX,
	RCX,
	RDX,
	RSI,
	RDI,
	ORIG_RAX,
	RIP,
	CS,
	EFLAGS,
	RSP,
	SS,
	FS_BASE,
	GS_BASE,
	DS,
	ES,
	FS,
	GS
};

/* struct user: the registers, then much that is 0, then the debug registers. */
#define USER_DEBUG_FIRST 848
#define USER_DEBUG_LAST	 (USER_DEBUG_FIRST + 7 * 8)
#define USER_SIZE	 928

/* The words that are plain fields of the frame. */
static uint64_t *plain(struct trap_frame *f, unsigned i)
{
	if (i <= RDI)
		return &f->r15 + i; /* in the same order */
	return i == RIP ? &f->rip : i == RSP ? &f->rsp : NULL;
}

static uint64_t get_flags(struct thread *t)
{
	uint64_t flags = arch_user_frame(&t->arch)->rflags;

	/* The tracer's own stepping is not the program's. */
	return trace_of(t)->forced_step ? flags & ~FLAG_STEP : flags;
}

static void set_flags(struct thread *t, uint64_t value)
{
	struct trap_frame *f = arch_user_frame(&t->arch);

	if (value & FLAG_STEP)
		trace_of(t)->forced_step = false;
	else if (trace_of(t)->forced_step)
		value |= FLAG_STEP;
	f->rflags = (f->rflags & ~FLAGS_USER) | (value & FLAGS_USER);
}

uint64_t ptrace_get_reg(struct thread *t, unsigned i)
{
	struct trap_frame *f = arch_user_frame(&t->arch);
	uint64_t *at = plain(f, i);

	if (at)
		return *at;
	switch (i) {
	case ORIG_RAX:
		return f->vector == SYSCALL_VECTOR ? f->error : (uint64_t)-1;
	case CS:
		return f->cs;
	case EFLAGS:
		return get_flags(t);
	case SS:
		return f->ss;
	case FS_BASE:
		return t->arch.fs_base;
	case GS_BASE:
		return t->arch.gs_base;
	default:
		return 0; /* ds, es, fs, gs */
	}
}

/* The number of the call under way, -1: none. It decides whether a call runs again. */
static void set_call(struct trap_frame *f, uint64_t value)
{
	if (f->vector != SYSCALL_VECTOR && value == (uint64_t)-1)
		return;
	f->vector = SYSCALL_VECTOR;
	f->error = value;
}

int ptrace_set_reg(struct thread *t, unsigned i, uint64_t value)
{
	struct trap_frame *f = arch_user_frame(&t->arch);
	uint64_t *at = plain(f, i);

	if (at) {
		*at = value;
		return 0;
	}
	switch (i) {
	case ORIG_RAX:
		set_call(f, value);
		return 0;
	case EFLAGS:
		set_flags(t, value);
		return 0;
	case FS_BASE:
	case GS_BASE:
		if (value >= USER_END)
			return -EIO;
		*(i == FS_BASE ? &t->arch.fs_base : &t->arch.gs_base) = value;
		return 0;
	case CS:
	case SS:
		return (uint16_t)value == (i == CS ? TRAP_USER_CS : TRAP_USER_SS) ? 0 : -EIO;
	default:
		return (uint16_t)value ? -EIO : 0;
	}
}

/* --- struct user ----------------------------------------------------------------------------- */

int ptrace_peek_user(struct thread *t, uint64_t offset, uint64_t *value)
{
	if (offset % 8 || offset >= USER_SIZE)
		return -EIO;
	*value = offset < USER_REGS * 8 ? ptrace_get_reg(t, (unsigned)offset / 8) : 0;
	return 0;
}

int ptrace_poke_user(struct thread *t, uint64_t offset, uint64_t value)
{
	if (offset % 8 || offset >= USER_SIZE)
		return -EIO;
	if (offset < USER_REGS * 8)
		return ptrace_set_reg(t, (unsigned)offset / 8, value);
	if (offset < USER_DEBUG_FIRST || offset > USER_DEBUG_LAST)
		return -EIO;
	return value ? -ENOSPC : 0; /* as where all breakpoints are taken */
}

/* --- sets ------------------------------------------------------------------------------------ */

#define OLD_VECTOR_SIZE 512
#define VECTOR_SOFTWARE 464 /* words of the area that are the system's: here the components */

int64_t ptrace_regset_size(unsigned type)
{
	switch (type) {
	case NT_PRSTATUS:
		return USER_REGS * 8;
	case NT_PRFPREG:
		return OLD_VECTOR_SIZE;
	case NT_X86_XSTATE:
		return vector_mask() ? (int64_t)vector_size() : -EINVAL;
	default:
		return -EINVAL;
	}
}

void ptrace_regset_get(struct thread *t, unsigned type, void *out)
{
	uint64_t *words = out;

	if (type == NT_PRSTATUS) {
		for (unsigned i = 0; i < USER_REGS; i++)
			words[i] = ptrace_get_reg(t, i);
		return;
	}
	vector_export(t->arch.vector_state, out);
	if (type == NT_X86_XSTATE) {
		memset((char *)out + VECTOR_SOFTWARE, 0, OLD_VECTOR_SIZE - VECTOR_SOFTWARE);
		words[VECTOR_SOFTWARE / 8] = vector_mask();
	}
}

int ptrace_regset_set(struct thread *t, unsigned type, const void *in, size_t size)
{
	const uint64_t *words = in;
	int r = 0;

	if (type == NT_PRSTATUS) {
		for (unsigned i = 0; !r && i < size / 8; i++)
			r = ptrace_set_reg(t, i, words[i]);
		return r;
	}
	/* All of it or nothing. */
	if (size != (size_t)ptrace_regset_size(type))
		return type == NT_PRFPREG ? -EINVAL : -EFAULT;
	return vector_import(t->arch.vector_state, in, size);
}
