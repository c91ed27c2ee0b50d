/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: what a thread does with its own: its mask, taking what is pending, default actions.
 * Sending and the rules of who looks are in signal_send.c, stops in signal_stop.c.
 *
 * A thread changes its mask under the signal lock, and what it blocks newly is handed on
 * (signal_retarget). THREAD_WORK_SIGNAL is cleared first and set again if there is something to
 * look at, so that what comes in between is not lost: whoever pokes changes the state before.
 */
#include "signal_internal.h"

#include <base/panic.h>

#include <asm-generic/siginfo.h>

/* --- the current thread's side -----------------------------------------------------------------
 */

sigset64_t signal_pending_set(void)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&p->signals.lock);
	sigset64_t set = p->signals.shared.set | proc_thread(current())->pending.set;

	spin_unlock_irq(&p->signals.lock, irq);
	return set;
}

/* Is the thread to stop: with its process, in whose stop it does not count yet, or for its tracer?
 */
static bool must_stop(const struct process *p, const struct proc_thread *d)
{
	if (!trace_is_on(&d->trace))
		return READ_ONCE(p->stopping);
	return READ_ONCE(d->trace.trap) ||
	       (READ_ONCE(p->stopping) && d->stop_number != READ_ONCE(p->stop_number));
}

/* Holds the signal lock. */
static void recompute_locked(void)
{
	struct thread *t = current();
	struct proc_thread *d = proc_thread(t);
	struct process *p = t->process;
	sigset64_t set = p->signals.shared.set | d->pending.set;

	__atomic_and_fetch(&t->work, ~(uint32_t)THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
	if (set & (~d->blocked | UNBLOCKABLE) || READ_ONCE(p->exiting) || must_stop(p, d))
		__atomic_or_fetch(&t->work, THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
}

void signal_recompute(void)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&p->signals.lock);

	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
}

void signal_set_mask(sigset64_t mask)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	uint64_t irq = spin_lock_irq(&p->signals.lock);
	sigset64_t newly = mask & ~UNBLOCKABLE & ~d->blocked;

	d->blocked = mask & ~UNBLOCKABLE;
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
	if (newly)
		signal_retarget(newly);
}

void signal_leave(void)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	uint64_t irq = spin_lock_irq(&p->signals.lock);

	d->leaving = true;
	spin_unlock_irq(&p->signals.lock, irq);
	signal_retarget(~d->blocked);
}

void signal_await(sigset64_t set)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	uint64_t irq = spin_lock_irq(&p->signals.lock);
	sigset64_t again;

	again = d->awaited & ~set;
	d->blocked |= d->awaited;
	d->awaited = d->blocked & set;
	d->blocked &= ~set;
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
	/* What came for us besides the one we take is for others that wait. */
	if (again)
		signal_retarget(again);
}

bool signal_pending_current(void)
{
	return READ_ONCE(current()->work) & (THREAD_WORK_SIGNAL | THREAD_WORK_KILL);
}

bool signal_is_ignored_or_blocked(int sig)
{
	struct process *p = process_current();

	return proc_thread(current())->blocked & SIGBIT(sig) ||
	       READ_ONCE(p->signals.actions->table[sig - 1].handler) == 1;
}

/* Synchronous faults first, then by number, as Linux has it. */
static int first_of(sigset64_t set)
{
	static const sigset64_t synchronous = SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) |
					      SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS);

	return __builtin_ctzll(set & synchronous ? set & synchronous : set) + 1;
}

/* Holds the signal lock: a signal in `set` out of the thread's or the process's pending ones, or 0.
 */
static int take_any_locked(sigset64_t set, struct signal_info *info)
{
	struct signal_pending *own = &proc_thread(current())->pending;
	struct signal_pending *shared = &process_current()->signals.shared;
	struct signal_pending *from = own->set & set ? own : shared;
	int sig;

	if (!(from->set & set))
		return 0;
	sig = first_of(from->set & set);
	signal_remove(from, sig, info);
	return sig;
}

int signal_take(sigset64_t set, struct signal_info *info)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&p->signals.lock);
	int sig = take_any_locked(set & ~UNBLOCKABLE, info);

	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
	if (sig)
		posix_timer_taken(info);
	return sig;
}

/* The action for a signal that is being taken; once, if it asks for that. */
static void take_action(struct process *p, int sig, struct signal_action *action)
{
	struct signal_actions *all = p->signals.actions;
	struct signal_action *a = &all->table[sig - 1];

	spin_lock(&all->lock);
	*action = *a;
	if (a->handler > 1 && a->flags & SA_RESETHAND)
		a->handler = 0;
	spin_unlock(&all->lock);
}

static void end_if_asked(struct process *p)
{
	struct thread *exec = READ_ONCE(p->exec_thread);

	if (READ_ONCE(p->exiting) || (exec && exec != current()))
		process_exit_thread(READ_ONCE(p->exit_status));
}

/* Take the next one, and what to do about it unless a tracer has a say in that. */
static int dequeue(struct process *p, struct signal_info *info, struct signal_action *action,
		   bool *traced)
{
	struct proc_thread *d = proc_thread(current());
	uint64_t irq = spin_lock_irq(&p->signals.lock);
	int sig = take_any_locked(~d->blocked | UNBLOCKABLE, info);

	*traced = trace_is_on(&d->trace);
	if (sig && !*traced)
		take_action(p, sig, action);
	/* Only SIGCONT takes this back; a tracer may make a stop of any signal. */
	if (sig && sig != SIGCONT && (SIGBIT(sig) & STOP_SIGNALS || *traced))
		d->stop_taken = true;
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
	if (sig)
		posix_timer_taken(info);
	return sig;
}

bool signal_dequeue(struct signal_info *info, struct signal_action *action)
{
	struct process *p = process_current();
	bool traced;
	uint64_t irq;
	int sig;

	do {
		end_if_asked(p);
		sig = dequeue(p, info, action, &traced);
		if (!sig || !traced)
			return sig != 0;
		sig = trace_signal(info);
	} while (!sig);
	irq = spin_lock_irq(&p->signals.lock);
	take_action(p, sig, action);
	spin_unlock_irq(&p->signals.lock, irq);
	return true;
}

void signal_default(const struct signal_info *info)
{
	int sig = info->signo;

	if (signal_default_ignores(sig) || process_current()->pid == 1)
		return;
	if (SIGBIT(sig) & STOP_SIGNALS) {
		signal_stop(sig);
		return;
	}
	process_exit_group(sig);
}

void signal_force(int sig, const struct signal_info *info)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	struct signal_action *a;
	uint64_t irq;

	assert(sig >= 1 && sig <= SIGNAL_COUNT);
	a = &p->signals.actions->table[sig - 1];
	irq = spin_lock_irq(&p->signals.lock);
	/* Nobody to tell about it: end the process, as if the action were the default. */
	if (d->blocked & SIGBIT(sig) || a->handler <= 1) {
		spin_lock(&p->signals.actions->lock);
		a->handler = 0;
		spin_unlock(&p->signals.actions->lock);
		d->blocked &= ~SIGBIT(sig);
		if (p->pid == 1 && !trace_is_on(&d->trace)) {
			spin_unlock_irq(&p->signals.lock, irq);
			process_exit_group(sig);
		}
	}
	signal_add(&d->pending, sig, info, current()->cred->user, UINT64_MAX);
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
}
