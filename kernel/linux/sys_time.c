/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks, sleeps, interval timers of the real-time kind, resource use. */
#include "restart.h"
#include "timespec.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/time.h>
#include <linux/times.h>

static nsec_t now_of(int clock, int *error)
{
	uint64_t user, system;

	*error = 0;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		return clock_wall_ns();
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		return clock_mono_ns();
	case CLOCK_PROCESS_CPUTIME_ID:
		process_times(process_current(), &user, &system);
		return user + system;
	case CLOCK_THREAD_CPUTIME_ID:
		return thread_runtime_ns(current());
	default:
		*error = -EINVAL;
		return 0;
	}
}

int64_t sys_clock_gettime(int clock, uaddr_t out)
{
	int r;
	struct __kernel_timespec ts = timespec_of(now_of(clock, &r));

	if (r)
		return r;
	return put_user(out, ts);
}

int64_t sys_clock_getres(int clock, uaddr_t out)
{
	struct __kernel_timespec ts = {.tv_nsec = 1};
	int r;

	now_of(clock, &r);
	if (r)
		return r;
	return out ? put_user(out, ts) : 0;
}

int64_t sys_clock_settime(int clock, uaddr_t uts)
{
	struct __kernel_timespec ts;
	nsec_t ns;
	int r;

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (get_user(ts, uts))
		return -EFAULT;
	if (!cred_capable(current()->cred, CAP_SYS_TIME))
		return -EPERM;
	r = timespec_ns(&ts, &ns);
	if (r || ns == NEVER)
		return -EINVAL;
	clock_wall_set(ns);
	return 0;
}

int64_t sys_gettimeofday(uaddr_t utv, uaddr_t utz)
{
	nsec_t now = clock_wall_ns();
	struct __kernel_old_timeval tv = {.tv_sec = (long)(now / NSEC_PER_SEC),
					  .tv_usec = (long)(now % NSEC_PER_SEC / 1000)};
	uint64_t zone = 0; /* struct timezone: two ints, always 0 */

	if (utv && put_user(utv, tv))
		return -EFAULT;
	return utz ? put_user(utz, zone) : 0;
}

int64_t sys_settimeofday(uaddr_t utv, uaddr_t utz)
{
	struct __kernel_old_timeval tv;

	if (!cred_capable(current()->cred, CAP_SYS_TIME))
		return -EPERM;
	if (!utv)
		return 0;
	if (get_user(tv, utv))
		return -EFAULT;
	if (tv.tv_sec < 0 || tv.tv_sec > INT64_MAX / (long)NSEC_PER_SEC || tv.tv_usec < 0 ||
	    tv.tv_usec >= 1000000)
		return -EINVAL;
	clock_wall_set((nsec_t)tv.tv_sec * NSEC_PER_SEC + (nsec_t)tv.tv_usec * 1000);
	return 0;
}

int64_t sys_time(uaddr_t out)
{
	int64_t now = (int64_t)(clock_wall_ns() / NSEC_PER_SEC);

	return out && put_user(out, now) ? -EFAULT : now;
}

/* --- sleeping ------------------------------------------------------------------------------------
 */

static int put_remaining(nsec_t deadline, uaddr_t urem)
{
	nsec_t now = clock_mono_ns();
	struct __kernel_timespec ts = timespec_of(deadline > now ? deadline - now : 0);

	return urem ? put_user(urem, ts) : 0;
}

/* Sleep until a monotonic deadline; a signal leaves what is needed to go on with it. */
static int64_t restart_sleep(struct proc_thread *d)
{
	nsec_t deadline = d->restart_args[0];
	int r = thread_sleep_until(deadline, WAIT_INTERRUPTIBLE);

	if (!r)
		return 0;
	if (put_remaining(deadline, d->restart_args[1]))
		return -EFAULT;
	return -ERESTART_RESTARTBLOCK;
}

static int64_t sleep_relative(nsec_t ns, uaddr_t urem)
{
	struct proc_thread *d = proc_thread(current());

	if (add_overflow(ns, clock_mono_ns(), &d->restart_args[0]))
		d->restart_args[0] = NEVER;
	d->restart_args[1] = urem;
	d->restart = restart_sleep;
	return restart_sleep(d);
}

int64_t sys_nanosleep(uaddr_t uts, uaddr_t urem)
{
	struct __kernel_timespec ts;
	nsec_t ns;
	int r;

	if (get_user(ts, uts))
		return -EFAULT;
	r = timespec_ns(&ts, &ns);
	return r ? r : sleep_relative(ns, urem);
}

