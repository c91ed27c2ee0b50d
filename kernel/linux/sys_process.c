/* SPDX-License-Identifier: BSD-2-Clause */
/* exit, wait, ids, groups, sessions. */
#include "pidfd_arg.h"
#include "restart.h"
#include "rusage.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/resource.h>
#include <linux/wait.h>

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

/* --- wait ----------------------------------------------------------------------------------------
 */

static int put_rusage(uaddr_t out, const struct wait_result *w)
{
	struct rusage ru;

	if (!out)
		return 0;
	rusage_encode(&ru, &w->used);
	return copy_to_user(out, &ru, sizeof(ru));
}

static unsigned kind_options(int options)
{
	if (options & __WALL)
		return WAIT_ANY_SIGNAL;
	return (unsigned)options & __WCLONE ? WAIT_OTHER_SIGNAL : 0;
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
	how |= kind_options(options);
	r = process_wait(pid, how, &w);
	if (r == -EINTR)
		return -ERESTARTSYS;
	if (r <= 0)
		return r;
	if (ustatus && put_user(ustatus, w.status))
		return -EFAULT;
	return put_rusage(urusage, &w) ? -EFAULT : w.pid;
}

#define NOTHING_YET 1 /* there are children, and WNOHANG was asked for */

static void fill_siginfo(struct siginfo *si, const struct wait_result *w)
{
	si->si_signo = SIGCHLD;
	si->si_pid = w->pid;
	si->si_uid = w->uid;
	if (w->trapped) {
		si->si_code = CLD_TRAPPED;
		si->si_status = w->status >> 8;
	} else if (w->status == 0xffff) {
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

/* Of a child, or of several, by wait4's numbers. */
static int64_t do_waitid(int which, int options, uaddr_t uinfo, uaddr_t urusage)
{
	struct siginfo si = {0};
	struct wait_result w;
	unsigned how = kind_options(options);
	int r;

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
	if (r > 0)
		return put_rusage(urusage, &w) ? -EFAULT : 0;
	return NOTHING_YET;
}

/* A descriptor that does not block waits only as WNOHANG does, but says so. */
static int64_t wait_pidfd(int fd, uaddr_t uinfo, int options, uaddr_t urusage)
{
	struct process *p;
	bool nonblock;
	int64_t r = pidfd_arg_get(fd, &p, &nonblock);

	if (r)
		return r;
	if (READ_ONCE(p->state) == PROC_REAPED)
		r = -ECHILD;
	else
		r = do_waitid(p->pid, options | (nonblock ? WNOHANG : 0), uinfo, urusage);
	process_put(p);
	if (r != NOTHING_YET)
		return r;
	return nonblock && !(options & WNOHANG) ? -EAGAIN : 0;
}

int64_t sys_waitid(int type, int id, uaddr_t uinfo, int options, uaddr_t urusage)
{
	int64_t r;
	int which;

	if (options & ~(int)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			     __WCLONE | __WALL) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (type == P_PIDFD && id >= 0)
		return wait_pidfd(id, uinfo, options, urusage);
	if (type == P_ALL)
		which = -1;
	else if (type == P_PID && id > 0)
		which = id;
	else if (type == P_PGID && id >= 0)
		which = id ? -id : 0;
	else
		return -EINVAL;
	r = do_waitid(which, options, uinfo, urusage);
	return r == NOTHING_YET ? 0 : r;
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
