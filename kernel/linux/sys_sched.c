/* SPDX-License-Identifier: BSD-2-Clause */
/* Scheduling calls: yield, affinity, where we run, policies. Nice levels: sys_priority.c. */
#include "priority.h"
#include "timespec.h"

#include <arch/page.h>
#include <lib/bitmap.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/futex.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

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
	r = !p ? -ESRCH : may_schedule(t) ? 0 : -EPERM;
	if (!r && !thread_set_affinity(t, map))
		r = -EINVAL;
	if (p)
		process_put(p);
	thread_put(t);
	return r;
}

/* --- policies -------------------------------------------------------------------------------- */

#define RESET_ON_FORK 0x40000000 /* in sched_setscheduler's policy */
#define RR_INTERVAL   (100 * NSEC_PER_MSEC)

struct wanted {
	enum thread_policy policy;
	unsigned rt_priority;
	int nice;
	bool set_nice, reset_on_fork;
};

/* Ours by Linux's number; -EINVAL: there is none. */
static int policy_of(int number)
{
	switch (number) {
	case SCHED_NORMAL:
		return THREAD_NORMAL;
	case SCHED_FIFO:
		return THREAD_FIFO;
	case SCHED_RR:
		return THREAD_RR;
	case SCHED_BATCH:
		return THREAD_BATCH;
	case SCHED_IDLE:
		return THREAD_IDLE;
	default:
		return -EINVAL;
	}
}

static int number_of(const struct thread *t)
{
	static const int numbers[] = {[THREAD_NORMAL] = SCHED_NORMAL,
				      [THREAD_FIFO] = SCHED_FIFO,
				      [THREAD_RR] = SCHED_RR,
				      [THREAD_BATCH] = SCHED_BATCH,
				      [THREAD_IDLE] = SCHED_IDLE};

	return numbers[t->sched.policy];
}

static bool is_rt(enum thread_policy p)
{
	return p == THREAD_FIFO || p == THREAD_RR;
}

/* What may be done without the right to do anything: sched(7). */
static bool allowed(struct process *p, const struct thread *t, const struct wanted *w)
{
	uint64_t limit = process_limit(p, RLIMIT_RTPRIO);
	const struct sched_entity *now = &t->sched;

	if (!is_rt(w->policy)) {
		if (w->set_nice && w->nice < now->nice && !nice_allowed(p, w->nice))
			return false;
	} else {
		if (w->policy != now->policy && !limit)
			return false;
		if (w->rt_priority > now->own_priority && w->rt_priority > limit)
			return false;
	}
	return now->policy != THREAD_IDLE || w->policy == THREAD_IDLE || nice_allowed(p, now->nice);
}

static int set_policy(struct thread *t, const struct wanted *w)
{
	struct process *p = thread_process(t);
	int r = -ESRCH;

	if (!p)
		return r;
	if (!cred_capable(current()->cred, CAP_SYS_NICE) &&
	    (!allowed(p, t, w) || !same_owner(t) ||
	     (thread_reset_on_fork(t, NULL) && !w->reset_on_fork)))
		r = -EPERM;
	else
		r = 0;
	process_put(p);
	if (r)
		return r;
	thread_set_policy(t, w->policy, w->rt_priority);
	futex_priority_changed(t);
	if (w->set_nice)
		thread_set_nice(t, w->nice);
	thread_reset_on_fork(t, &w->reset_on_fork);
	return 0;
}

static int64_t set_policy_of(int tid, const struct wanted *w)
{
	struct thread *t = thread_by(tid);
	int r;

	if (!t)
		return -ESRCH;
	r = set_policy(t, w);
	thread_put(t);
	return r;
}

static int check_priority(const struct wanted *w)
{
	if (w->rt_priority > 99 || is_rt(w->policy) != (w->rt_priority != 0))
		return -EINVAL;
	return 0;
}

/* Struct sched_param is one int, the priority. */
static int64_t set_scheduler(int tid, int number, uaddr_t uparam, bool keep)
{
	struct wanted w = {.reset_on_fork = number & RESET_ON_FORK};
	struct thread *t;
	int priority, policy;

	if (!uparam || tid < 0)
		return -EINVAL;
	if (get_user(priority, uparam))
		return -EFAULT;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	policy = keep ? t->sched.policy : policy_of(number & ~RESET_ON_FORK);
	if (keep)
		w.reset_on_fork = thread_reset_on_fork(t, NULL);
	thread_put(t);
	if (policy < 0 || priority < 0)
		return -EINVAL;
	w.policy = (enum thread_policy)policy;
	w.rt_priority = (unsigned)priority;
	return check_priority(&w) ? -EINVAL : set_policy_of(tid, &w);
}

int64_t sys_sched_setscheduler(int tid, int policy, uaddr_t param)
{
	return policy < 0 ? -EINVAL : set_scheduler(tid, policy, param, false);
}

