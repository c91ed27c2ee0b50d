/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing (ptrace): one thread, the tracer, watches and changes others.
 *
 * A thread has at most one tracer. Its struct trace, in its proc_thread, is on the list of its
 * tracer's tracees. The tracer is a thread, not a process: only it may give orders; but all threads
 * of its process may wait for the tracees, which are waited for as children are.
 *
 *	running -> stopped	by the thread itself, at one of the places where it may stop
 *				(ptrace_stop.c): the tracer gets SIGCHLD, its waits are woken
 *	stopped -> running	the tracer resumes it (trace_resume), detaches (trace_unlink_locked)
 *				or ends; or it is to die: then it goes on by itself
 *	stopped -> listening	trace_listen: it stays in the stop of its process but the tracer may
 *				not look at it; a SIGCONT or a trap makes it stop anew
 *	running -> dead		the thread ends. Its proc_thread stays with its tracer until that
 *				has waited for it, with its number (ptrace_end.c)
 *
 * All of it is under PROC_TREE, the looks at registers, too: the orders of a tracer find the thread
 * stopped and do their work with the lock held, which is a copy of at most a vector state. A thread
 * leaves its stop only by the lock, also when it is killed. So nothing that a tracer touches (a
 * kernel stack above all) can go away under it, and a tracer holds up nobody. User memory is copied
 * outside the lock; memory of the thread is reached through its address space (vm_access).
 * Rejected: to freeze the thread for the time of a request, as then SIGKILL has to wait for the
 * tracer's page faults.
 *
 * How a stop meets other ends:
 * - SIGKILL, exit_group, an exec by another thread mark THREAD_WORK_KILL: the wait in a stop is
 *   killable, and no stop begins with the mark set.
 * - a stop of the process (signal_stop.c): the thread is counted as parked when it comes to tell
 *   its tracer of that stop, and goes on when the tracer says so, whatever the process does. A
 *   thread that is stopped for its tracer is counted only after that, as on Linux.
 * - the tracer's exec: its thread stays. Its end, of that thread alone: trace_leave_locked.
 * - an exec of the thread: it takes over the number of the process. The first thread, which gives
 *   way to it, vanishes without a word to its tracer.
 *
 * The waits: a child that another process traces is not seen by its parent until the tracer
 * has waited for its end, and then the parent is told (process_tell_end_locked in exit.c). If it is
 * the parent that traces, one wait serves both. A zombie is kept back while other threads of it are
 * dead and not waited for.
 *
 * What it costs: threads that are not traced test trace_watched at system calls, and else
 * only what they test anyway (thread->work).
 *
 * Rights (access.c): those to look into /proc/PID/mem. A set-id program gives no rights to a
 * program that is traced by somebody without CAP_SYS_PTRACE (exec.c).
 */
#include "signal_internal.h"

#include <arch/thread.h>
#include <lib/errno.h>
#include <vm/space.h>

#include <asm-generic/siginfo.h>
#include <linux/capability.h>

uint32_t trace_watched;

void trace_init(struct trace *tr)
{
	list_init(&tr->link);
	list_init(&tr->tracees);
	blocker_init(&tr->resume);
}

struct trace *trace_of(struct thread *t)
{
	return &proc_thread(t)->trace;
}

/* --- begin and end --------------------------------------------------------------------------- */

static void link_locked(struct thread *t, struct thread *tracer, bool seize, bool capable,
			uint32_t options)
{
	struct trace *tr = trace_of(t);

	tr->thread = t;
	tr->process = t->process;
	tr->tid = t->tid;
	tr->seized = seize;
	tr->capable = capable;
	tr->options = options;
	tr->trap = 0;
	tr->trap_signal = 0;
	tr->message = 0;
	tr->syscalls = tr->step = false;
	WRITE_ONCE(tr->tracer, tracer);
	list_add_tail(&tr->link, &trace_of(tracer)->tracees);
	__atomic_fetch_add(&trace_watched, 1, __ATOMIC_SEQ_CST);
}

static void take_step_locked(struct trace *tr)
{
	if (tr->forced_step)
		arch_set_user_step(tr->thread, false);
	tr->forced_step = false;
}

static void go_on_locked(struct trace *tr, int sig)
{
	tr->resume_signal = sig;
	WRITE_ONCE(tr->state, TRACE_RUNNING);
	blocker_wake_all(&tr->resume);
}

