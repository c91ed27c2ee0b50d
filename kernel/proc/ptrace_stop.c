/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing: the side of the traced thread, which stops by itself where its tracer wants to know.
 * ptrace.c has the states and the locks.
 *
 * The places: before a signal is taken (signal_dequeue), at the begin and the end of a system call,
 * at events inside of one (fork and others, exec, the end of the thread), when its process stops
 * or a trap was asked for (signal_stop_here), and at the first instruction of a handler that a
 * step led into. The registers of the program are on the kernel stack at all of them.
 *
 * Before it stops, the thread writes its vector registers back, so that its tracer sees and
 * changes what is in memory; when it goes on, what may have been changed is loaded.
 *
 * The end of a system call is told only if the tracer resumed the thread so at the call's begin or
 * at an event inside of it: then the thread marks THREAD_WORK_TRACE, which is looked at on the
 * way to user mode, before signals and before the call is restarted.
 */
#include "signal_internal.h"

#include <arch/thread.h>
#include <arch/vector.h>

#include <asm-generic/siginfo.h>

static struct trace *mine(void)
{
	return &proc_thread(current())->trace;
}

void trace_tell_locked(struct trace *tr, int code, int status)
{
	struct process *to = tr->tracer->process;
	const struct signal_action *a = &to->signals.actions->table[SIGCHLD - 1];
	struct signal_info info = {
		.signo = SIGCHLD, .code = code, .pid = tr->tid, .status = status};
	const struct thread *t = tr->thread ? tr->thread
					    : list_first_entry_or_null(&tr->process->threads,
								       struct thread, process_link);
	const struct cred *c = t ? t->cred : tr->process->last_cred;
	bool ends = code == CLD_EXITED || code == CLD_KILLED;

	info.uid = c ? c->uid : 0;
	if (ends || (READ_ONCE(a->handler) != 1 && !(READ_ONCE(a->flags) & SA_NOCLDSTOP)))
		signal_send_locked(to, NULL, SIGCHLD, &info);
	blocker_wake_all(&to->child_event);
}

static void enter_locked(struct trace *tr, enum trace_place place, int code, uint64_t message,
			 const struct signal_info *info)
{
	tr->place = place;
	tr->code = code;
	tr->message = message;
	tr->has_info = info != NULL;
	if (info)
		tr->info = *info;
	tr->trap &= ~(unsigned)TRACE_TRAP_STOP;
	if (code >> 8 == TRACE_STOP)
		tr->trap = 0;
	tr->unreported = true;
	tr->resume_signal = 0;
	WRITE_ONCE(tr->state, TRACE_STOPPED);
	trace_tell_locked(tr, place == TRACE_AT_GROUP ? CLD_STOPPED : CLD_TRAPPED, code & 0x7f);
}

/* Resumed, or to die. Returns the signal to go on with. */
static int leave_locked(struct trace *tr, struct signal_info *info)
{
	int sig = tr->state == TRACE_RUNNING ? tr->resume_signal : 0;

	WRITE_ONCE(tr->state, TRACE_RUNNING);
	tr->unreported = false;
	if (tr->has_info && info)
		*info = tr->info;
	tr->has_info = false;
	/* Another signal than the one that came: it is from the tracer. */
	if (info && tr->place == TRACE_AT_SIGNAL && sig && sig != info->signo) {
		*info = (struct signal_info){.signo = sig, .code = SI_USER};
		if (tr->tracer) {
			info->pid = tr->tracer->process->pid;
			info->uid = tr->tracer->cred->uid;
		}
	}
	return sig;
}

/*
 * What a stop with its process is to be told as: chosen in the moment of stopping, so that a
 * SIGCONT is either seen here or comes to one that has stopped. 0: there is nothing to tell.
 */
static int group_code_locked(struct trace *tr, struct signal_info *info)
{
	struct process *p = tr->process;
	int sig = !p->stopping ? 0 : tr->trap_signal ? tr->trap_signal : p->stop_signal;

	tr->trap_signal = 0;
	/* Without SEIZE only stops of the process are told, if they last until now. */
	if (!tr->seized) {
		tr->trap = 0;
		return sig;
	}
	info->signo = sig ? sig : SIGTRAP;
	info->code = info->signo | TRACE_STOP << 8;
	return info->code;
}

/* Stop for the tracer. Returns the signal it resumes with; without a tracer the one it would see.
 */
static int stop(enum trace_place place, int code, uint64_t message, struct signal_info *info)
{
	struct trace *tr = mine();
	uint64_t irq;
	bool again;
	int sig;

	vector_flush();
	irq = spin_lock_irq(&proc_tree_lock);
	if (!tr->tracer || READ_ONCE(current()->work) & THREAD_WORK_KILL) {
		spin_unlock_irq(&proc_tree_lock, irq);
		return place == TRACE_AT_SIGNAL ? code : 0;
	}
	if (place == TRACE_AT_GROUP) {
		code = group_code_locked(tr, info);
		info = tr->seized ? info : NULL;
		if (!code) {
			spin_unlock_irq(&proc_tree_lock, irq);
			return 0;
		}
	}
	enter_locked(tr, place, code, message, info);
	spin_unlock_irq(&proc_tree_lock, irq);
	WAIT_UNTIL(&tr->resume, READ_ONCE(tr->state) == TRACE_RUNNING, NEVER, WAIT_KILLABLE);
	irq = spin_lock_irq(&proc_tree_lock);
	sig = leave_locked(tr, info);
	again = tr->syscalls || tr->step;
	spin_unlock_irq(&proc_tree_lock, irq);
	arch_reload_user();
	if (again && (place == TRACE_AT_ENTRY || place == TRACE_AT_EVENT))
		__atomic_or_fetch(&current()->work, THREAD_WORK_TRACE, __ATOMIC_SEQ_CST);
	return sig;
}

