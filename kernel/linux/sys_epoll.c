/* SPDX-License-Identifier: BSD-2-Clause */
/* epoll_create, epoll_ctl, epoll_wait and their relatives: decode; vfs/epoll.c does the work. */
#include "file_args.h"
#include "signal_mask.h"

#include <base/cred.h>
#include <lib/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/epoll.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

int64_t sys_epoll_create1(int flags)
{
	struct file *f;
	int r;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	r = epoll_create(&f);
	return r ? r : fd_publish(f, flags & EPOLL_CLOEXEC);
}

int64_t sys_epoll_create(int size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

int64_t sys_epoll_ctl(int epfd, int op, int fd, uaddr_t uevent)
{
	struct epoll_event event = {0};
	struct epoll_interest in;
	struct fd_ref ep, target;
	int64_t r = -EBADF;

	if (op != EPOLL_CTL_DEL && get_user(event, uevent))
		return -EFAULT;
	in = (struct epoll_interest){.events = event.events, .data = event.data};
	/* Nothing sleeps here, so EPOLLWAKEUP has no effect; it shows in fdinfo. */
	if (in.events & EPOLLWAKEUP && !cred_capable(current()->cred, CAP_BLOCK_SUSPEND))
		in.events &= ~(uint32_t)EPOLLWAKEUP;
	ep = fd_borrow(epfd);
	target = fd_borrow(fd);
	if (ep.file && target.file)
		r = epoll_ctl(ep.file, op, fd, target.file, &in);
	fd_return(target);
	fd_return(ep);
	return r;
}

/* Where the next event goes. */
struct event_array {
	uaddr_t at;
};

static int emit(void *ctx, uint32_t events, uint64_t data)
{
	struct event_array *a = ctx;
	struct epoll_event event = {.events = events, .data = data};

	if (put_user(a->at, event))
		return -EFAULT;
	a->at += sizeof(event);
	return 0;
}

static int64_t do_wait(int epfd, uaddr_t events, int max, nsec_t deadline)
{
	struct event_array array = {events};
	struct fd_ref ep;
	int64_t r;

	ep = fd_borrow(epfd);
	if (!ep.file)
		return -EBADF;
	if (max <= 0 || (size_t)max > INT32_MAX / sizeof(struct epoll_event))
		r = -EINVAL;
	else if (!user_range_ok(events, (size_t)max * sizeof(struct epoll_event)))
		r = -EFAULT;
	else if (!file_is_epoll(ep.file))
		r = -EINVAL;
	else
		r = epoll_wait(ep.file, (unsigned)max, deadline, emit, &array);
	fd_return(ep);
	return r;
}

static nsec_t deadline_from_ms(int ms)
{
	if (ms < 0)
		return NEVER;
	return ms ? clock_mono_ns() + (nsec_t)ms * NSEC_PER_MSEC : 0;
}

int64_t sys_epoll_wait(int epfd, uaddr_t events, int max, int timeout_ms)
{
	return do_wait(epfd, events, max, deadline_from_ms(timeout_ms));
}

static int64_t masked_wait(int epfd, uaddr_t events, int max, nsec_t deadline, uaddr_t mask,
			   size_t mask_size)
{
	int64_t r = signal_mask_enter(mask, mask_size);

	if (r)
		return r;
	r = do_wait(epfd, events, max, deadline);
	signal_mask_leave(r == -EINTR);
	return r;
}

int64_t sys_epoll_pwait(int epfd, uaddr_t events, int max, int timeout_ms, uaddr_t mask,
			size_t mask_size)
{
	return masked_wait(epfd, events, max, deadline_from_ms(timeout_ms), mask, mask_size);
}

int64_t sys_epoll_pwait2(int epfd, uaddr_t events, int max, uaddr_t timeout, uaddr_t mask,
			 size_t mask_size)
{
	nsec_t deadline;
	int r = deadline_from_timespec(timeout, &deadline);

	return r ? r : masked_wait(epfd, events, max, deadline, mask, mask_size);
}
