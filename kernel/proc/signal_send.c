/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: sending, and who may send.
 *
 * A signal is pending for a thread or for a process (any thread). Sending decides at once what
 * can be decided: an ignored and unblocked signal vanishes; SIGCONT resumes and cancels pending
 * stops, a stop cancels pending SIGCONTs; one that ends the process (SIGKILL, or by its default
 * action) begins that end, whatever its threads are doing. Everything else is left to the thread
 * that takes the signal (signal_dequeue) on its way to user mode.
 *
 * A signal for the process stays in its shared set until some thread takes it; sending only
 * chooses one that does not block it and lets it look. If that thread blocks the signal before it
 * looks, or ends, signal_retarget() lets another one look: so as long as some thread takes the
 * signal, one of these has been poked after the signal became pending. A thread that begins its
 * end says so first (proc_thread->leaving) and is chosen no more.
 *
 * The hint: THREAD_WORK_SIGNAL in thread->work says that looking is worth while. It is set by
 * senders after the pending bit and cleared only by the thread itself, under the lock, when
 * nothing unblocked is pending.
 *
 * Lock: the process's signals.lock (SIGNAL), inside PROC_TREE, which keeps the list of threads
 * still; inside it the lock of the table of actions, which processes may share. Interrupts are
 * off, since terminals and timers send.
 */
#include "signal_internal.h"

#include <lib/errno.h>

#include <asm-generic/siginfo.h>
#include <linux/capability.h>
#include <linux/resource.h>

#define IGNORED_BY_DEFAULT (SIGBIT(SIGCHLD) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH) | SIGBIT(SIGCONT))
/* They would leave a core file: they end the process only when a thread takes them. */
#define CORE_SIGNALS                                                                             \
	(SIGBIT(SIGQUIT) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGABRT) | SIGBIT(SIGFPE) | \
	 SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGSYS) | SIGBIT(SIGXCPU) | SIGBIT(SIGXFSZ))

bool signal_default_ignores(int sig)
{
	return IGNORED_BY_DEFAULT & SIGBIT(sig);
}

static uaddr_t handler_of(const struct process *p, int sig)
{
	return READ_ONCE(p->signals.actions->table[sig - 1].handler);
}

static bool ignored(const struct process *p, int sig)
{
	uaddr_t handler = handler_of(p, sig);

	if (handler == 1)
		return true;
	if (handler)
		return false;
	/* The first process only gets what it has handlers for. */
	return signal_default_ignores(sig) || p->pid == 1;
}

/* From the process and all its threads. Holds PROC_TREE and the signal lock. */
static void discard_everywhere(struct process *p, sigset64_t set)
{
	struct thread *t;

	signal_discard(&p->signals.shared, set);
	list_for_each_entry(t, &p->threads, process_link)
		signal_discard(&proc_thread(t)->pending, set);
}

/* What threads have taken and not acted on yet is cancelled. Holds SIGNAL and PROC_TREE. */
static void forget_stops(struct process *p)
{
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link)
		proc_thread(t)->stop_taken = false;
}

void signal_discard_ignored(struct process *p, int sig)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	spin_lock(&p->signals.lock);
	if (ignored(p, sig))
		discard_everywhere(p, SIGBIT(sig));
	spin_unlock(&p->signals.lock);
	spin_unlock_irq(&proc_tree_lock, irq);
}

static bool wants(const struct thread *t, int sig)
{
	const struct proc_thread *d = t->proc_data;

	return !(d->blocked & SIGBIT(sig)) && !d->leaving;
}

void signal_poke(struct thread *t, uint32_t work)
{
	__atomic_or_fetch(&t->work, work, __ATOMIC_SEQ_CST);
	thread_interrupt(t);
	thread_kick(t);
}

/* One that takes the signal, of those one that has nothing else to look at. */
static struct thread *choose(struct process *p, int sig)
{
	struct thread *t, *busy = NULL;