int64_t sys_sched_setparam(int tid, uaddr_t param)
{
	return set_scheduler(tid, 0, param, true);
}

int64_t sys_sched_getscheduler(int tid)
{
	struct thread *t;
	int64_t r;

	if (tid < 0)
		return -EINVAL;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	r = number_of(t) | (thread_reset_on_fork(t, NULL) ? RESET_ON_FORK : 0);
	thread_put(t);
	return r;
}

int64_t sys_sched_getparam(int tid, uaddr_t out)
{
	struct thread *t;
	int priority;

	if (tid < 0 || !out)
		return -EINVAL;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	priority = t->sched.own_priority;
	thread_put(t);
	return put_user(out, priority);
}

int64_t sys_sched_get_priority_max(int policy)
{
	int p = policy_of(policy);

	if (policy == SCHED_DEADLINE)
		return 0;
	return p < 0 ? p : is_rt((enum thread_policy)p) ? 99 : 0;
}

int64_t sys_sched_get_priority_min(int policy)
{
	int p = policy_of(policy);

	if (policy == SCHED_DEADLINE)
		return 0;
	return p < 0 ? p : is_rt((enum thread_policy)p);
}

int64_t sys_sched_rr_get_interval(int tid, uaddr_t out)
{
	struct __kernel_timespec ts;
	struct thread *t;

	if (tid < 0)
		return -EINVAL;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	ts = timespec_of(t->sched.policy == THREAD_FIFO ? 0
			 : t->sched.policy == THREAD_RR ? RR_INTERVAL
							: 3 * NSEC_PER_MSEC);
	thread_put(t);
	return put_user(out, ts);
}

/* --- attributes ------------------------------------------------------------------------------ */

#define KEEP_FLAGS (SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS)

/* A structure that may be shorter or longer than ours; what we do not know must be 0. */
static int get_attr(struct sched_attr *a, uaddr_t from)
{
	uint32_t size, known = sizeof(*a);
	uint8_t byte;

	if (get_user(size, from))
		return -EFAULT;
	size = size ? size : SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		goto too_big;
	memset(a, 0, sizeof(*a));
	if (copy_from_user(a, from, min(size, known)))
		return -EFAULT;
	for (uint32_t i = known; i < size; i++) {
		if (get_user(byte, from + i))
			return -EFAULT;
		if (byte)
			goto too_big;
	}
	if (size < SCHED_ATTR_SIZE_VER1 && a->sched_flags & SCHED_FLAG_UTIL_CLAMP)
		return -EINVAL;
	return 0;
too_big:
	return put_user(from, known) ? -EFAULT : -E2BIG;
}

int64_t sys_sched_setattr(int tid, uaddr_t uattr, unsigned flags)
{
	struct sched_attr a;
	struct wanted w = {.set_nice = true};
	struct thread *t;
	int r, policy;

	if (!uattr || tid < 0 || flags)
		return -EINVAL;
	r = get_attr(&a, uattr);
	if (r)
		return r;
	if ((int)a.sched_policy < 0)
		return -EINVAL;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	policy = a.sched_flags & SCHED_FLAG_KEEP_POLICY ? t->sched.policy
							: policy_of((int)a.sched_policy);
	w.rt_priority = a.sched_priority;
	w.nice = clamp(a.sched_nice, -20, 19);
	w.reset_on_fork = thread_reset_on_fork(t, NULL);
	if (a.sched_flags & SCHED_FLAG_KEEP_PARAMS) {
		w.rt_priority = t->sched.own_priority;
		w.nice = t->sched.nice;
	}
	thread_put(t);
	if (policy < 0 || a.sched_flags & ~(uint64_t)SCHED_FLAG_ALL)
		return -EINVAL;
	if (a.sched_flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP;
	w.policy = (enum thread_policy)policy;
	w.set_nice = !is_rt(w.policy);
	if (!(a.sched_flags & SCHED_FLAG_KEEP_POLICY))
		w.reset_on_fork = a.sched_flags & SCHED_FLAG_RESET_ON_FORK;
	return check_priority(&w) ? -EINVAL : set_policy_of(tid, &w);
}

int64_t sys_sched_getattr(int tid, uaddr_t uattr, unsigned size, unsigned flags)
{
	struct sched_attr a = {0};
	struct thread *t;

	if (!uattr || tid < 0 || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags)
		return -EINVAL;
	t = thread_by(tid);
	if (!t)
		return -ESRCH;
	a.size = min(size, (unsigned)sizeof(a));
	a.sched_policy = (uint32_t)number_of(t);
	a.sched_priority = t->sched.own_priority;
	a.sched_nice = t->sched.own_priority ? 0 : t->sched.nice;
	a.sched_flags = thread_reset_on_fork(t, NULL) ? SCHED_FLAG_RESET_ON_FORK : 0;
	thread_put(t);
	return copy_to_user(uattr, &a, a.size);
}
