/* SPDX-License-Identifier: BSD-2-Clause */
/* What was used: times, getrusage. */
#include "rusage.h"

#include <lib/errno.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/resource.h>
#include <linux/times.h>

#define TICKS_PER_SEC 100

void rusage_encode(struct rusage *ru, const struct usage *u)
{
	*ru = (struct rusage){
		.ru_utime.tv_sec = (long)(u->user_ns / NSEC_PER_SEC),
		.ru_utime.tv_usec = (long)(u->user_ns % NSEC_PER_SEC / 1000),
		.ru_stime.tv_sec = (long)(u->system_ns / NSEC_PER_SEC),
		.ru_stime.tv_usec = (long)(u->system_ns % NSEC_PER_SEC / 1000),
		.ru_minflt = (long)u->minor_faults,
		.ru_maxrss = (long)u->resident_max * 4,
		.ru_nvcsw = (long)u->voluntary,
		.ru_nivcsw = (long)u->forced,
	};
}

static long ticks(uint64_t ns)
{
	return (long)(ns / (NSEC_PER_SEC / TICKS_PER_SEC));
}

int64_t sys_times(uaddr_t out)
{
	struct usage self, children;
	struct tms t;

	usage_of_process(process_current(), &self);
	usage_of_children(process_current(), &children);
	t.tms_utime = ticks(self.user_ns);
	t.tms_stime = ticks(self.system_ns);
	t.tms_cutime = ticks(children.user_ns);
	t.tms_cstime = ticks(children.system_ns);
	if (out && put_user(out, t))
		return -EFAULT;
	return ticks(clock_mono_ns());
}

int64_t sys_getrusage(int who, uaddr_t out)
{
	struct rusage ru;
	struct usage u;

	if (who == RUSAGE_SELF)
		usage_of_process(process_current(), &u);
	else if (who == RUSAGE_CHILDREN)
		usage_of_children(process_current(), &u);
	else if (who == RUSAGE_THREAD)
		usage_of_thread(current(), &u);
	else
		return -EINVAL;
	rusage_encode(&ru, &u);
	return put_user(out, ru);
}