void trace_unlink_locked(struct trace *tr, int sig)
{
	list_del(&tr->link);
	WRITE_ONCE(tr->tracer, NULL);
	tr->syscalls = tr->step = false;
	tr->trap = 0;
	__atomic_fetch_sub(&trace_watched, 1, __ATOMIC_SEQ_CST);
	if (tr->state == TRACE_DEAD)
		return;
	if (tr->state != TRACE_RUNNING) {
		take_step_locked(tr);
		go_on_locked(tr, sig);
	}
	/* Does the process stand still? Then it stands with it again. */
	if (tr->process->stopping)
		signal_poke(tr->thread, THREAD_WORK_SIGNAL);
}

/* Who made the process, or another thread of its parent. */
static struct thread *parent_thread_locked(const struct process *p)
{
	struct thread *t = thread_find_locked(p->parent_tid);

	if (!p->parent)
		return NULL;
	if (t && t->process == p->parent)
		return t;
	return list_first_entry_or_null(&p->parent->threads, struct thread, process_link);
}

int trace_me(void)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *parent = parent_thread_locked(process_current());
	int r = trace_of(current())->tracer ? -EPERM : 0;

	/* A parent that is about to end traces nobody, but that is no error. */
	if (!r && parent && !proc_thread(parent)->leaving)
		/* It is we who ask: the parent's rights, which it may have for a while only, do not
		 * count. */
		link_locked(current(), parent, false, cred_capable(current()->cred, CAP_SYS_PTRACE),
			    0);
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static int attach_locked(struct thread *t, bool seize, uint32_t options)
{
	static const struct signal_info stop = {.signo = SIGSTOP, .code = SI_KERNEL};
	struct process *p = t->process;

	if (p == process_current() || !thread_may_trace_locked(t) || trace_of(t)->tracer)
		return -EPERM;
	link_locked(t, current(), seize, cred_capable(current()->cred, CAP_SYS_PTRACE), options);
	if (!seize)
		signal_send_locked(p, t, SIGSTOP, &stop);
	/* It may be parked in a stop of its process, which its tracer hears of. */
	if (p->stopping && proc_thread(t)->stop_number == p->stop_number) {
		trace_of(t)->trap |= TRACE_TRAP_STOP;
		signal_poke(t, THREAD_WORK_SIGNAL);
		blocker_wake_all(&p->resume);
	}
	return 0;
}

int trace_attach(int32_t tid, bool seize, uint32_t options)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(tid);
	int r;

	if (t && !list_empty(&t->process_link))
		r = attach_locked(t, seize, options);
	else
		r = process_find_locked(tid) ? -EPERM : -ESRCH; /* ended, but still there */
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

void trace_inherit_locked(struct thread *child)
{
	const struct trace *mine = trace_of(current());
	struct proc_thread *d = proc_thread(child);

	if (!mine->tracer)
		return;
	link_locked(child, mine->tracer, mine->seized, mine->capable, mine->options);
	/* It stops before it runs; nobody else can have sent it anything yet. */
	if (mine->seized)
		d->trace.trap = TRACE_TRAP_STOP;
	else
		d->pending.set |= SIGBIT(SIGSTOP);
	child->work |= THREAD_WORK_SIGNAL;
}

/* --- orders ---------------------------------------------------------------------------------- */

static struct trace *mine_locked(int32_t tid)
{
	struct thread *t = thread_find_locked(tid);
	struct trace *tr = t && !list_empty(&t->process_link) ? trace_of(t) : NULL;

	return tr && tr->tracer == current() ? tr : NULL;
}

/* My tracee that stands still, and will until this lock is released. */
static struct trace *stopped_locked(int32_t tid)
{
	struct trace *tr = mine_locked(tid);

	return tr && tr->state == TRACE_STOPPED && !(READ_ONCE(tr->thread->work) & THREAD_WORK_KILL)
		       ? tr
		       : NULL;
}

int trace_with(int32_t tid, int (*fn)(struct thread *t, void *arg), void *arg)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct trace *tr = stopped_locked(tid);
	int r = tr ? fn(tr->thread, arg) : -ESRCH;

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static int get_space(struct thread *t, void *out)
{
	struct vm_space *s = t->process->space;

	/* It may have become a program that its tracer must not read. */
	if (!t->process->dumpable && !trace_of(t)->capable)
		return -EIO;
	*(struct vm_space **)out = s ? vm_space_get(s) : NULL;
	return s ? 0 : -ESRCH;
}

