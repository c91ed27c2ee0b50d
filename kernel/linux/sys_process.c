/* SPDX-License-Identifier: BSD-2-Clause */
/* fork and its kin, exit, wait, ids, groups, sessions. */
#include "linux_boot.h"
#include "restart.h"
#include "tty_ioctl.h"

#include <arch/enter.h>
#include <arch/thread.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/wait.h>

/* What clone accepts; the rest is -EINVAL until it is there. */
#define CLONE_KNOWN                                                                       \
	(CSIGNAL | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK |      \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_SETTLS | \
	 CLONE_SYSVSEM | CLONE_DETACHED)

static int64_t do_clone(unsigned long flags, uint64_t stack, uaddr_t parent_tid, uaddr_t child_tid,
			uint64_t tls)
{
	struct fork_args a = {
		.share_space = flags & CLONE_VM,
		.share_files = flags & CLONE_FILES,
		.share_fs = flags & CLONE_FS,
		.vfork = flags & CLONE_VFORK,
		.exit_signal = (int)(flags & CSIGNAL),
		.stack = stack,
		.set_tls = flags & CLONE_SETTLS,
		.tls = tls,
		.clear_child_tid = flags & CLONE_CHILD_CLEARTID ? child_tid : 0,
		.set_child_tid = flags & CLONE_CHILD_SETTID ? child_tid : 0,
	};
	int32_t tid;
	int r;

	if (flags & ~(unsigned long)CLONE_KNOWN || (flags & CLONE_SIGHAND && !(flags & CLONE_VM)))
		return -EINVAL;
	if (flags & CLONE_SIGHAND)
		return -EINVAL; /* shared handlers come with threads */
	if (a.exit_signal > SIGNAL_COUNT)
		return -EINVAL;
	if (a.set_tls && tls >= USER_END)
		return -EPERM;
	r = process_fork(&a, &tid);
	if (r)
		return r;
	if (flags & CLONE_PARENT_SETTID && put_user(parent_tid, tid)) {
		/* The child runs; Linux ignores a bad address here, too. */
	}
	if (a.vfork)
		process_wait_vfork(tid);
	return tid;
}

int64_t sys_fork(void)
{
	return do_clone(SIGCHLD, 0, 0, 0, 0);
}