	list_for_each_entry(t, &p->threads, process_link) {
		if (!wants(t, sig))
			continue;
		if (!(READ_ONCE(t->work) & THREAD_WORK_SIGNAL))
			return t;
		if (!busy)
			busy = t;
	}
	return busy;
}

void signal_retarget(sigset64_t set)
{
	struct process *p = process_current();
	struct thread *t;
	uint64_t irq;

	/* A thread that is being made looks by itself: publish() in fork.c. */
	if (!(READ_ONCE(p->signals.shared.set) & set) || READ_ONCE(p->thread_count) == 1)
		return;
	irq = spin_lock_irq(&proc_tree_lock);
	spin_lock(&p->signals.lock);
	set &= p->signals.shared.set;
	list_for_each_entry(t, &p->threads, process_link) {
		const struct proc_thread *d = proc_thread(t);

		if (t == current() || d->leaving || !(set & ~d->blocked))
			continue;
		signal_poke(t, THREAD_WORK_SIGNAL);
		set &= d->blocked;
	}
	spin_unlock(&p->signals.lock);
	spin_unlock_irq(&proc_tree_lock, irq);
}

/* Its tracer sees every signal first. */
static bool traced(const struct thread *t)
{
	return trace_is_on(&proc_thread((struct thread *)t)->trace);
}

/* Does the signal end the process, whoever takes it? SIGNAL held. */
static bool fatal(const struct process *p, const struct thread *target, int sig)
{
	return !handler_of(p, sig) && p->pid != 1 && !p->exec_thread && !traced(target) &&
	       !(SIGBIT(sig) & (IGNORED_BY_DEFAULT | STOP_SIGNALS | CORE_SIGNALS)) &&
	       !(proc_thread((struct thread *)target)->awaited & SIGBIT(sig));
}

/* Who pays for a signal to p. PROC_TREE held. */
static struct user *payer(const struct process *p, const struct thread *t)
{
	if (!t)
		t = list_first_entry_or_null(&p->threads, struct thread, process_link);
	return t->cred->user;
}

/* What does not wait for a thread to take the signal. PROC_TREE held. False: nothing is left. */
static bool act_at_once(struct process *p, int sig)
{
	if (p->state != PROC_ALIVE || !p->thread_count)
		return false;
	if (sig == SIGKILL) {
		if (p->pid == 1)
			return false;
		signal_resume_locked(p, false);
		process_end_locked(p, SIGKILL);
		return false;
	}
	if (sig == SIGCONT) {
		signal_resume_locked(p, true);
		trace_notify_locked(p);
	}
	return true;
}

/*
 * The heart: t is a thread to send to, or NULL for the process; info or an entry of the sender's
 * own. PROC_TREE held, so that the list of threads stands still. *added: it is pending now.
 */
static int send(struct process *p, struct thread *t, int sig, const struct signal_info *info,
		struct signal_queued *own, bool *added)
{
	struct signal_pending *pending = t ? &proc_thread(t)->pending : &p->signals.shared;
	struct thread *target;
	sigset64_t bit = SIGBIT(sig);
	bool ends = false;
	int r = 0;

	if (!act_at_once(p, sig))
		return 0;
	spin_lock(&p->signals.lock);
	if (sig == SIGCONT) {
		forget_stops(p);
		discard_everywhere(p, STOP_SIGNALS);
	} else if (bit & STOP_SIGNALS) {
		discard_everywhere(p, SIGBIT(SIGCONT));
	}
	target = t ? (wants(t, sig) ? t : NULL) : choose(p, sig);
	/* A blocked signal stays pending even if ignored now: the action may change. */
	if (ignored(p, sig) && target && !(proc_thread(target)->awaited & bit) && !traced(target))
		goto out;
	if (own)
		signal_add_own(pending, own);
	else
		r = signal_add(pending, sig, info, payer(p, t), p->limits[RLIMIT_SIGPENDING].cur);
	*added = !r;
	ends = !r && target && fatal(p, target, sig);
	if (!r && target && !ends)
		signal_poke(target, THREAD_WORK_SIGNAL);
out:
	spin_unlock(&p->signals.lock);
	if (*added)
		signal_watch_wake(p);
	if (ends)
		process_end_locked(p, sig);
	return r;
}