/* A stop whose siginfo says no more than what stop it is. */
static int notify(enum trace_place place, int sig, int code, uint64_t message)
{
	struct signal_info info = {.signo = sig, .code = code};

	info.pid = current()->tid;
	info.uid = current()->cred->uid;
	/* As siginfo has them, at the place of the address of a trap. */
	info.address = (uint32_t)info.pid | (uint64_t)info.uid << 32;
	return stop(place, code, message, &info);
}

/* --- system calls ---------------------------------------------------------------------------- */

static void at_syscall(enum trace_place place, uint64_t message)
{
	int code = SIGTRAP | (mine()->options & TRACE_O_SYSGOOD ? 0x80 : 0);
	int sig = notify(place, SIGTRAP, code, message);
	struct signal_info info = {.signo = sig, .code = SI_KERNEL};

	if (sig)
		signal_send_thread(current(), sig, &info);
}

bool trace_syscall_enter(void)
{
	const struct trace *tr = mine();

	if (!trace_is_on(tr))
		return true;
	if (READ_ONCE(tr->syscalls))
		at_syscall(TRACE_AT_ENTRY, TRACE_MESSAGE_ENTRY);
	else if (READ_ONCE(tr->step))
		__atomic_or_fetch(&current()->work, THREAD_WORK_TRACE, __ATOMIC_SEQ_CST);
	return !(READ_ONCE(current()->work) & THREAD_WORK_KILL);
}

void trace_syscall_exit(void)
{
	const struct trace *tr = mine();
	struct signal_info step = {.signo = SIGTRAP,
				   .code = TRAP_BRKPT,
				   .address = arch_user_frame(&current()->arch)->rip};

	__atomic_and_fetch(&current()->work, ~(uint32_t)THREAD_WORK_TRACE, __ATOMIC_SEQ_CST);
	if (!trace_is_on(tr))
		return;
	if (READ_ONCE(tr->step))
		signal_force(SIGTRAP, &step);
	else if (READ_ONCE(tr->syscalls))
		at_syscall(TRACE_AT_EXIT, TRACE_MESSAGE_EXIT);
}

/* --- events ---------------------------------------------------------------------------------- */

bool trace_wants(enum trace_event event)
{
	const struct trace *tr = mine();

	return trace_is_on(tr) && READ_ONCE(tr->options) & 1U << event;
}

void trace_event(enum trace_event event, uint64_t message)
{
	if (trace_wants(event))
		notify(TRACE_AT_EVENT, SIGTRAP, SIGTRAP | (int)event << 8, message);
}

void trace_exit_event(int status)
{
	struct trace *tr = mine();

	if (!trace_is_on(tr) || tr->exit_told)
		return;
	tr->exit_told = true;
	trace_event(TRACE_EXIT, (uint64_t)status);
}

void trace_exec(int32_t old_tid)
{
	struct trace *tr = mine();
	struct signal_info info = {.signo = SIGTRAP, .code = SI_USER};

	tr->forced_step = false; /* the registers are new */
	if (!trace_is_on(tr))
		return;
	if (trace_wants(TRACE_EXEC)) {
		trace_event(TRACE_EXEC, (uint64_t)old_tid);
	} else if (!tr->seized) {
		info.pid = process_current()->pid;
		info.uid = current()->cred->uid;
		signal_send_thread(current(), SIGTRAP, &info);
	}
}

/* --- signals and steps ----------------------------------------------------------------------- */

int trace_signal(struct signal_info *info)
{
	int sig = stop(TRACE_AT_SIGNAL, info->signo, 0, info);

	if (sig && proc_thread(current())->blocked & SIGBIT(sig)) {
		signal_send_thread(current(), sig, info);
		sig = 0;
	}
	return sig;
}

bool trace_before_handler(void)
{
	struct trace *tr = mine();
	uint64_t irq;
	bool step;

	if (!trace_is_on(tr))
		return false;
	irq = spin_lock_irq(&proc_tree_lock);
	step = tr->tracer && tr->step;
	if (tr->forced_step)
		arch_set_user_step(current(), false);
	tr->forced_step = false;
	spin_unlock_irq(&proc_tree_lock, irq);
	return step;
}

void trace_after_handler(void)
{
	notify(TRACE_AT_STEP, SIGTRAP, SIGTRAP, 0);
}

bool trace_drop_step(void)
{
	struct trace *tr = mine();
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	bool stale = !tr->tracer && tr->forced_step;

	if (stale) {
		arch_set_user_step(current(), false);
		tr->forced_step = false;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return stale;
}

void trace_group_stop(void)
{
	notify(TRACE_AT_GROUP, 0, 0, 0);
}
