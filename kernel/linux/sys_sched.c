/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling calls: yield, nice levels, affinity, where we run. */
#include <lib/bitmap.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/resource.h>

int64_t sys_sched_yield(void)
{
	thread_yield();
	return 0;
}

int64_t sys_getcpu(uaddr_t ucpu, uaddr_t unode, uaddr_t unused)
{
	unsigned cpu = READ_ONCE(current()->cpu), node = 0;

	if (ucpu && put_user(ucpu, cpu))
		return -EFAULT;
	return unode ? put_user(unode, node) : 0;
}

static struct thread *thread_by(int tid)
{
	return tid ? thread_find(tid) : thread_get(current());
}

int64_t sys_sched_getaffinity(int tid, unsigned size, uaddr_t out)
{
	unsigned long map[BITMAP_WORDS(MAX_CPUS)] = {0};
	struct thread *t;
	size_t n = min((size_t)size, sizeof(map));

	if (size < sizeof(long) || size % sizeof(long))
		return -EINVAL;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	for (unsigned i = 0; i < cpu_count(); i++)
		if (bit_test(t->affinity, i))
			bit_set(map, i);
	thread_put(t);
	return copy_to_user(out, map, n) ? -EFAULT : (int64_t)n;
}

int64_t sys_sched_setaffinity(int tid, unsigned size, uaddr_t in)
{
	unsigned long map[BITMAP_WORDS(MAX_CPUS)] = {0};
	struct process *p;
	struct thread *t;
	int64_t r;

	if (copy_from_user(map, in, min((size_t)size, sizeof(map))))
		return -EFAULT;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	p = thread_process(t);
	r = p ? signal_permitted(p, 0) : -ESRCH;
	if (!r && !thread_set_affinity(t, map))
		r = -EINVAL;
	if (p)
		process_put(p);
	thread_put(t);
	return r;
}

/* --- nice: the kernel's value is 20 - nice, so that errors stay apart
 * ------------------------------- */

static struct process *next_selected(int which, int who, int32_t after)
{
	struct process *p = process_next(after);

	for (; p; after = p->pid, process_put(p), p = process_next(after)) {
		struct cred *c;
		bool match = false;

		if (which == PRIO_PROCESS)
			match = p->pid == (who ? who : process_current()->pid);
		if (which == PRIO_PGRP)
			match = process_pgid(p) == (who ? who : process_pgid(process_current()));
		if (which == PRIO_USER) {
			c = process_cred(p);
			match = c->uid == (who ? (uint32_t)who : current()->cred->uid);
			cred_put(c);
		}
		if (match)
			return p;
	}
	return NULL;
}

static struct thread *first_thread(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = list_first_entry_or_null(&p->threads, struct thread, process_link);

	if (t)
		thread_get(t);
	spin_unlock_irq(&proc_tree_lock, irq);
	return t;
}

int64_t sys_getpriority(int which, int who)
{
	struct process *p;
	int64_t best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	for (int32_t after = 0; (p = next_selected(which, who, after)) != NULL;) {
		struct thread *t = first_thread(p);

		after = p->pid;
		if (t) {
			best = max(best, (int64_t)(20 - t->sched.nice));
			thread_put(t);
		}
		process_put(p);
	}
	return best;
}

static int64_t set_nice(struct process *p, int nice)
{
	struct thread *t = first_thread(p);
	int64_t r = 0;

	if (!t)
		return -ESRCH;
	if (signal_permitted(p, 0))
		r = -EPERM;
	else if (nice < t->sched.nice && !cred_capable(current()->cred, CAP_SYS_NICE))
		r = -EACCES;
	else
		thread_set_nice(t, nice);
	thread_put(t);
	return r;
}

int64_t sys_setpriority(int which, int who, int nice)
{
	struct process *p;
	int64_t r = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	nice = clamp(nice, -20, 19);
	for (int32_t after = 0; (p = next_selected(which, who, after)) != NULL;) {
		int64_t one = set_nice(p, nice);

		after = p->pid;
		if (!one || r == -ESRCH)
			r = one;
		process_put(p);
	}
	return r;
}