int64_t sys_clock_nanosleep(int clock, int flags, uaddr_t uts, uaddr_t urem)
{
	struct __kernel_timespec ts;
	nsec_t ns, now;
	int r;

	now = now_of(clock, &r);
	if (r || clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_PROCESS_CPUTIME_ID)
		return -EINVAL;
	if (get_user(ts, uts))
		return -EFAULT;
	r = timespec_ns(&ts, &ns);
	if (r)
		return r;
	if (!(flags & TIMER_ABSTIME))
		return sleep_relative(ns, urem);
	ns = ns > now ? ns - now : 0;
	if (add_overflow(ns, clock_mono_ns(), &ns))
		ns = NEVER;
	return thread_sleep_until(ns, WAIT_INTERRUPTIBLE) ? -ERESTARTNOHAND : 0;
}

/* --- interval timer
 * -------------------------------------------------------------------------------- */

static struct __kernel_old_timeval to_timeval(nsec_t ns)
{
	return (struct __kernel_old_timeval){.tv_sec = (long)(ns / NSEC_PER_SEC),
					     .tv_usec = (long)(ns % NSEC_PER_SEC / 1000)};
}

static int from_timeval(const struct __kernel_old_timeval *tv, nsec_t *ns)
{
	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return -EINVAL;
	if (tv->tv_sec > (long)(INT64_MAX / NSEC_PER_SEC))
		*ns = INT64_MAX;
	else
		*ns = (nsec_t)tv->tv_sec * NSEC_PER_SEC + (nsec_t)tv->tv_usec * 1000;
	return 0;
}

int64_t sys_getitimer(int which, uaddr_t out)
{
	nsec_t value, interval;
	struct __kernel_old_itimerval it;

	if (which != ITIMER_REAL)
		return -EINVAL;
	process_alarm_get(process_current(), &value, &interval);
	it.it_value = to_timeval(value);
	it.it_interval = to_timeval(interval);
	return put_user(out, it);
}

int64_t sys_setitimer(int which, uaddr_t unew, uaddr_t uold)
{
	struct __kernel_old_itimerval it = {0}, old;
	nsec_t value, interval, old_value, old_interval;

	if (which != ITIMER_REAL)
		return -EINVAL;
	if (unew && get_user(it, unew))
		return -EFAULT;
	if (from_timeval(&it.it_value, &value) || from_timeval(&it.it_interval, &interval))
		return -EINVAL;
	process_alarm_set(process_current(), value, interval, &old_value, &old_interval);
	old.it_value = to_timeval(old_value);
	old.it_interval = to_timeval(old_interval);
	return uold && put_user(uold, old) ? -EFAULT : 0;
}

int64_t sys_alarm(unsigned seconds)
{
	nsec_t old, interval;

	process_alarm_set(process_current(), seconds * NSEC_PER_SEC, 0, &old, &interval);
	return (int64_t)((old + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
}

/* --- resource use
 * ------------------------------------------------------------------------------------ */

static uint64_t ticks(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / 100);
}

int64_t sys_times(uaddr_t out)
{
	struct process *p = process_current();
	uint64_t user, system;
	struct tms t;

	process_times(p, &user, &system);
	t.tms_utime = (long)ticks(user);
	t.tms_stime = (long)ticks(system);
	t.tms_cutime = (long)ticks(p->child_user_ns);
	t.tms_cstime = (long)ticks(p->child_system_ns);
	if (out && put_user(out, t))
		return -EFAULT;
	return (int64_t)ticks(clock_mono_ns());
}

int64_t sys_getrusage(int who, uaddr_t out)
{
	struct process *p = process_current();
	uint64_t user, system;
	struct rusage ru = {0};

	if (who == RUSAGE_SELF) {
		process_times(p, &user, &system);
	} else if (who == RUSAGE_CHILDREN) {
		user = p->child_user_ns;
		system = p->child_system_ns;
	} else if (who == RUSAGE_THREAD) {
		user = thread_runtime_ns(current());
		system = 0;
	} else {
		return -EINVAL;
	}
	ru.ru_utime.tv_sec = (long)(user / NSEC_PER_SEC);
	ru.ru_utime.tv_usec = (long)(user % NSEC_PER_SEC / 1000);
	ru.ru_stime.tv_sec = (long)(system / NSEC_PER_SEC);
	ru.ru_stime.tv_usec = (long)(system % NSEC_PER_SEC / 1000);
	if (who != RUSAGE_CHILDREN) {
		ru.ru_minflt = (long)current()->space->minor_faults;
		ru.ru_maxrss = current()->space->resident * 4;
		ru.ru_nvcsw = (long)current()->switches_voluntary;
		ru.ru_nivcsw = (long)current()->switches_forced;
	}
	return put_user(out, ru);
}
