/* SPDX-License-Identifier: BSD-2-Clause */
/* prctl: what a process says about itself; unshare of what is shared without namespaces. */
#include <ipc/sem.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/fs_context.h>
#include <vm/usercopy.h>

#include <linux/prctl.h>
#include <linux/sched.h>

static int64_t set_name(uaddr_t from)
{
	struct process *p = process_current();
	char name[THREAD_NAME_SIZE] = {0};
	ssize_t n = copy_string_from_user(name, from, sizeof(name));

	if (n == -EFAULT)
		return n;
	name[sizeof(name) - 1] = '\0';
	memcpy(current()->name, name, sizeof(name));
	if (current()->tid == p->pid)
		memcpy(p->name, name, sizeof(name));
	return 0;
}

static int64_t put_int(uaddr_t out, int v)
{
	return put_user(out, v);
}

static int64_t no_new_privs(bool set, unsigned long a2, unsigned long rest)
{
	struct proc_thread *d = proc_thread(current());

	if (a2 != set || rest)
		return -EINVAL;
	if (set)
		d->no_new_privs = true;
	return set ? 0 : d->no_new_privs;
}

int64_t sys_prctl(int op, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	struct process *p = process_current();
	char name[THREAD_NAME_SIZE];

	switch (op) {
	case PR_SET_NAME:
		return set_name(a2);
	case PR_GET_NAME:
		memcpy(name, current()->name, sizeof(name));
		return copy_to_user(a2, name, sizeof(name));
	case PR_GET_DUMPABLE:
		return p->dumpable;
	case PR_SET_DUMPABLE:
		if (a2 > 1)
			return -EINVAL;
		WRITE_ONCE(p->dumpable, a2 != 0);
		return 0;
	case PR_SET_PDEATHSIG:
		if (a2 > SIGNAL_COUNT)
			return -EINVAL;
		WRITE_ONCE(p->death_signal, (int32_t)a2);
		return 0;
	case PR_GET_PDEATHSIG:
		return put_int(a2, p->death_signal);
	case PR_SET_CHILD_SUBREAPER:
		process_set_subreaper(a2 != 0);
		return 0;
	case PR_GET_CHILD_SUBREAPER:
		return put_int(a2, p->subreaper);
	case PR_SET_NO_NEW_PRIVS:
		return no_new_privs(true, a2, a3 | a4 | a5);
	case PR_GET_NO_NEW_PRIVS:
		return no_new_privs(false, a2, a3 | a4 | a5);
	case PR_GET_TIMING:
		return PR_TIMING_STATISTICAL;
	case PR_SET_TIMING:
		return a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
	case PR_GET_TID_ADDRESS:
		return put_user(a2, proc_thread(current())->clear_child_tid);
	default:
		return -EINVAL;
	}
}

/* Namespaces are not there, and a thread cannot leave what threads share. */
int64_t sys_unshare(unsigned long flags)
{
	struct thread *t = current();
	struct process *p = t->process;
	struct fd_table *files = NULL, *old_files;
	struct fs_context *fs = NULL, *old_fs;
	uint64_t irq;

	if (flags & ~(unsigned long)(CLONE_FILES | CLONE_FS | CLONE_THREAD | CLONE_SIGHAND |
				     CLONE_VM | CLONE_SYSVSEM))
		return -EINVAL;
	if (flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) && READ_ONCE(p->thread_count) > 1)
		return -EINVAL;
	files = flags & CLONE_FILES ? fd_table_clone(t->files) : NULL;
	fs = flags & CLONE_FS ? fs_context_clone(t->fs) : NULL;
	if ((flags & CLONE_FILES && !files) || (flags & CLONE_FS && !fs)) {
		fd_table_leave(files);
		if (fs)
			fs_context_leave(fs);
		return -ENOMEM;
	}
	irq = spin_lock_irq(&proc_tree_lock);
	old_files = files ? t->files : NULL;
	t->files = files ? files : t->files;
	old_fs = fs ? t->fs : NULL;
	t->fs = fs ? fs : t->fs;
	spin_unlock_irq(&proc_tree_lock, irq);
	fd_table_leave(old_files);
	if (old_fs)
		fs_context_leave(old_fs);
	if (flags & CLONE_SYSVSEM)
		sem_undo_leave(t);
	return 0;
}
