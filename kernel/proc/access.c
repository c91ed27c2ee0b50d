/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may look into another process, and what is to be seen of its threads and set in them. */
#include "proc_internal.h"

#include <lib/errno.h>

#include <linux/capability.h>

static bool same_user(const struct cred *me, const struct cred *it)
{
	return me->fsuid == it->uid && me->fsuid == it->euid && me->fsuid == it->suid &&
	       me->fsgid == it->gid && me->fsgid == it->egid && me->fsgid == it->sgid;
}

bool process_may_inspect(struct process *p)
{
	const struct cred *me = current()->cred;
	struct cred *it;
	bool ok;

	if (!me || p == current()->process || cred_capable(me, CAP_SYS_PTRACE))
		return true;
	it = process_cred(p);
	ok = it && READ_ONCE(p->dumpable) && same_user(me, it);
	if (it)
		cred_put(it);
	return ok;
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
