/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tracing: ends, of traced threads and of tracers, and the waits of tracers. ptrace.c has the
 * states and the locks.
 *
 * A traced thread that ends leaves its proc_thread to its tracer. For the first thread of a process
 * that is p->leader_trace: it is told when the process is a zombie, and goes when the tracer has
 * waited for it, or with the process. Any other is a corpse: it has its number, and counts in
 * p->corpses, until it is waited for. A process with corpses is not reaped, so they need no
 * reference to it.
 */
#include "proc_internal.h"

#include <lib/errno.h>

#include <asm-generic/siginfo.h>
#include <asm/signal.h>

static bool is_leader(const struct trace *tr)
{
	return tr->tid == tr->process->pid;
}

static void tell_end_locked(struct trace *tr, int status)
{
	trace_tell_locked(tr, status & 0x7f ? CLD_KILLED : CLD_EXITED,
			  status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
}

static void free_locked(struct trace *tr)
{
	trace_unlink_locked(tr, 0);
	proc_thread_free(container_of(tr, struct proc_thread, trace));
}

/* --- the end of a tracee --------------------------------------------------------------------- */

bool trace_end_locked(struct thread *t, int status)
{
	struct process *p = t->process;
	struct trace *tr = trace_of(t);

	if (!tr->tracer)
		return false;
	if (p->exec_thread && t->tid == p->pid) { /* it gives way to another, which has its number
						   */
		trace_unlink_locked(tr, 0);
		return false;
	}
	tr->thread = NULL;
	tr->process = p;
	tr->state = TRACE_DEAD;
	tr->code = p->exiting ? p->exit_status : status;
	if (is_leader(tr)) {
		p->leader_trace = proc_thread(t);
		return true;
	}
	p->corpses++;
	tell_end_locked(tr, tr->code);
	return true;
}

bool trace_leader_by_locked(const struct process *p, const struct process *by)
{
	const struct thread *first =
		list_first_entry_or_null(&p->threads, struct thread, process_link);
	const struct proc_thread *d = p->leader_trace;

	if (!d && first && first->tid == p->pid)
		d = first->proc_data;
	return d && d->trace.tracer && d->trace.tracer->process == by;
}

bool trace_hides_locked(const struct process *p)
{
	return p->leader_trace && p->leader_trace->trace.tracer->process != p->parent;
}

void trace_tell_zombie_locked(struct process *p)
{
	tell_end_locked(&p->leader_trace->trace, p->exit_status);
}

void trace_drop_leader_locked(struct process *p)
{
	if (p->leader_trace)
		free_locked(&p->leader_trace->trace);
	p->leader_trace = NULL;
}

/* What a dead one kept goes. A process that nobody waits for in *dead. */
static void release_locked(struct trace *tr, struct process **dead)
{
	struct process *p = tr->process;
	int32_t tid = tr->tid;

	if (is_leader(tr)) {
		bool parent_next = trace_hides_locked(p);

		trace_drop_leader_locked(p);
		if (!parent_next)
			return;
	} else {
		free_locked(tr);
		pid_release_locked(tid);
		if (--p->corpses)
			return;
	}
	if (p->state == PROC_ZOMBIE && process_tell_end_locked(p))
		*dead = p;
}

/* --- the end of a tracer --------------------------------------------------------------------- */

void trace_leave_locked(struct thread *t, struct list *dead)
{
	struct trace *tr, *next;

	list_for_each_entry_safe(tr, next, &trace_of(t)->tracees, link) {
		struct process *gone = NULL;

		if (tr->state == TRACE_DEAD) {
			release_locked(tr, &gone);
			if (gone)
				list_add_tail(&gone->all_link, dead);
			continue;
		}
		if (tr->options & TRACE_O_EXITKILL)
			signal_send_locked(tr->process, NULL, SIGKILL, NULL);
		/* A signal that the tracer has not heard of is not lost. */
		trace_unlink_locked(tr,
				    tr->unreported && tr->place == TRACE_AT_SIGNAL ? tr->code : 0);
	}
}

/* --- waiting --------------------------------------------------------------------------------- */

static void fill(struct trace *tr, struct wait_result *out, int status)
{
	struct process *p = tr->process;
	struct thread *t = list_first_entry_or_null(&p->threads, struct thread, process_link);
	const struct cred *c = t ? t->cred : p->last_cred;

	out->pid = tr->tid;
	out->uid = c ? c->uid : 0;
	out->status = status;
	out->trapped = tr->state != TRACE_DEAD;
	usage_of_process_locked(p, &out->used);
	usage_add(&out->used, &p->children_used);
}

static bool report_dead_locked(struct trace *tr, unsigned options, struct wait_result *out,
			       struct process **dead)
{
	struct process *p = tr->process;

	if (!(options & WAIT_EXITED))
		return false;
	/* That of our own child is told as a child's. */
	if (is_leader(tr) && (p->state != PROC_ZOMBIE || p->corpses || !trace_hides_locked(p)))
		return false;
	fill(tr, out, is_leader(tr) ? p->exit_status : tr->code);
	if (!(options & WAIT_NOREAP))
		release_locked(tr, dead);
	return true;
}

static bool report_locked(struct trace *tr, unsigned options, struct wait_result *out,
			  struct process **dead)
{
	if (tr->state == TRACE_DEAD)
		return report_dead_locked(tr, options, out, dead);
	if (tr->state != TRACE_STOPPED || !tr->unreported)
		return false;
	fill(tr, out, tr->code << 8 | 0x7f);
	if (!(options & WAIT_NOREAP))
		tr->unreported = false;
	return true;
}

int trace_look_locked(int32_t which, unsigned options, struct wait_result *out,
		      struct process **dead)
{
	struct thread *t;
	struct trace *tr;
	int r = -ECHILD;

	list_for_each_entry(t, &process_current()->threads, process_link)
		list_for_each_entry(tr, &trace_of(t)->tracees, link) {
			if (!wait_selects_locked(tr->process, tr->tid, which))
				continue;
			if (report_locked(tr, options, out, dead))
				return 1;
			r = 0;
		}
	return r;
}
