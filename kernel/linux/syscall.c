/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System call dispatch, and the way back to user mode. The table is generated from syscalls.tbl.
 *
 * A call that a signal cut short returns one of the ERESTART codes. They never reach the program:
 * syscall_finish() marks work, and the way back (kernel_user_return, signal_frame.c) makes it
 * either -EINTR or another run of the call, depending on what the signal did.
 */
#include "restart.h"
#include "trace.h"

#include <arch/enter.h>
#include <base/count.h>
#include <lib/errno.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_table.inc>

static const struct syscall_entry *find(uint64_t nr)
{
	if (nr <= SYSCALL_MAX)
		return &syscall_linux_table[nr];
	if (nr >= SYSCALL_NATIVE_FIRST && nr <= SYSCALL_NATIVE_MAX)
		return &syscall_native_table[nr - SYSCALL_NATIVE_FIRST];
	return NULL;
}

const char *syscall_name(uint64_t nr)
{
	const struct syscall_entry *e = find(nr);

	return e ? e->name : NULL;
}

/* The same while somebody is traced. The tracer may change the call, or leave it out (-1). */
static __noinline void watched_syscall(struct trap_frame *f)
{
	const struct syscall_entry *e;
	int64_t r;

	f->rax = (uint64_t)-ENOSYS;
	if (trace_syscall_enter() && f->error != (uint64_t)-1) {
		const uint64_t args[6] = {f->rdi, f->rsi, f->rdx, f->r10, f->r8, f->r9};
		uint64_t nr = f->error;

		e = find(nr);
		r = e && e->call ? e->call(f) : -ENOSYS;
		if (syscall_tracing)
			syscall_trace(e ? e->name : NULL, e ? e->args : "", nr, args, r);
		f->rax = (uint64_t)r;
	}
	if (is_restart((int64_t)f->rax))
		__atomic_or_fetch(&current()->work, THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
}

void kernel_syscall(struct trap_frame *f)
{
	const struct syscall_entry *e = find(f->rax);
	struct counts began = count_begin();
	unsigned nr = (unsigned)f->rax;
	int64_t r = -ENOSYS;

	if (trace_watching()) {
		watched_syscall(f);
		return;
	}
	if (e && e->call)
		r = e->call(f);
	count_end(began, nr);
	f->rax = (uint64_t)r;
	if (unlikely(is_restart(r)))
		__atomic_or_fetch(&current()->work, THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
}

int64_t sys_restart_syscall(void)
{
	struct proc_thread *d = proc_thread(current());

	return d->restart ? d->restart(d) : -EINTR;
}
