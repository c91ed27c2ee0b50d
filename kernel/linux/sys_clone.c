/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork, vfork, clone, clone3: what is shared and what is copied. Combinations of flags are refused
 * as Linux does; namespaces are not there, so their flags are -EINVAL.
 *
 * The child can be seen by others as soon as process_fork() has made it, but runs only after
 * what the parent was asked to store is in place.
 */
#include "file_args.h"
#include "restart.h"

#include <arch/page.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/pidfd.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/sched.h>

#define CLONE_NAMESPACES                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)
/* What clone3 knows; clone's flags are cut to 32 bits, and what it does not know is no bit. */
#define CLONE_KNOWN (0xffffffffULL | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)

static int check_flags(uint64_t flags)
{
	if (flags & (CLONE_NAMESPACES | CLONE_INTO_CGROUP))
		return -EINVAL;
	if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if (flags & CLONE_SIGHAND && !(flags & CLONE_VM))
		return -EINVAL;
	/* Init's children are its own: it has no parent to give them to. */
	if (flags & CLONE_PARENT && process_current()->pid == 1)
		return -EINVAL;
	/* Of threads there are no such descriptors. */
	if (flags & CLONE_PIDFD && flags & (CLONE_THREAD | CLONE_DETACHED))
		return -EINVAL;
	return 0;
}

/* What CLONE_PIDFD needs, before the child is there. */
static int prepare_pidfd(uaddr_t where, int *fd, struct file **f)
{
	int r = pidfd_create(NULL, 0, f);

	if (r)
		return r;
	*fd = fd_reserve(current()->files, 0, fd_limit(), true);
	r = *fd < 0 ? *fd : put_user(where, *fd) ? -EFAULT : 0;
	if (!r)
		return 0;
	if (*fd >= 0)
		fd_release(current()->files, *fd);
	file_put(*f);
	return r;
}

static void finish_pidfd(int fd, struct file *f, struct process *child)
{
	if (child) {
		pidfd_bind(f, child);
		fd_install(current()->files, fd, f);
	} else {
		fd_release(current()->files, fd);
		file_put(f);
	}
}

/* What our tracer, if there is one, wants to hear of it; or 0. */
static enum trace_event event_of(const struct clone_args *ca)
{
	enum trace_event event = ca->flags & CLONE_VFORK      ? TRACE_VFORK
				 : ca->exit_signal != SIGCHLD ? TRACE_CLONE
							      : TRACE_FORK;

	return !(ca->flags & CLONE_UNTRACED) && trace_wants(event) ? event : 0;
}

static int64_t do_clone(const struct clone_args *ca, int32_t want_id)
{
	uint64_t flags = ca->flags;
	enum trace_event event = event_of(ca);
	struct fork_args a = {
		.share_space = flags & CLONE_VM,
		.share_files = flags & CLONE_FILES,
		.share_fs = flags & CLONE_FS,
		.share_signals = flags & CLONE_SIGHAND,
		.reset_signals = flags & CLONE_CLEAR_SIGHAND,
		.share_sem_undo = flags & CLONE_SYSVSEM,
		.thread = flags & CLONE_THREAD,
		.vfork = flags & CLONE_VFORK && !(flags & CLONE_THREAD),
		.sibling = flags & CLONE_PARENT && !(flags & CLONE_THREAD),
		.want_id = want_id,
		.traced = flags & CLONE_PTRACE || event,
		.exit_signal = (int)ca->exit_signal,
		.stack = ca->stack,
		.set_tls = flags & CLONE_SETTLS,
		.tls = ca->tls,
		.clear_child_tid = flags & CLONE_CHILD_CLEARTID ? ca->child_tid : 0,
		.set_child_tid = flags & CLONE_CHILD_SETTID ? ca->child_tid : 0,
	};
	struct file *pidfd_file;
	struct thread *child;
	int pidfd;
	int32_t tid;
	int r = check_flags(flags);

	if (r)
		return r;
	if (a.set_tls && a.tls >= USER_END)
		return -EPERM;
	r = flags & CLONE_PIDFD ? prepare_pidfd(ca->pidfd, &pidfd, &pidfd_file) : 0;
	if (r)
		return r;
	r = process_fork(&a, &child);
	if (flags & CLONE_PIDFD)
		finish_pidfd(pidfd, pidfd_file, r ? NULL : child->process);
	if (r)
		return r;
	tid = child->tid;
	if (flags & CLONE_PARENT_SETTID && put_user(ca->parent_tid, tid)) {
		/* The child is there; Linux ignores a bad address here, too. */
	}
	thread_start(child);
	thread_put(child);
	if (event)
		trace_event(event, (uint64_t)tid);
	if (a.vfork && process_wait_vfork(tid))
		trace_event(TRACE_VFORK_DONE, (uint64_t)tid);
	return tid;
}