int signal_send_locked(struct process *p, struct thread *t, int sig, const struct signal_info *info)
{
	bool added = false;

	return send(p, t, sig, info, NULL, &added);
}

bool signal_send_own_locked(struct process *p, struct thread *t, struct signal_queued *own)
{
	bool added = false;

	send(p, t, own->info.signo, NULL, own, &added);
	return added;
}

int signal_send_process(struct process *p, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int r = signal_send_locked(p, NULL, sig, info);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

int signal_send_thread(struct thread *t, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	/* A thread leaves its process's list, under this lock, before it loses what we touch. */
	int r = list_empty(&t->process_link) ? -ESRCH
					     : signal_send_locked(t->process, t, sig, info);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

void signal_send_group_locked(struct pgroup *g, int sig, const struct signal_info *info)
{
	struct process *p;

	list_for_each_entry(p, &g->members, group_link)
		signal_send_locked(p, NULL, sig, info);
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
	bool ends = code == CLD_EXITED || code == CLD_KILLED;
	int sig = ends ? p->exit_signal : SIGCHLD;

	if (!parent || sig < 1 || sig > SIGNAL_COUNT)
		return;
	if (!ends && READ_ONCE(parent->signals.actions->table[SIGCHLD - 1].flags) & SA_NOCLDSTOP)
		return;
	info.uid = c ? c->uid : 0;
	info.status = code == CLD_EXITED   ? status >> 8 & 0xff
		      : code == CLD_KILLED ? status & 0x7f
					   : status;
	info.utime = (int64_t)(p->used.user_ns / 10000000);
	info.stime = (int64_t)(p->used.system_ns / 10000000);
	signal_send_locked(parent, NULL, sig, &info);
}

/* --- permission and kill --------------------------------------------------------------------- */

/* t: the thread whose credentials count, or NULL for the first one. */
static int permitted_locked(struct process *to, struct thread *t, int sig)
{
	const struct cred *me = current()->cred, *c;

	if (to == process_current() || cred_capable(me, CAP_KILL))
		return 0;
	if (!t)
		t = list_first_entry_or_null(&to->threads, struct thread, process_link);
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
	int r = permitted_locked(to, NULL, sig);

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static int kill_one_locked(struct process *p, int sig, const struct signal_info *info)
{
	int r = sig < 0 || sig > SIGNAL_COUNT ? -EINVAL : permitted_locked(p, NULL, sig);

	if (r || !sig)
		return r;
	return signal_send_locked(p, NULL, sig, info);
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

static int kill_all(struct process *me, int sig, const struct signal_info *info)
{
	struct process *p;
	int r = -ESRCH, one;
	uint64_t irq;

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

int signal_kill(int32_t pid, int sig, const struct signal_info *info)
{
	struct process *me = process_current(), *p;
	uint64_t irq;
	int r = -ESRCH;

	if (pid == -1)
		return kill_all(me, sig, info);
	irq = spin_lock_irq(&proc_tree_lock);
	if (pid > 0) {
		p = process_of_id_locked(pid);
		if (p)
			r = kill_one_locked(p, sig, info);
	} else if (pid != INT32_MIN) {
		r = kill_group_locked(pid ? -pid : me->group->pgid, sig, info);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

int signal_kill_thread(int32_t tgid, int32_t tid, int sig, const struct signal_info *info)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(tid);
	struct process *p = process_of_id_locked(tid);
	int r = -ESRCH;

	if (p && (tgid <= 0 || p->pid == tgid)) {
		r = sig < 0 || sig > SIGNAL_COUNT ? -EINVAL : permitted_locked(p, t, sig);
		/* A first thread that is gone, while the process is not, takes anything. */
		if (!r && sig && t)
			r = signal_send_locked(p, t, sig, info);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}
