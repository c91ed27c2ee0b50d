/* SPDX-License-Identifier: BSD-2-Clause */
/* eventfd and timerfd: decode; vfs/eventfd.c and vfs/timerfd.c do the work. */
#include "file_args.h"

#include <base/cred.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/timerfd.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/eventfd.h>
#include <vfs/file.h>
#include <vfs/timerfd.h>
#include <vm/usercopy.h>

/* --- eventfd ------------------------------------------------------------------------------ */

/* The package of Linux's headers has no linux/eventfd.h yet. */
#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC   O_CLOEXEC
#define EFD_NONBLOCK  O_NONBLOCK

int64_t sys_eventfd2(unsigned count, int flags)
{
	struct file *f;
	int r;

	if (flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK))
		return -EINVAL;
	r = eventfd_create(count, flags & EFD_SEMAPHORE, (unsigned)flags & EFD_NONBLOCK, &f);
	return r ? r : fd_publish(f, flags & EFD_CLOEXEC);
}

int64_t sys_eventfd(unsigned count)
{
	return sys_eventfd2(count, 0);
}

/* --- timerfd ------------------------------------------------------------------------------ */

int64_t sys_timerfd_create(int clock, int flags)
{
	bool alarm = clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
	struct file *f;
	int r;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    !alarm)
		return -EINVAL;
	/* Nothing suspends, so the alarm clocks are their plain forms. */
	if (alarm && !cred_capable(current()->cred, CAP_WAKE_ALARM))
		return -EPERM;
	r = timerfd_create(clock, (unsigned)flags & TFD_NONBLOCK, &f);
	return r ? r : fd_publish(f, flags & TFD_CLOEXEC);
}

/* Linux's farthest time: anything later is cut to it. */
static int nsec_from_timespec(const struct __kernel_timespec *ts, nsec_t *out)
{
	if (ts->tv_sec < 0 || (uint64_t)ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if (mul_overflow((nsec_t)ts->tv_sec, NSEC_PER_SEC, out) ||
	    add_overflow(*out, (nsec_t)ts->tv_nsec, out) || *out > INT64_MAX)
		*out = INT64_MAX;
	return 0;
}

static struct __kernel_timespec timespec_from_nsec(nsec_t ns)
{
	return (struct __kernel_timespec){.tv_sec = (long long)(ns / NSEC_PER_SEC),
					  .tv_nsec = (long long)(ns % NSEC_PER_SEC)};
}

static int put_setting(uaddr_t out, const struct timerfd_setting *s)
{
	struct __kernel_itimerspec its = {.it_value = timespec_from_nsec(s->value),
					  .it_interval = timespec_from_nsec(s->interval)};

	return put_user(out, its);
}

/* 0 with the file in *r, -EBADF, -EINVAL. */
static int borrow_timerfd(int fd, struct fd_ref *r)
{
	*r = fd_borrow(fd);
	if (!r->file)
		return -EBADF;
	if (file_is_timerfd(r->file))
		return 0;
	fd_return(*r);
	return -EINVAL;
}

int64_t sys_timerfd_settime(int fd, int flags, uaddr_t unew, uaddr_t uold)
{
	struct __kernel_itimerspec its;
	struct timerfd_setting new, old;
	struct fd_ref ref;
	int r;

	if (get_user(its, unew))
		return -EFAULT;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) ||
	    nsec_from_timespec(&its.it_value, &new.value) ||
	    nsec_from_timespec(&its.it_interval, &new.interval))
		return -EINVAL;
	r = borrow_timerfd(fd, &ref);
	if (r)
		return r;
	r = timerfd_set(ref.file, (unsigned)flags, &new, &old);
	fd_return(ref);
	if (!r && uold && put_setting(uold, &old))
		return -EFAULT;
	return r;
}

int64_t sys_timerfd_gettime(int fd, uaddr_t out)
{
	struct timerfd_setting s;
	struct fd_ref ref;
	int r = borrow_timerfd(fd, &ref);

	if (r)
		return r;
	timerfd_get(ref.file, &s);
	fd_return(ref);
	return put_setting(out, &s);
}
