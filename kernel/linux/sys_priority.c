/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nice levels and I/O priorities: of a thread, of the threads of a process group or of a user. As
 * on Linux PRIO_PROCESS names a thread. I/O priorities are kept and told; nothing looks at them.
 */
#include "priority.h"

#include <lib/compiler.h>
#include <lib/errno.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/resource.h>

bool nice_allowed(struct process *p, int nice)
{
	return (uint64_t)(20 - nice) <= process_limit(p, RLIMIT_NICE);
}

bool same_owner(struct thread *t)
{
	struct cred *c = thread_cred(t);
	uint32_t me = current()->cred->euid;
	bool same = me == c->uid || me == c->euid;

	cred_put(c);
	return same;
}

bool may_schedule(struct thread *t)
{
	return same_owner(t) || cred_capable(current()->cred, CAP_SYS_NICE);
}

/* --- selections ------------------------------------------------------------------------------ */

static bool in_group(struct thread *t, int who)
{
	struct process *p = thread_process(t);
	bool in = p && process_pgid(p) == (who ? who : process_pgid(process_current()));

	if (p)
		process_put(p);
	return in;
}

static bool of_user(struct thread *t, int who)
{
	struct cred *c = thread_cred(t);
	bool is = c->uid == (who ? (uint32_t)who : current()->cred->uid);

	cred_put(c);
	return is;
}

/* The next thread selected after number `after`, with a reference; NULL at the end. */
static struct thread *next_selected(int which, int who, int32_t after)
{
	struct thread *t;

	if (which == PRIO_PROCESS)
		return after ? NULL : who ? thread_find(who) : thread_get(current());
	while ((t = thread_next(after)) != NULL) {
		if (which == PRIO_PGRP ? in_group(t, who) : of_user(t, who))
			return t;
		after = t->tid;
		thread_put(t);
	}
	return NULL;
}

/* --- nice: the kernel's value is 20 - nice, so that errors stay apart ------------------------ */

int64_t sys_getpriority(int which, int who)
{
	struct thread *t;
	int64_t best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	for (int32_t after = 0; (t = next_selected(which, who, after)) != NULL;) {
		after = t->tid;
		best = max(best, (int64_t)(20 - t->sched.nice));
		thread_put(t);
	}
	return best;
}

static int set_nice(struct thread *t, int nice)
{
	struct process *p;
	bool allowed;

	if (!may_schedule(t))
		return -EPERM;
	p = thread_process(t);
	allowed = nice >= t->sched.nice || cred_capable(current()->cred, CAP_SYS_NICE) ||
		  (p && nice_allowed(p, nice));
	if (p)
		process_put(p);
	if (!allowed)
		return -EACCES;
	thread_set_nice(t, nice);
	return 0;
}

int64_t sys_setpriority(int which, int who, int nice)
{
	struct thread *t;
	int64_t r = -ESRCH;
	int one;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	nice = clamp(nice, -20, 19);
	for (int32_t after = 0; (t = next_selected(which, who, after)) != NULL;) {
		after = t->tid;
		one = set_nice(t, nice);
		if (one || r == -ESRCH)
			r = one;
		thread_put(t);
	}
	return r;
}

/* --- I/O priorities -------------------------------------------------------------------------- */

static int check_ioprio(int ioprio)
{
	int class = IOPRIO_PRIO_CLASS(ioprio), data = ioprio & ((1 << IOPRIO_CLASS_SHIFT) - 1);

	switch (class) {
	case IOPRIO_CLASS_RT:
		if (!cred_capable(current()->cred, CAP_SYS_ADMIN) &&
		    !cred_capable(current()->cred, CAP_SYS_NICE))
			return -EPERM;
		return 0;
	case IOPRIO_CLASS_BE:
	case IOPRIO_CLASS_IDLE:
		return 0;
	case IOPRIO_CLASS_NONE:
		return data ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* Selections have the same order as those of setpriority, and numbers from 1. */
static int which_of(int which)
{
	return which >= IOPRIO_WHO_PROCESS && which <= IOPRIO_WHO_USER ? which - IOPRIO_WHO_PROCESS
								       : -EINVAL;
}

static int set_ioprio(struct thread *t, int ioprio)
{
	if (!may_schedule(t))
		return -EPERM;
	thread_ioprio(t, &ioprio);
	return 0;
}

int64_t sys_ioprio_set(int which, int who, int ioprio)
{
	struct thread *t;
	int64_t r = check_ioprio(ioprio);

	if (r)
		return r;
	which = which_of(which);
	if (which < 0)
		return which;
	r = -ESRCH;
	for (int32_t after = 0; (t = next_selected(which, who, after)) != NULL;) {
		after = t->tid;
		r = set_ioprio(t, ioprio);
		thread_put(t);
		if (r)
			break;
	}
	return r;
}

/* The best one: the smaller number, an unset one counting as the middle of the usual class. */
static int better(int a, int b)
{
	int normal = IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | 4;

	return min(a ? a : normal, b ? b : normal);
}

int64_t sys_ioprio_get(int which, int who)
{
	struct thread *t;
	int64_t r = -ESRCH;

	which = which_of(which);
	if (which < 0)
		return which;
	for (int32_t after = 0; (t = next_selected(which, who, after)) != NULL;) {
		int one = thread_ioprio(t, NULL);

		after = t->tid;
		r = r == -ESRCH ? one : better((int)r, one);
		thread_put(t);
	}
	return r;
}
