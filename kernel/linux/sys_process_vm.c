/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another process's memory, and what two processes share: process_vm_readv, process_vm_writev,
 * process_madvise, process_mrelease, kcmp. Who may is decided as for ptrace (proc/access.c).
 *
 * Memory goes through a buffer of the kernel piece by piece: the far side by its address space, the
 * near one by a user copy, so that no lock of one is held while the other faults.
 */
#include "file_args.h"
#include "pidfd_arg.h"

#include <base/cred.h>
#include <base/random.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <proc/oom.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fs_context.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#include <linux/capability.h>
#include <linux/kcmp.h>
#include <linux/mman.h>
#include <linux/uio.h>

#define PIECE 4096UL

/* The process that has a thread of this number, with a reference, or NULL. */
static struct process *process_of(int32_t pid)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct process *p = process_of_id_locked(pid);

	if (p)
		process_get(p);
	spin_unlock_irq(&proc_tree_lock, irq);
	return p;
}

/* --- process_vm_readv, process_vm_writev ----------------------------------------------------- */

/* The far side: addresses in another space, as given. */
struct far_range {
	struct iovec *iov;
	unsigned long count;
};

static int far_get(struct far_range *far, uaddr_t uiov, unsigned long count)
{
	*far = (struct far_range){.count = count};
	if (count > UIO_MAXIOV)
		return -EINVAL;
	if (!count)
		return 0;
	far->iov = kmalloc(count * sizeof(*far->iov));
	if (!far->iov)
		return -ENOMEM;
	if (copy_from_user(far->iov, uiov, count * sizeof(*far->iov)))
		return -EFAULT;
	for (unsigned long i = 0; i < count; i++)
		if ((int64_t)far->iov[i].iov_len < 0)
			return -EINVAL;
	return 0;
}

static bool far_is_empty(const struct far_range *far)
{
	for (unsigned long i = 0; i < far->count; i++)
		if (far->iov[i].iov_len)
			return false;
	return true;
}

static size_t move_piece(struct vm_space *s, uint64_t addr, struct iter *near, char *buf, size_t n,
			 bool write)
{
	if (write) {
		n = iter_copy_from(near, buf, n);
		return vm_access(s, addr, buf, n, true, false);
	}
	n = vm_access(s, addr, buf, n, false, false);
	return iter_copy_to(near, buf, n);
}

/* All that there is, up to the first byte that cannot be had: how much, or -EFAULT. */
static int64_t move(struct vm_space *s, const struct far_range *far, struct iter *near, char *buf,
		    bool write)
{
	int64_t done = 0;

	for (unsigned long i = 0; i < far->count; i++) {
		uint64_t addr = (uint64_t)far->iov[i].iov_base, left = far->iov[i].iov_len;

		while (left && iter_left(near)) {
			size_t n = min(min(left, PIECE - addr % PIECE), iter_left(near)), got;

			got = move_piece(s, addr, near, buf, n, write);
			done += (int64_t)got;
			if (got < n)
				return done ? done : -EFAULT;
			addr += n;
			left -= n;
			if (thread_interrupted(WAIT_KILLABLE))
				return done;
		}
	}
	return done;
}

static int64_t move_space(int pid, const struct far_range *far, struct iter *near, bool write)
{
	struct process *p = process_of(pid);
	struct vm_space *s;
	char *buf;
	int64_t r;

	if (!p)
		return -ESRCH;
	s = process_space(p); /* first: see process_may_trace */
	r = !process_may_trace(p) ? -EPERM : s ? 0 : -ESRCH;
	process_put(p);
	if (r) {
		vm_space_put(s);
		return r;
	}
	buf = kmalloc(PIECE);
	r = buf ? move(s, far, near, buf, write) : -ENOMEM;
	kfree(buf);
	vm_space_put(s);
	return r;
}

static int64_t process_vm(int pid, uaddr_t liov, unsigned long lcount, uaddr_t riov,
			  unsigned long rcount, unsigned long flags, bool write)
{
	struct iovec_arg near;
	struct far_range far;
	int64_t r;

	if (flags)
		return -EINVAL;
	r = iovec_arg_get(&near, liov, lcount);
	if (r)
		return r;
	if (!iter_left(&near.iter))
		goto out_near;
	r = far_get(&far, riov, rcount);
	if (!r && !far_is_empty(&far))
		r = move_space(pid, &far, &near.iter, write);
	kfree(far.iov);
out_near:
	iovec_arg_put(&near);
	return r;
}

int64_t sys_process_vm_readv(int pid, uaddr_t liov, unsigned long lcount, uaddr_t riov,
			     unsigned long rcount, unsigned long flags)
{
	return process_vm(pid, liov, lcount, riov, rcount, flags, false);
}

int64_t sys_process_vm_writev(int pid, uaddr_t liov, unsigned long lcount, uaddr_t riov,
			      unsigned long rcount, unsigned long flags)
{
	return process_vm(pid, liov, lcount, riov, rcount, flags, true);
}

/* --- process_madvise, process_mrelease ------------------------------------------------------- */

