/* SPDX-License-Identifier: BSD-2-Clause */
/* pidfd_open, pidfd_send_signal, pidfd_getfd. Of threads there are no such descriptors. */
#include "file_args.h"
#include "pidfd_arg.h"
#include "siginfo.h"

#include <lib/errno.h>
#include <proc/pidfd.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vm/usercopy.h>

#include <asm/siginfo.h>
#include <linux/fcntl.h>
#include <linux/pidfd.h>

/* Whom pidfd_send_signal tells; linux/pidfd.h of newer headers has them. */
#define SCOPE_THREAD	    1
#define SCOPE_PROCESS_GROUP 4
#define SIGNAL_SCOPES	    7 /* 2 is the process; one at most */

int pidfd_arg_get(int fd, struct process **out, bool *nonblock)
{
	struct fd_ref ref = fd_borrow(fd);

	*out = ref.file ? pidfd_process(ref.file) : NULL;
	if (*out && nonblock)
		*nonblock = READ_ONCE(ref.file->flags) & O_NONBLOCK;
	fd_return(ref);
	return *out ? 0 : -EBADF;
}

int64_t sys_pidfd_open(int pid, unsigned flags)
{
	struct process *p;
	struct file *f;
	int r;

	if (flags & ~(unsigned)PIDFD_NONBLOCK || pid <= 0)
		return -EINVAL;
	p = process_find(pid);
	if (!p) {
		struct thread *t = thread_find(pid);

		if (t)
			thread_put(t);
		return t ? -ENOENT : -ESRCH;
	}
	r = pidfd_create(p, flags, &f);
	process_put(p);
	return r ? r : fd_publish(f, true);
}

static int get_info(uaddr_t uinfo, int sig, struct process *p, struct signal_info *info)
{
	struct siginfo si;

	*info = (struct signal_info){.signo = sig,
				     .code = SI_USER,
				     .pid = process_current()->pid,
				     .uid = current()->cred->uid};
	if (!uinfo)
		return 0;
	if (copy_from_user(&si, uinfo, sizeof(si)))
		return -EFAULT;
	siginfo_decode(info, &si);
	if (info->signo != sig)
		return -EINVAL;
	/* Only the kernel may claim to be the kernel, or another sender by kill(). */
	if (p != process_current() && (info->code >= 0 || info->code == SI_TKILL))
		return -EPERM;
	return 0;
}

static int send(struct process *p, int sig, unsigned scope, const struct signal_info *info)
{
	if (scope == SCOPE_PROCESS_GROUP)
		return signal_kill(-p->pid, sig, info);
	if (scope == SCOPE_THREAD)
		return signal_kill_thread(p->pid, p->pid, sig, info);
	return signal_kill(p->pid, sig, info);
}

int64_t sys_pidfd_send_signal(int fd, int sig, uaddr_t uinfo, unsigned flags)
{
	struct signal_info info;
	struct process *p;
	int r;

	if (flags & ~(unsigned)SIGNAL_SCOPES || flags & (flags - 1))
		return -EINVAL;
	r = pidfd_arg_get(fd, &p, NULL);
	if (r)
		return r;
	r = get_info(uinfo, sig, p, &info);
	/* Its number is nobody else's before it has been reaped. */
	if (!r)
		r = READ_ONCE(p->state) == PROC_REAPED ? -ESRCH : send(p, sig, flags, &info);
	process_put(p);
	return r;
}

static struct fd_table *table_of(struct process *p)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct thread *t = thread_find_locked(p->pid);
	struct fd_table *table = t && t->process == p ? READ_ONCE(t->files) : NULL;

	if (table && !fd_table_try_get(table))
		table = NULL;
	spin_unlock_irq(&proc_tree_lock, irq);
	return table;
}

static int64_t get_fd(struct process *p, int fd)
{
	struct fd_table *table;
	struct file *f;

	table = table_of(p);
	if (!process_may_inspect(p)) {
		fd_table_put(table);
		return -EPERM;
	}
	if (!table)
		return -ESRCH;
	f = fd_get(table, fd);
	fd_table_put(table);
	return f ? fd_publish(f, true) : -EBADF;
}

int64_t sys_pidfd_getfd(int pidfd, int fd, unsigned flags)
{
	struct process *p;
	int64_t r;

	if (flags)
		return -EINVAL;
	r = pidfd_arg_get(pidfd, &p, NULL);
	if (r)
		return r;
	r = get_fd(p, fd);
	process_put(p);
	return r;
}