int trace_space(int32_t tid, struct vm_space **out)
{
	return trace_with(tid, get_space, out);
}

int trace_resume(int32_t tid, enum trace_how how, int sig)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct trace *tr = stopped_locked(tid);

	if (tr) {
		tr->syscalls = how == TRACE_SYSCALLS;
		tr->step = how == TRACE_STEP;
		if (!tr->step) {
			take_step_locked(tr);
		} else if (!arch_user_step(tr->thread)) {
			arch_set_user_step(tr->thread, true);
			tr->forced_step = true;
		}
		go_on_locked(tr, sig);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return tr ? 0 : -ESRCH;
}

int trace_detach(int32_t tid, int sig)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct trace *tr = stopped_locked(tid);

	if (tr)
		trace_unlink_locked(tr, sig);
	spin_unlock_irq(&proc_tree_lock, irq);
	return tr ? 0 : -ESRCH;
}

int trace_kill(int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct trace *tr;
	int r = -ESRCH;

	list_for_each_entry(tr, &trace_of(current())->tracees, link)
		if (tr->tid == tid) {
			if (tr->state != TRACE_DEAD)
				signal_send_locked(tr->process, NULL, SIGKILL, NULL);
			r = 0;
			break;
		}
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

/* From a listening one the trap comes at once. */
static void trap_locked(struct trace *tr, unsigned trap)
{
	tr->trap |= trap;
	if (tr->state == TRACE_LISTENING)
		go_on_locked(tr, 0);
	signal_poke(tr->thread, THREAD_WORK_SIGNAL);
}

int trace_interrupt(int32_t tid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct trace *tr = mine_locked(tid);
	int r = !tr ? -ESRCH : tr->seized ? 0 : -EIO;

	if (!r)
		trap_locked(tr, TRACE_TRAP_STOP);
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static int listen(struct thread *t, void *arg)
{
	struct trace *tr = trace_of(t);

	if (!tr->seized || tr->place != TRACE_AT_GROUP)
		return -EIO;
	WRITE_ONCE(tr->state, TRACE_LISTENING);
	if (tr->trap & TRACE_TRAP_NOTIFY)
		go_on_locked(tr, 0);
	return 0;
}

int trace_listen(int32_t tid)
{
	return trace_with(tid, listen, NULL);
}

void trace_notify_locked(struct process *p)
{
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link) {
		struct trace *tr = trace_of(t);

		if (tr->tracer && tr->seized)
			trap_locked(tr, TRACE_TRAP_NOTIFY);
	}
}

/* --- signals of a tracee --------------------------------------------------------------------- */

sigset64_t trace_get_mask(struct thread *t)
{
	const struct proc_thread *d = proc_thread(t);

	return d->restore_saved ? d->saved_mask : d->blocked;
}

void trace_set_mask(struct thread *t, sigset64_t mask)
{
	struct proc_thread *d = proc_thread(t);
	struct process *p = t->process;
	struct thread *other;
	sigset64_t left;

	spin_lock(&p->signals.lock);
	left = p->signals.shared.set & mask & ~d->blocked;
	d->blocked = mask & ~UNBLOCKABLE;
	d->restore_saved = false;
	/* What it does not block any more is for it to take, what it blocks now for others; nobody
	 * else's wait is to end for nothing. */
	signal_poke(t, THREAD_WORK_SIGNAL);
	list_for_each_entry(other, &p->threads, process_link)
		if (other != t && left & ~proc_thread(other)->blocked)
			signal_poke(other, THREAD_WORK_SIGNAL);
	spin_unlock(&p->signals.lock);
}

unsigned trace_peek_signals(struct thread *t, bool shared, uint64_t skip, unsigned n,
			    struct signal_info *out)
{
	struct process *p = t->process;
	struct signal_pending *from = shared ? &p->signals.shared : &proc_thread(t)->pending;
	struct signal_queued *q;
	unsigned got = 0;

	spin_lock(&p->signals.lock);
	list_for_each_entry(q, &from->queue, link) {
		if (skip) {
			skip--;
			continue;
		}
		if (got == n)
			break;
		out[got] = q->info;
		out[got++].timer = NULL; /* whose reference is not ours */
	}
	spin_unlock(&p->signals.lock);
	return got;
}