static int64_t advise(struct vm_space *s, const struct far_range *far)
{
	int64_t done = 0;

	for (unsigned long i = 0; i < far->count; i++) {
		uint64_t addr = (uint64_t)far->iov[i].iov_base, length = far->iov[i].iov_len;

		/* All of these are advice that changes nothing: memory is never paged out. */
		if (addr % PIECE)
			return done ? done : -EINVAL;
		if (!vm_range_mapped(s, addr, length))
			return done ? done : -ENOMEM;
		done += (int64_t)length;
	}
	return done;
}

int64_t sys_process_madvise(int pidfd, uaddr_t uiov, unsigned long count, int advice,
			    unsigned flags)
{
	struct far_range far;
	struct vm_space *s = NULL;
	struct process *p = NULL;
	int64_t r;

	if (flags)
		return -EINVAL;
	r = far_get(&far, uiov, count);
	if (!r)
		r = pidfd_arg_get(pidfd, &p, NULL);
	if (!r && advice != MADV_COLD && advice != MADV_PAGEOUT && advice != MADV_WILLNEED)
		r = -EINVAL;
	if (!r) {
		s = process_space(p);
		r = !process_may_trace(p) ? -EPERM : s ? 0 : -ESRCH;
	}
	if (!r && !cred_capable(current()->cred, CAP_SYS_NICE))
		r = -EPERM;
	if (!r)
		r = advise(s, &far);
	vm_space_put(s);
	if (p)
		process_put(p);
	kfree(far.iov);
	return r;
}

int64_t sys_process_mrelease(int pidfd, unsigned flags)
{
	struct process *p;
	int64_t r;

	if (flags)
		return -EINVAL;
	r = pidfd_arg_get(pidfd, &p, NULL);
	if (r)
		return r;
	r = process_release_memory(p);
	process_put(p);
	return r;
}

/* --- kcmp ------------------------------------------------------------------------------------ */

/* Addresses of the kernel are not for programs: only how they compare, after a secret mixing. */
static int64_t compare(const void *a, const void *b)
{
	static uint64_t secret; /* [a] odd, so that the mixing is one to one */
	uint64_t none = 0, fresh, x, y;

	if (!READ_ONCE(secret)) {
		random_bytes(&fresh, sizeof(fresh));
		__atomic_compare_exchange_n(&secret, &none, fresh | 1, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	x = ((uintptr_t)a ^ secret) * secret;
	y = ((uintptr_t)b ^ secret) * secret;
	return x == y ? 0 : x < y ? 1 : 2;
}

/* The thread's file: only to be compared. */
static const void *file_of(struct thread *t, unsigned long fd)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct fd_table *table = READ_ONCE(t->files);
	struct file *f;

	if (table && !fd_table_try_get(table))
		table = NULL;
	spin_unlock_irq(&proc_tree_lock, irq);
	f = table && fd <= INT32_MAX ? fd_get(table, (int)fd) : NULL;
	fd_table_put(table);
	return f;
}

static int64_t compare_files(struct thread *a, struct thread *b, unsigned long fd1,
			     unsigned long fd2)
{
	const struct file *f = file_of(a, fd1), *g = file_of(b, fd2);
	int64_t r = f && g ? compare(f, g) : -EBADF;

	file_put((struct file *)f);
	file_put((struct file *)g);
	return r;
}

static int64_t compare_threads(struct thread *a, struct thread *b, int type)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	int64_t r;

	if (list_empty(&a->process_link) || list_empty(&b->process_link))
		r = -ESRCH;
	else if (type == KCMP_VM)
		r = compare(a->space, b->space);
	else if (type == KCMP_FILES)
		r = compare(a->files, b->files);
	else if (type == KCMP_FS)
		r = compare(a->fs, b->fs);
	else
		r = compare(a->process->signals.actions, b->process->signals.actions);
	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static bool may_compare(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	bool may = !list_empty(&t->process_link) && thread_may_trace_locked(t);

	spin_unlock_irq(&proc_tree_lock, irq);
	return may;
}

int64_t sys_kcmp(int pid1, int pid2, int type, unsigned long fd1, unsigned long fd2)
{
	struct thread *a = thread_find(pid1), *b = thread_find(pid2);
	int64_t r;

	if (!a || !b)
		r = -ESRCH;
	else if (!may_compare(a) || !may_compare(b))
		r = -EPERM;
	else if (type == KCMP_FILE)
		r = compare_files(a, b, fd1, fd2);
	else if (type == KCMP_VM || type == KCMP_FILES || type == KCMP_FS || type == KCMP_SIGHAND)
		r = compare_threads(a, b, type);
	else if (type == KCMP_IO)
		r = 0; /* nobody shares one, and nobody has one, as on Linux until somebody does */
	else
		r = type == KCMP_SYSVSEM || type == KCMP_EPOLL_TFD ? -EOPNOTSUPP : -EINVAL;
	if (a)
		thread_put(a);
	if (b)
		thread_put(b);
	return r;
}
