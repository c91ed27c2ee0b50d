/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: sending, pending sets, masks.
 *
 * A signal is pending for a thread or for a process (any thread). Standard signals are pending
 * once, with the first siginfo; real-time ones queue. Sending decides at once what can be decided:
 * an ignored and unblocked signal vanishes; SIGCONT resumes and cancels pending stops, a stop
 * cancels pending SIGCONTs; SIGKILL goes to every thread. Everything else is left to the thread
 * that takes the signal (signal_dequeue) on its way to user mode.
 *
 * The hint: THREAD_WORK_SIGNAL in thread->work says that looking is worth while. It is set by
 * senders after the pending bit and cleared only by the thread itself, under the lock, when
 * nothing unblocked is pending.
 *
 * Lock: the process's signals.lock (SIGNAL), inside PROC_TREE. Interrupts are off, since terminals
 * and timers send.
 */
#include "proc_internal.h"

#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

#include <asm-generic/siginfo.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/resource.h>

#define RT_FIRST	   32
#define STOP_SIGNALS	   (SIGBIT(SIGSTOP) | SIGBIT(SIGTSTP) | SIGBIT(SIGTTIN) | SIGBIT(SIGTTOU))
#define IGNORED_BY_DEFAULT (SIGBIT(SIGCHLD) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGCONT))
#define UNBLOCKABLE	   (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define QUEUE_MAX	   1024 /* queued per pending set; the limit RLIMIT_SIGPENDING stands for */

void signal_state_init(struct signal_state *s)
{
	memset(s, 0, sizeof(*s));
	spin_init(&s->lock, LOCK_SIGNAL);
	list_init(&s->shared.queue);
}

void signal_state_copy(struct signal_state *to, struct signal_state *from)
{
	uint64_t irq = spin_lock_irq(&from->lock);

	memcpy(to->actions, from->actions, sizeof(to->actions));
	spin_unlock_irq(&from->lock, irq);
}

void signal_state_exec(struct signal_state *s)
{
	uint64_t irq = spin_lock_irq(&s->lock);

	for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
		struct signal_action *a = &s->actions[i];

		*a = (struct signal_action){.handler = a->handler == 1 ? 1 : 0};
	}
	spin_unlock_irq(&s->lock, irq);
}

void signal_flush_pending(struct signal_pending *p)
{
	struct signal_queued *q, *next;

	list_for_each_entry_safe(q, next, &p->queue, link) {
		list_del(&q->link);
		kfree(q);
	}
	p->set = 0;
}

bool signal_default_ignores(int sig)
{
	return IGNORED_BY_DEFAULT & SIGBIT(sig);
}

static bool ignored(const struct process *p, int sig)
{
	const struct signal_action *a = &p->signals.actions[sig - 1];

	if (a->handler == 1)
		return true;
	if (a->handler)
		return false;
	/* The first process only gets what it has handlers for. */
	return signal_default_ignores(sig) || p->pid == 1;
}

static void discard(struct signal_pending *pending, sigset64_t set)
{
	struct signal_queued *q, *next;

	pending->set &= ~set;
	list_for_each_entry_safe(q, next, &pending->queue, link)
		if (set & SIGBIT(q->info.signo)) {
			list_del(&q->link);
			kfree(q);
		}
}

void signal_discard_current(int sig)
{
	discard(&process_current()->signals.shared, SIGBIT(sig));
	discard(&proc_thread(current())->pending, SIGBIT(sig));
}

/* From the process and all its threads. Holds PROC_TREE and the signal lock. */
static void discard_everywhere(struct process *p, sigset64_t set)
{
	struct thread *t;

	discard(&p->signals.shared, set);
	list_for_each_entry(t, &p->threads, process_link)
		discard(&proc_thread(t)->pending, set);
}

static int add_pending(struct signal_pending *pending, int sig, const struct signal_info *info)
{
	struct signal_queued *q;
	unsigned n = 0;

	if (sig < RT_FIRST && pending->set & SIGBIT(sig))
		return 0;
	if (info && sig >= RT_FIRST) {
		list_for_each_entry(q, &pending->queue, link)
			n++;
		if (n >= QUEUE_MAX)
			return -EAGAIN;
	}
	q = info ? kmalloc(sizeof(*q)) : NULL;
	if (q) {
		q->info = *info;
		q->info.signo = sig;
		list_add_tail(&q->link, &pending->queue);
	} else if (info && sig >= RT_FIRST && info->code != SI_USER) {
		return -EAGAIN;
	}
	pending->set |= SIGBIT(sig);
	return 0;
}

