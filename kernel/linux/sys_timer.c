/* SPDX-License-Identifier: BSD-2-Clause */
/* timer_create and its kin. */
#include "clock_id.h"
#include "timespec.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <proc/posix_timer.h>
#include <syscalls_proto.h>

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/time.h>

/* Who is to be told, and how. */
static int decode_event(uaddr_t uevent, struct posix_timer_args *a)
{
	struct sigevent e;

	if (!uevent) {
		a->sig = SIGALRM;
		a->value_is_id = true;
		return 0;
	}
	if (copy_from_user(&e, uevent, sizeof(e)))
		return -EFAULT;
	a->silent = e.sigev_notify == SIGEV_NONE;
	a->sig = e.sigev_signo;
	a->value = (uint64_t)(uintptr_t)e.sigev_value.sival_ptr;
	if (e.sigev_notify == SIGEV_THREAD_ID) {
		a->thread = e._sigev_un._tid;
		if (a->thread <= 0)
			return -EINVAL;
	} else if (e.sigev_notify != SIGEV_SIGNAL && e.sigev_notify != SIGEV_THREAD && !a->silent) {
		return -EINVAL;
	}
	return a->silent || (a->sig >= 1 && a->sig <= SIGNAL_COUNT) ? 0 : -EINVAL;
}

static int create(const struct clock_id *c, uaddr_t uevent)
{
	struct posix_timer_args a = {
		.cpu_kind = c->cpu, .cpu_process = c->process, .cpu_thread = c->thread};
	int r = c->coarse ? -EOPNOTSUPP : decode_event(uevent, &a);

	a.base = c->kind == CLOCK_KIND_WALL   ? TIMER_BASE_WALL
		 : c->kind == CLOCK_KIND_MONO ? TIMER_BASE_MONO
					      : TIMER_BASE_CPU;
	return r ? r : posix_timer_create(&a);
}

int64_t sys_timer_create(int clock, uaddr_t uevent, uaddr_t uid)
{
	struct clock_id c;
	int r = clock_id_get(clock, &c);

	if (r)
		return r;
	r = create(&c, uevent);
	clock_id_put(&c);
	if (r < 0)
		return r;
	if (!put_user(uid, r))
		return 0;
	posix_timer_delete(r);
	return -EFAULT;
}

static int put_spec(uaddr_t out, nsec_t value, nsec_t interval)
{
	struct __kernel_itimerspec it = {.it_interval = timespec_of(interval),
					 .it_value = timespec_of(value)};

	return put_user(out, it) ? -EFAULT : 0;
}

int64_t sys_timer_settime(int id, int flags, uaddr_t unew, uaddr_t uold)
{
	struct __kernel_itimerspec it;
	nsec_t value, interval, old_value, old_interval;
	int r;

	if (!unew)
		return -EINVAL;
	if (get_user(it, unew))
		return -EFAULT;
	if (timespec_ns(&it.it_interval, &interval) || timespec_ns(&it.it_value, &value))
		return -EINVAL;
	/* Linux's farthest time; the sum of two such does not wrap. */
	interval = min(interval, (nsec_t)INT64_MAX);
	value = min(value, (nsec_t)INT64_MAX);
	r = posix_timer_set(id, flags & TIMER_ABSTIME, value, interval, &old_value, &old_interval);
	return r || !uold ? r : put_spec(uold, old_value, old_interval);
}

int64_t sys_timer_gettime(int id, uaddr_t out)
{
	nsec_t value, interval;
	int r = posix_timer_get(id, &value, &interval);

	return r ? r : put_spec(out, value, interval);
}

int64_t sys_timer_getoverrun(int id)
{
	return posix_timer_overrun(id);
}

int64_t sys_timer_delete(int id)
{
	return posix_timer_delete(id);
}