int64_t sys_vfork(void)
{
	return do_clone(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}

int64_t sys_clone(unsigned long flags, unsigned long stack, uaddr_t parent_tid, uaddr_t child_tid,
		  unsigned long tls)
{
	return do_clone(flags, stack, parent_tid, child_tid, tls);
}

static void start_user(uaddr_t set_child_tid, int32_t tid)
{
	if (put_user(set_child_tid, tid)) {
		/* A bad address is the program's own business. */
	}
}

static void exit_user(struct thread *t)
{
	struct proc_thread *d = proc_thread(t);
	int32_t zero = 0;

	if (d->clear_child_tid && put_user(d->clear_child_tid, zero)) {
		/* likewise */
	}
}

void linux_init(void)
{
	thread_start_user_hook = start_user;
	thread_exit_user_hook = exit_user;
	linux_tty_init();
}

int64_t sys_exit(int code)
{
	process_exit_thread((code & 0xff) << 8);
}

int64_t sys_exit_group(int code)
{
	process_exit_group((code & 0xff) << 8);
}

int64_t sys_set_tid_address(uaddr_t address)
{
	proc_thread(current())->clear_child_tid = address;
	return current()->tid;
}

int64_t sys_set_robust_list(uaddr_t head, size_t size)
{
	if (size != 24)
		return -EINVAL;
	proc_thread(current())->robust_list = head;
	return 0;
}

/* --- wait ----------------------------------------------------------------------------------------
 */

static int put_rusage(uaddr_t out, const struct wait_result *w)
{
	struct rusage ru = {0};

	if (!out)
		return 0;
	ru.ru_utime.tv_sec = (long)(w->user_ns / NSEC_PER_SEC);
	ru.ru_utime.tv_usec = (long)(w->user_ns % NSEC_PER_SEC / 1000);
	ru.ru_stime.tv_sec = (long)(w->system_ns / NSEC_PER_SEC);
	ru.ru_stime.tv_usec = (long)(w->system_ns % NSEC_PER_SEC / 1000);
	return copy_to_user(out, &ru, sizeof(ru));
}

int64_t sys_wait4(int pid, uaddr_t ustatus, int options, uaddr_t urusage)
{
	unsigned how = WAIT_EXITED;
	struct wait_result w;
	int r;

	if (options & ~(int)(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	how |= options & WNOHANG ? WAIT_NOHANG : 0;
	how |= options & WUNTRACED ? WAIT_STOPPED : 0;
	how |= options & WCONTINUED ? WAIT_CONTINUED : 0;
	r = process_wait(pid, how, &w);
	if (r == -EINTR)
		return -ERESTARTSYS;
	if (r <= 0)
		return r;
	if (ustatus && put_user(ustatus, w.status))
		return -EFAULT;
	return put_rusage(urusage, &w) ? -EFAULT : w.pid;
}

static void fill_siginfo(struct siginfo *si, const struct wait_result *w)
{
	si->si_signo = SIGCHLD;
	si->si_pid = w->pid;
	si->si_uid = w->uid;
	if (w->status == 0xffff) {
		si->si_code = CLD_CONTINUED;
		si->si_status = SIGCONT;
	} else if ((w->status & 0xff) == 0x7f) {
		si->si_code = CLD_STOPPED;
		si->si_status = w->status >> 8 & 0xff;
	} else if (w->status & 0x7f) {
		si->si_code = w->status & 0x80 ? CLD_DUMPED : CLD_KILLED;
		si->si_status = w->status & 0x7f;
	} else {
		si->si_code = CLD_EXITED;
		si->si_status = w->status >> 8 & 0xff;
	}
}

int64_t sys_waitid(int type, int id, uaddr_t uinfo, int options, uaddr_t urusage)
{
	struct siginfo si = {0};
	struct wait_result w;
	unsigned how = 0;
	int which, r;

	if (options & ~(int)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			     __WCLONE | __WALL) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (type == P_ALL)
		which = -1;
	else if (type == P_PID && id > 0)
		which = id;
	else if (type == P_PGID && id >= 0)
		which = id ? -id : 0;
	else
		return -EINVAL;
	how |= options & WEXITED ? WAIT_EXITED : 0;
	how |= options & WSTOPPED ? WAIT_STOPPED : 0;
	how |= options & WCONTINUED ? WAIT_CONTINUED : 0;
	how |= options & WNOHANG ? WAIT_NOHANG : 0;
	how |= options & WNOWAIT ? WAIT_NOREAP : 0;
	r = process_wait(which, how, &w);
	if (r == -EINTR)
		return -ERESTARTSYS;
	if (r < 0)
		return r;
	if (r > 0)
		fill_siginfo(&si, &w);
	if (uinfo && copy_to_user(uinfo, &si, sizeof(si)))
		return -EFAULT;
	return r > 0 && put_rusage(urusage, &w) ? -EFAULT : 0;
}

/* --- ids
 * ------------------------------------------------------------------------------------------ */

int64_t sys_getpid(void)
{
	return process_current()->pid;
}

int64_t sys_gettid(void)
{
	return current()->tid;
}

int64_t sys_getppid(void)
{
	return process_ppid(process_current());
}

int64_t sys_setpgid(int pid, int pgid)
{
	return pid < 0 ? -EINVAL : process_setpgid(pid, pgid);
}

static int64_t id_of(int pid, int32_t (*what)(struct process *p))
{
	struct process *p;
	int64_t id;

	if (!pid)
		return what(process_current());
	p = process_find(pid);
	if (!p)
		return -ESRCH;
	id = what(p);
	process_put(p);
	return id ? id : -ESRCH;
}

int64_t sys_getpgid(int pid)
{
	return id_of(pid, process_pgid);
}

int64_t sys_getpgrp(void)
{
	return process_pgid(process_current());
}

int64_t sys_getsid(int pid)
{
	return id_of(pid, process_sid);
}

int64_t sys_setsid(void)
{
	return process_setsid();
}