static bool wants(const struct thread *t, int sig)
{
	const struct proc_thread *d = t->proc_data;

	return !(d->blocked & SIGBIT(sig));
}

static void poke(struct thread *t, uint32_t work)
{
	__atomic_or_fetch(&t->work, work, __ATOMIC_SEQ_CST);
	thread_interrupt(t);
	thread_kick(t);
}

/* Resume a stopped process. PROC_TREE held. */
static void resume_locked(struct process *p, bool tell)
{
	if (!p->stopped)
		return;
	p->stopped = false;
	p->stop_reported = false;
	if (tell) {
		p->continue_pending = true;
		signal_notify_parent_locked(p, CLD_CONTINUED, SIGCONT);
		blocker_wake_all(&p->parent->child_event);
	}
	blocker_wake_all(&p->resume);
}

/*
 * The heart: t is a thread to send to, or NULL for the process. PROC_TREE held, so that the list of
 * threads stands still.
 */
static int send_locked(struct process *p, struct thread *t, int sig, const struct signal_info *info)
{
	struct thread *target = t;
	sigset64_t bit = SIGBIT(sig);
	int r = 0;

	if (p->state != PROC_ALIVE)
		return 0;
	if (sig == SIGKILL) {
		if (p->pid == 1)
			return 0;
		resume_locked(p, false);
		spin_lock(&p->signals.lock);
		p->signals.shared.set |= bit;
		spin_unlock(&p->signals.lock);
		process_wake_all_threads_locked(p, THREAD_WORK_KILL | THREAD_WORK_SIGNAL);
		return 0;
	}
	if (sig == SIGCONT)
		resume_locked(p, true);
	spin_lock(&p->signals.lock);
	if (sig == SIGCONT) {
		p->signals.stop_taken = false;
		discard_everywhere(p, STOP_SIGNALS);
	} else if (bit & STOP_SIGNALS) {
		discard_everywhere(p, SIGBIT(SIGCONT));
	}
	if (!target) {
		struct thread *i;

		list_for_each_entry(i, &p->threads, process_link)
			if (wants(i, sig)) {
				target = i;
				break;
			}
	}
	/* A blocked signal stays pending even if ignored now: the action may change. */
	if (ignored(p, sig) && target && wants(target, sig) &&
	    !(proc_thread(target)->awaited & bit))
		goto out;
	r = add_pending(t ? &proc_thread(t)->pending : &p->signals.shared, sig, info);
	if (!r && target && wants(target, sig))
		poke(target, THREAD_WORK_SIGNAL);
out:
	spin_unlock(&p->signals.lock);
	return r;
}