int64_t sys_fork(void)
{
	return do_clone(&(struct clone_args){.exit_signal = SIGCHLD}, 0);
}

int64_t sys_vfork(void)
{
	return do_clone(
		&(struct clone_args){.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD}, 0);
}

int64_t sys_clone(unsigned long flags, unsigned long stack, uaddr_t parent_tid, uaddr_t child_tid,
		  unsigned long tls)
{
	struct clone_args a = {.flags = (uint32_t)flags & ~(uint32_t)CSIGNAL,
			       .exit_signal = flags & CSIGNAL,
			       .stack = stack,
			       .pidfd = parent_tid,
			       .parent_tid = parent_tid,
			       .child_tid = child_tid,
			       .tls = tls};

	/* One address for two results. */
	if (flags & CLONE_PIDFD && flags & (CLONE_PARENT_SETTID | CLONE_DETACHED))
		return -EINVAL;
	return do_clone(&a, 0);
}

/* --- clone3 ---------------------------------------------------------------------------------- */

/* A structure that may be shorter or longer than ours; what we do not know must be 0. */
static int get_args(struct clone_args *a, uaddr_t from, size_t size)
{
	uint8_t rest[64];

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	if (copy_from_user(a, from, min(size, sizeof(*a))))
		return -EFAULT;
	for (size_t at = sizeof(*a); at < size; at += sizeof(rest)) {
		size_t n = min(size - at, sizeof(rest));

		if (copy_from_user(rest, from + at, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (rest[i])
				return -E2BIG;
	}
	return 0;
}

static int check_args(const struct clone_args *a, size_t size)
{
	if ((a->set_tid_size > 32) || (!a->set_tid && a->set_tid_size) ||
	    (a->set_tid && !a->set_tid_size))
		return -EINVAL;
	if (a->exit_signal & ~(uint64_t)CSIGNAL || a->exit_signal > SIGNAL_COUNT)
		return -EINVAL;
	if (a->flags & CLONE_INTO_CGROUP && (a->cgroup > INT32_MAX || size < CLONE_ARGS_SIZE_VER2))
		return -EINVAL;
	if (a->flags & ~CLONE_KNOWN)
		return -EINVAL;
	/* CSIGNAL's bits are not flags here; CLONE_NEWTIME among them is a namespace. */
	if (a->flags & (CLONE_DETACHED | CSIGNAL))
		return -EINVAL;
	if (a->flags & CLONE_SIGHAND && a->flags & CLONE_CLEAR_SIGHAND)
		return -EINVAL;
	if (a->flags & (CLONE_THREAD | CLONE_PARENT) && a->exit_signal)
		return -EINVAL;
	if (!a->stack != !a->stack_size)
		return -EINVAL;
	if (a->stack && !user_range_ok(a->stack, a->stack_size))
		return -EINVAL;
	return 0;
}

/* One number for the one space of numbers there is. */
static int get_id(const struct clone_args *a, int32_t *id)
{
	*id = 0;
	if (!a->set_tid_size)
		return 0;
	if (copy_from_user(id, a->set_tid, sizeof(*id)))
		return -EFAULT;
	if (a->set_tid_size > 1 || *id < 1)
		return -EINVAL;
	return cred_capable(current()->cred, CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int64_t sys_clone3(uaddr_t uargs, size_t size)
{
	struct clone_args a;
	int32_t id;
	int r = get_args(&a, uargs, size);

	if (!r)
		r = check_args(&a, size);
	if (!r)
		r = get_id(&a, &id);
	if (r)
		return r;
	a.stack += a.stack_size;
	return do_clone(&a, id);
}
