/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stops: job control of a whole process.
 *
 *	running -> stopping	a thread takes a stop signal (signal_stop): the others are poked
 *	stopping -> stopped	the last thread parks on its way to user mode, or leaves: only then
 *				the parent is told and wait reports it
 *	either -> running	SIGCONT or SIGKILL is sent (signal_resume_locked)
 *
 * p->stopping is what threads obey, p->stopped what others see. Each stop has a number, and a
 * thread that has parked remembers it, so that it is counted once though it may wake and park
 * again. All of it under PROC_TREE. No thread is made in a process that is stopping: clone is
 * restarted after the stop (fork.c).
 *
 * A thread that is traced parks as well, but then it stops for its tracer and goes on when that
 * says so; it obeys no more until the next stop (ptrace.c).
 */
#include "signal_internal.h"

#include <asm-generic/siginfo.h>

static void complete_locked(struct process *p)
{
	if (!p->stopping || p->stopped || p->parked < p->thread_count || !p->thread_count)
		return;
	p->stopped = true;
	p->stop_reported = false;
	p->continue_pending = false;
	/* A parent that traces it hears of the stop of the thread. */
	if (!trace_leader_by_locked(p, p->parent))
		signal_notify_parent_locked(p, CLD_STOPPED, p->stop_signal);
	blocker_wake_all(&p->parent->child_event);
}

static void park_locked(struct process *p, struct proc_thread *d)
{
	if (!p->stopping || d->stop_number == p->stop_number)
		return;
	d->stop_number = p->stop_number;
	p->parked++;
	complete_locked(p);
}

void signal_stop_leave_locked(struct process *p, struct proc_thread *d)
{
	if (d->stop_number == p->stop_number && p->stopping)
		p->parked--;
	complete_locked(p);
}

/* A thread that its tracer lets run takes a stop signal while its process is stopped. */
static void stop_again_locked(struct process *p, int sig)
{
	struct trace *tr = trace_of(current());

	if (tr->tracer && proc_thread(current())->stop_number == p->stop_number) {
		tr->trap |= TRACE_TRAP_STOP;
		tr->trap_signal = sig;
	}
}

void signal_stop(int sig)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t;

	/* A terminal's stop does nothing to a group that nobody could continue. */
	if (sig != SIGSTOP && pgroup_orphaned_locked(p->group, NULL))
		goto out;
	/* A SIGCONT that came after the stop was taken has cancelled it. */
	if (!proc_thread(current())->stop_taken || p->exiting || p->exec_thread)
		goto out;
	if (p->stopping) {
		stop_again_locked(p, sig);
		goto out;
	}
	WRITE_ONCE(p->stop_number, p->stop_number + 1);
	WRITE_ONCE(p->stopping, true);
	p->parked = 0;
	p->stop_signal = sig;
	list_for_each_entry(t, &p->threads, process_link)
		if (t != current())
			signal_poke(t, THREAD_WORK_SIGNAL);
	trace_notify_locked(p);
	if (trace_is_on(trace_of(current())))
		trace_of(current())->trap |= TRACE_TRAP_STOP;
	blocker_wake_all(&p->resume); /* those that have not left the last stop yet */
	park_locked(p, proc_thread(current()));
out:
	spin_unlock_irq(&proc_tree_lock, irq);
	signal_stop_here();
}

/* Until continued; or there is another stop already, in which we count again; or a tracer. */
static void wait_for_continue(struct process *p, const struct proc_thread *d)
{
	WAIT_UNTIL(&p->resume,
		   !READ_ONCE(p->stopping) || READ_ONCE(p->stop_number) != d->stop_number ||
			   trace_is_on(&d->trace),
		   NEVER, WAIT_KILLABLE);
}

void signal_stop_here(void)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	bool traced, trap;
	uint64_t irq;

	while ((READ_ONCE(p->stopping) || READ_ONCE(d->trace.trap)) &&
	       !(READ_ONCE(current()->work) & THREAD_WORK_KILL)) {
		irq = spin_lock_irq(&proc_tree_lock);
		traced = d->trace.tracer != NULL;
		trap = d->trace.trap || (p->stopping && d->stop_number != p->stop_number);
		park_locked(p, d);
		spin_unlock_irq(&proc_tree_lock, irq);
		if (traced && !trap)
			return; /* it has told its tracer, who let it go on */
		if (traced)
			trace_group_stop();
		else
			wait_for_continue(p, d);
	}
}

void signal_resume_locked(struct process *p, bool tell)
{
	bool was_complete = p->stopped;

	if (!p->stopping)
		return;
	p->stopped = false;
	p->stopping = false;
	p->stop_reported = false;
	if (tell) {
		p->continue_pending = true;
		signal_notify_parent_locked(p, was_complete ? CLD_CONTINUED : CLD_STOPPED,
					    was_complete ? SIGCONT : p->stop_signal);
		blocker_wake_all(&p->parent->child_event);
	}
	blocker_wake_all(&p->resume);
}
