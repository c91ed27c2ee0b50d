/* SPDX-License-Identifier: BSD-2-Clause */
/* Clocks, sleeps, interval timers. */
#include "clock_id.h"
#include "restart.h"
#include "timespec.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/time.h>

int64_t sys_clock_gettime(int clock, uaddr_t out)
{
	struct __kernel_timespec ts;
	struct clock_id c;
	int r = clock_id_get(clock, &c);

	if (r)
		return r;
	ts = timespec_of(clock_id_now(&c));
	clock_id_put(&c);
	return put_user(out, ts);
}

int64_t sys_clock_getres(int clock, uaddr_t out)
{
	struct __kernel_timespec ts = {.tv_nsec = 1};
	struct clock_id c;
	int r = clock_id_get(clock, &c);

	if (r)
		return r;
	clock_id_put(&c);
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

/* Absolute times: a signal is seen only if a handler ran, and then nothing remains to be told. */
static int64_t sleep_until(const struct clock_id *c, nsec_t at)
{
	int r;

	if (c->kind == CLOCK_KIND_CPU) {
		r = cpu_clock_sleep(c->process, c->thread, c->cpu, at);
	} else if (c->kind == CLOCK_KIND_WALL) {
		wait_begin(WAIT_INTERRUPTIBLE);
		r = wait_sleep_wall(at);
		r = r == -ETIMEDOUT ? 0 : r;
	} else {
		r = thread_sleep_until(at, WAIT_INTERRUPTIBLE);
	}
	return r ? -ERESTARTNOHAND : 0;
}

/* Of a processor clock, relative: what remains is of that clock. Begins again when restarted. */
static int64_t sleep_cpu(const struct clock_id *c, nsec_t ns, uaddr_t urem)
{
	nsec_t at = 0, now;
	struct __kernel_timespec ts;

	if (add_overflow(clock_id_now(c), ns, &at))
		at = NEVER;
	if (!cpu_clock_sleep(c->process, c->thread, c->cpu, at))
		return 0;
	now = clock_id_now(c);
	ts = timespec_of(at > now ? at - now : 0);
	return urem && put_user(urem, ts) ? -EFAULT : -EINTR;
}

/* May the caller sleep on this clock? Its own processor time does not pass while it sleeps. */
static int check_sleep(const struct clock_id *c)
{
	if (c->own_thread || c->coarse)
		return -EOPNOTSUPP;
	return c->thread == current() ? -EINVAL : 0;
}

int64_t sys_clock_nanosleep(int clock, int flags, uaddr_t uts, uaddr_t urem)
{
	struct clock_id c;
	int64_t r = clock_id_get(clock, &c);
	nsec_t ns;

	if (r)
		return r;
	if (c.own_thread || c.coarse)
		r = -EOPNOTSUPP;
	if (!r)
		r = timespec_get(uts, &ns);
	if (!r)
		r = check_sleep(&c);
	if (!r && flags & TIMER_ABSTIME)
		r = sleep_until(&c, ns);
	else if (!r)
		r = c.kind == CLOCK_KIND_CPU ? sleep_cpu(&c, ns, urem) : sleep_relative(ns, urem);
	clock_id_put(&c);
	return r;
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

/* One of the three by Linux's number. */
static void alarm_get(int which, nsec_t *value, nsec_t *interval)
{
	struct process *p = process_current();

	if (which == ITIMER_REAL)
		process_alarm_get(p, value, interval);
	else
		process_cpu_alarm_get(p, which == ITIMER_VIRTUAL ? CPU_CLOCK_USER : CPU_CLOCK_TOTAL,
				      value, interval);
}

static void alarm_set(int which, nsec_t value, nsec_t interval, nsec_t *old, nsec_t *old_interval)
{
	struct process *p = process_current();

	if (which == ITIMER_REAL)
		process_alarm_set(p, value, interval, old, old_interval);
	else
		process_cpu_alarm_set(p, which == ITIMER_VIRTUAL ? CPU_CLOCK_USER : CPU_CLOCK_TOTAL,
				      value, interval, old, old_interval);
}

int64_t sys_getitimer(int which, uaddr_t out)
{
	nsec_t value, interval;
	struct __kernel_old_itimerval it;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	alarm_get(which, &value, &interval);
	it.it_value = to_timeval(value);
	it.it_interval = to_timeval(interval);
	return put_user(out, it);
}

int64_t sys_setitimer(int which, uaddr_t unew, uaddr_t uold)
{
	struct __kernel_old_itimerval it = {0}, old;
	nsec_t value, interval, old_value, old_interval;

	if (unew && get_user(it, unew))
		return -EFAULT;
	if (from_timeval(&it.it_value, &value) || from_timeval(&it.it_interval, &interval))
		return -EINVAL;
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	alarm_set(which, value, interval, &old_value, &old_interval);
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
