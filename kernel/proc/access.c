/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may look into another process, and what is to be seen of its threads and set in them. */
#include "proc_internal.h"

#include <lib/errno.h>

#include <linux/capability.h>

static bool same_user(uint32_t uid, uint32_t gid, const struct cred *it)
{
	return uid == it->uid && uid == it->euid && uid == it->suid && gid == it->gid &&
	       gid == it->egid && gid == it->sgid;
}

/*
 * One rule for ptrace, process_vm_readv, /proc/PID/mem and the like, and what they want: all
 * ids the caller's, a program that may be read, and no capability that the caller lacks.
 */
static bool may_look(struct process *p, const struct cred *it, bool real)
{
	const struct cred *me = current()->cred;
	uint64_t caps;

	if (!me || p == current()->process || cred_capable(me, CAP_SYS_PTRACE))
		return true;
	caps = real ? me->cap_permitted : me->cap_effective;
	return it && READ_ONCE(p->dumpable) &&
	       same_user(real ? me->uid : me->fsuid, real ? me->gid : me->fsgid, it) &&
	       !(it->cap_permitted & ~caps);
}

static bool process_may(struct process *p, bool real)
{
	struct cred *it = process_cred(p);
	bool ok = may_look(p, it, real);

	if (it)
		cred_put(it);
	return ok;
}

bool process_may_inspect(struct process *p)
{
	return process_may(p, false);
}

bool process_may_trace(struct process *p)
{
	return process_may(p, true);
}

bool thread_may_trace_locked(const struct thread *t)
{
	return may_look(t->process, t->cred, true);
}

int proc_thread_robust_list(int32_t tid, uaddr_t *head)
{
	struct process *p;
	struct thread *t;
	uint64_t irq;
	int r = -ESRCH;

	if (!tid) {
		*head = proc_thread(current())->robust_list;
		return 0;
	}
	irq = spin_lock_irq(&proc_tree_lock);
	t = thread_find_locked(tid);
	p = t ? process_get(t->process) : NULL;
	*head = t ? proc_thread(t)->robust_list : 0;
	spin_unlock_irq(&proc_tree_lock, irq);
	if (p) {
		r = process_may_inspect(p) ? 0 : -EPERM;
		process_put(p);
	}
	return r;
}

bool thread_reset_on_fork(struct thread *t, const bool *set)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	bool there = !list_empty(&t->process_link);

	if (there && set)
		proc_thread(t)->reset_on_fork = *set;
	there = there && proc_thread(t)->reset_on_fork;
	spin_unlock_irq(&proc_tree_lock, irq);
	return there;
}

int thread_ioprio(struct thread *t, const int *set)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	bool there = !list_empty(&t->process_link);
	int now = 0;

	if (there && set)
		proc_thread(t)->ioprio = (uint16_t)*set;
	if (there)
		now = proc_thread(t)->ioprio;
	spin_unlock_irq(&proc_tree_lock, irq);
	return now;
}
