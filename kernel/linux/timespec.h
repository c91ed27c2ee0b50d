/* SPDX-License-Identifier: BSD-2-Clause */
/* Times of the Linux ABI and ours. */
#ifndef LINUX_TIMESPEC_H
#define LINUX_TIMESPEC_H

#include <base/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <vm/usercopy.h>

#include <linux/time_types.h>

static inline struct __kernel_timespec timespec_of(nsec_t ns)
{
	return (struct __kernel_timespec){.tv_sec = (long long)(ns / NSEC_PER_SEC),
					  .tv_nsec = (long long)(ns % NSEC_PER_SEC)};
}

/* 0, or -EINVAL; what is too far away is NEVER. */
static inline int timespec_ns(const struct __kernel_timespec *ts, nsec_t *ns)
{
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long long)NSEC_PER_SEC)
		return -EINVAL;
	if (mul_overflow((nsec_t)ts->tv_sec, NSEC_PER_SEC, ns) ||
	    add_overflow(*ns, (nsec_t)ts->tv_nsec, ns))
		*ns = NEVER;
	return 0;
}

/* The program's: -EFAULT, -EINVAL. */
static inline int timespec_get(uaddr_t from, nsec_t *ns)
{
	struct __kernel_timespec ts;

	return get_user(ts, from) ? -EFAULT : timespec_ns(&ts, ns);
}

#endif