int signal_send_process(struct process *p, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int r = send_locked(p, NULL, sig, info);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

int signal_send_thread(struct thread *t, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	/* A thread leaves its process's list, under this lock, before it loses what we touch. */
	int r = list_empty(&t->process_link) ? -ESRCH : send_locked(t->process, t, sig, info);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

void signal_send_group_locked(struct pgroup *g, int sig, const struct signal_info *info)
{
	struct process *p;

	list_for_each_entry(p, &g->members, group_link)
		send_locked(p, NULL, sig, info);
}

int signal_send_group(int32_t pgid, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct pgroup *g = pgroup_find_locked(pgid);
	int r = g ? 0 : -ESRCH;

	if (g)
		signal_send_group_locked(g, sig, info);
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

void signal_notify_parent_locked(struct process *p, int code, int status)
{
	struct process *parent = p->parent;
	struct thread *t = list_first_entry_or_null(&p->threads, struct thread, process_link);
	const struct cred *c = t ? t->cred : p->last_cred;
	struct signal_info info = {.signo = SIGCHLD, .code = code, .pid = p->pid};

	if (!parent)
		return;
	if (code == CLD_STOPPED && parent->signals.actions[SIGCHLD - 1].flags & SA_NOCLDSTOP)
		return;
	info.uid = c ? c->uid : 0;
	info.status = code == CLD_EXITED   ? status >> 8 & 0xff
		      : code == CLD_KILLED ? status & 0x7f
					   : status;
	info.utime = (int64_t)(p->user_ns / 10000000);
	info.stime = (int64_t)(p->system_ns / 10000000);
	send_locked(parent, NULL,
		    code == CLD_EXITED || code == CLD_KILLED ? p->exit_signal : SIGCHLD, &info);
}

/* --- permission and kill -----------------------------------------------------------------------
 */

static int permitted_locked(struct process *to, int sig)
{
	const struct cred *me = current()->cred, *c;
	struct thread *t = list_first_entry_or_null(&to->threads, struct thread, process_link);

	if (cred_capable(me, CAP_KILL))
		return 0;
	c = t ? t->cred : to->last_cred;
	if (c &&
	    (me->euid == c->uid || me->euid == c->suid || me->uid == c->uid || me->uid == c->suid))
		return 0;
	if (sig == SIGCONT && to->group && to->group->session == process_current()->group->session)
		return 0;
	return -EPERM;
}

int signal_permitted(struct process *to, int sig)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int r = permitted_locked(to, sig);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static int kill_one_locked(struct process *p, int sig, const struct signal_info *info)
{
	int r = sig < 0 || sig > SIGNAL_COUNT ? -EINVAL : permitted_locked(p, sig);

	if (r || !sig)
		return r;
	return send_locked(p, NULL, sig, info);
}

static int kill_group_locked(int32_t pgid, int sig, const struct signal_info *info)
{
	struct pgroup *g = pgroup_find_locked(pgid);
	struct process *p;
	int r = -ESRCH, one;

	if (g)
		list_for_each_entry(p, &g->members, group_link) {
			one = kill_one_locked(p, sig, info);
			/* Success for one is success; else the last reason. */
			if (!one || r)
				r = one;
		}
	return r;
}

int signal_kill(int32_t pid, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *me = process_current(), *p;
	int r = -ESRCH, one;

	if (pid > 0) {
		p = process_find_locked(pid);
		if (p)
			r = kill_one_locked(p, sig, info);
	} else if (pid != -1) {
		r = pid == INT32_MIN ? -ESRCH
				     : kill_group_locked(pid ? -pid : me->group->pgid, sig, info);
	} else {
		spin_unlock_irq(&proc_tree_lock, irq);
		for (int32_t id = 1; (p = process_next(id)) != NULL; id = p->pid, process_put(p)) {
			if (p == me)
				continue;
			irq = spin_lock_irq(&proc_tree_lock);
			one = kill_one_locked(p, sig, info);
			spin_unlock_irq(&proc_tree_lock, irq);
			/* Those that we may not kill are passed over in silence, as on Linux. */
			if (one != -EPERM || r == -ESRCH)
				r = one == -EPERM ? 0 : one;
		}
		return r;
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

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

/* Holds the signal lock. */
static void recompute_locked(void)
{
	struct thread *t = current();
	struct proc_thread *d = proc_thread(t);
	sigset64_t set = t->process->signals.shared.set | d->pending.set;

	if (set & (~d->blocked | UNBLOCKABLE) || READ_ONCE(t->process->exiting))
		__atomic_or_fetch(&t->work, THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&t->work, ~(uint32_t)THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
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
	uint64_t irq = spin_lock_irq(&p->signals.lock);

	proc_thread(current())->blocked = mask & ~UNBLOCKABLE;
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
}

void signal_await(sigset64_t set)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	uint64_t irq = spin_lock_irq(&p->signals.lock);

	d->blocked |= d->awaited;
	d->awaited = d->blocked & set;
	d->blocked &= ~set;
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
}

bool signal_pending_current(void)
{
	return READ_ONCE(current()->work) & (THREAD_WORK_SIGNAL | THREAD_WORK_KILL);
}

bool signal_is_ignored_or_blocked(int sig)
{
	struct process *p = process_current();

	return proc_thread(current())->blocked & SIGBIT(sig) ||
	       p->signals.actions[sig - 1].handler == 1;
}

/* Take `sig` out of a pending set. Holds the signal lock. */
static void take_locked(struct signal_pending *pending, int sig, struct signal_info *info)
{
	struct signal_queued *q, *found = NULL;
	bool more = false;

	list_for_each_entry(q, &pending->queue, link) {
		if (q->info.signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = q;
	}
	*info = (struct signal_info){.signo = sig, .code = SI_KERNEL};
	if (found) {
		*info = found->info;
		list_del(&found->link);
		kfree(found);
	}
	if (!more)
		pending->set &= ~SIGBIT(sig);
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
	take_locked(from, sig, info);
	return sig;
}

int signal_take(sigset64_t set, struct signal_info *info)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&p->signals.lock);
	int sig = take_any_locked(set & ~UNBLOCKABLE, info);

	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
	return sig;
}

bool signal_dequeue(struct signal_info *info, struct signal_action *action)
{
	struct process *p = process_current();
	struct proc_thread *d = proc_thread(current());
	uint64_t irq;
	int sig;

	if (READ_ONCE(p->exiting) || (READ_ONCE(p->exec_thread) && p->exec_thread != current()))
		process_exit_thread(READ_ONCE(p->exit_status));
	if (READ_ONCE(p->signals.shared.set) & SIGBIT(SIGKILL))
		process_exit_group(SIGKILL);
	irq = spin_lock_irq(&p->signals.lock);
	sig = take_any_locked(~d->blocked | UNBLOCKABLE, info);
	if (sig) {
		struct signal_action *a = &p->signals.actions[sig - 1];

		*action = *a;
		p->signals.stop_taken = SIGBIT(sig) & STOP_SIGNALS;
		if (a->handler > 1 && a->flags & SA_RESETHAND)
			a->handler = 0;
	}
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
	return sig != 0;
}

/* A stop signal takes effect: all threads stop, the parent is told. */
static void stop_process(int sig)
{
	struct process *p = process_current();
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	/* A terminal's stop does nothing to a group that nobody could continue. */
	if (sig != SIGSTOP && pgroup_orphaned_locked(p->group, NULL)) {
		spin_unlock_irq(&proc_tree_lock, irq);
		return;
	}
	/* A SIGCONT that came after the stop was taken has cancelled it. */
	if (!p->signals.stop_taken) {
		spin_unlock_irq(&proc_tree_lock, irq);
		return;
	}
	if (!p->stopped && !p->exiting && !(p->signals.shared.set & SIGBIT(SIGKILL))) {
		struct thread *t;

		p->stopped = true;
		p->stop_signal = sig;
		p->stop_reported = false;
		p->continue_pending = false;
		list_for_each_entry(t, &p->threads, process_link)
			if (t != current())
				poke(t, THREAD_WORK_SIGNAL);
		signal_notify_parent_locked(p, CLD_STOPPED, sig);
		blocker_wake_all(&p->parent->child_event);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	signal_stop_here();
}

void signal_stop_here(void)
{
	struct process *p = process_current();

	while (READ_ONCE(p->stopped) && !(READ_ONCE(current()->work) & THREAD_WORK_KILL))
		WAIT_UNTIL(&p->resume, !READ_ONCE(p->stopped), NEVER, WAIT_KILLABLE);
}

void signal_default(const struct signal_info *info)
{
	int sig = info->signo;

	if (signal_default_ignores(sig) || process_current()->pid == 1)
		return;
	if (SIGBIT(sig) & STOP_SIGNALS) {
		stop_process(sig);
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
	a = &p->signals.actions[sig - 1];
	irq = spin_lock_irq(&p->signals.lock);
	/* Nobody to tell about it: end the process, as if the action were the default. */
	if (d->blocked & SIGBIT(sig) || a->handler <= 1) {
		a->handler = 0;
		d->blocked &= ~SIGBIT(sig);
		if (p->pid == 1) {
			spin_unlock_irq(&p->signals.lock, irq);
			process_exit_group(sig);
		}
	}
	add_pending(&d->pending, sig, info);
	recompute_locked();
	spin_unlock_irq(&p->signals.lock, irq);
}
