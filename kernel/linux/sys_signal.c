/* SPDX-License-Identifier: BSD-2-Clause */
/* Signal calls: actions, masks, waiting for signals, sending. */
#include "restart.h"
#include "siginfo.h"
#include "signal_mask.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/time_types.h>

#define SET_SIZE      8
#define UNBLOCKABLE   (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define SS_DISABLE    2
#define SS_ONSTACK    1
#define SS_AUTODISARM (1u << 31)
#define MINSIGSTKSZ   2048

struct linux_sigaction {
	uint64_t handler, flags, restorer, mask;
};

struct linux_stack {
	uint64_t sp;
	int flags;
	uint32_t pad; /* goes out to the program: 0 */
	uint64_t size;
};

static bool valid(int sig)
{
	return sig >= 1 && sig <= SIGNAL_COUNT;
}

int64_t sys_rt_sigaction(int sig, uaddr_t uact, uaddr_t uold, size_t size)
{
	struct process *p = process_current();
	struct linux_sigaction act, old;
	struct signal_actions *all = p->signals.actions;
	struct signal_action *a;
	uint64_t irq;

	if (size != SET_SIZE || !valid(sig) || (uact && (sig == SIGKILL || sig == SIGSTOP)))
		return -EINVAL;
	if (uact && copy_from_user(&act, uact, sizeof(act)))
		return -EFAULT;
	a = &all->table[sig - 1];
	irq = spin_lock_irq(&all->lock);
	old = (struct linux_sigaction){a->handler, a->flags, a->restorer, a->mask};
	if (uact)
		*a = (struct signal_action){.handler = act.handler,
					    .flags = act.flags,
					    .restorer = act.restorer,
					    .mask = act.mask & ~UNBLOCKABLE};
	spin_unlock_irq(&all->lock, irq);
	/* POSIX: what is pending and now ignored is dropped. */
	if (uact && act.handler <= 1)
		signal_discard_ignored(p, sig);
	if (uold && copy_to_user(uold, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

int64_t sys_rt_sigprocmask(int how, uaddr_t uset, uaddr_t uold, size_t size)
{
	sigset64_t old = proc_thread(current())->blocked, set;

	if (size != SET_SIZE)
		return -EINVAL;
	if (uset) {
		if (get_user(set, uset))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			set = old | set;
			break;
		case SIG_UNBLOCK:
			set = old & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_mask(set);
	}
	return uold && put_user(uold, old) ? -EFAULT : 0;
}

int64_t sys_rt_sigpending(uaddr_t uset, size_t size)
{
	sigset64_t set = signal_pending_set() & proc_thread(current())->blocked;

	if (size > SET_SIZE)
		return -EINVAL;
	return copy_to_user(uset, &set, size);
}

/* --- masks for the time of a call ---------------------------------------------------------------
 */

static void mask_enter(sigset64_t set)
{
	struct proc_thread *d = proc_thread(current());

	d->saved_mask = d->blocked;
	signal_set_mask(set);
}

int signal_mask_enter(uaddr_t mask, size_t size)
{
	sigset64_t set;

	if (!mask)
		return 0;
	if (size != SET_SIZE)
		return -EINVAL;
	if (get_user(set, mask))
		return -EFAULT;
	mask_enter(set);
	proc_thread(current())->restore_saved = true;
	return 0;
}

void signal_mask_leave(bool interrupted)
{
	struct proc_thread *d = proc_thread(current());

	/* Interrupted: the old mask comes back only after the handler has been set up. */
	if (interrupted || !d->restore_saved)
		return;
	d->restore_saved = false;
	signal_set_mask(d->saved_mask);
}

int64_t sys_rt_sigsuspend(uaddr_t uset, size_t size)
{
	sigset64_t set;

	if (size != SET_SIZE)
		return -EINVAL;
	if (get_user(set, uset))
		return -EFAULT;
	mask_enter(set);
	while (!signal_pending_current())
		thread_sleep_until(NEVER, WAIT_INTERRUPTIBLE);
	proc_thread(current())->restore_saved = true;
	return -ERESTARTNOHAND;
}

int64_t sys_pause(void)
{
	while (!signal_pending_current())
		thread_sleep_until(NEVER, WAIT_INTERRUPTIBLE);
	return -ERESTARTNOHAND;
}

static int timeout_from_user(uaddr_t uts, nsec_t *deadline)
{
	struct __kernel_timespec ts;
	nsec_t ns;

	*deadline = NEVER;
	if (!uts)
		return 0;
	if (get_user(ts, uts))
		return -EFAULT;
	if (ts.tv_sec < 0 || ts.tv_nsec < 0 || ts.tv_nsec >= (long)NSEC_PER_SEC)
		return -EINVAL;
	if (mul_overflow((nsec_t)ts.tv_sec, NSEC_PER_SEC, &ns) ||
	    add_overflow(ns, (nsec_t)ts.tv_nsec, &ns) ||
	    add_overflow(ns, clock_mono_ns(), deadline))
		*deadline = NEVER;
	return 0;
}

int64_t sys_rt_sigtimedwait(uaddr_t uset, uaddr_t uinfo, uaddr_t uts, size_t size)
{
	sigset64_t set;
	struct signal_info info;
	struct siginfo si;
	nsec_t deadline;
	int sig, r;

	if (size != SET_SIZE)
		return -EINVAL;
	if (get_user(set, uset))
		return -EFAULT;
	r = timeout_from_user(uts, &deadline);
	if (r)
		return r;
	set &= ~UNBLOCKABLE;
	/* The awaited signals are unblocked while we sleep, so that senders wake us. */
	for (;;) {
		sig = signal_take(set, &info);
		if (sig || r)
			break;
		signal_await(set);
		r = thread_sleep_until(deadline, WAIT_INTERRUPTIBLE);
		signal_await(0);
		if (!r && deadline <= clock_mono_ns())
			r = -EAGAIN;
	}
	if (!sig)
		return r;
	siginfo_encode(&si, &info);
	if (uinfo && copy_to_user(uinfo, &si, sizeof(si)))
		return -EFAULT;
	return sig;
}

int64_t sys_sigaltstack(uaddr_t unew, uaddr_t uold)
{
	struct proc_thread *d = proc_thread(current());
	uint64_t sp = arch_user_frame(&current()->arch)->rsp;
	bool on = sp - d->altstack_base - 1 < d->altstack_size;
	struct linux_stack old = {.sp = d->altstack_base, .size = d->altstack_size}, new;

	old.flags = d->altstack_size ? (int)d->altstack_flags | (on ? SS_ONSTACK : 0) : SS_DISABLE;
	if (unew) {
		if (get_user(new, unew))
			return -EFAULT;
		if (on)
			return -EPERM;
		if (new.flags & ~(int)(SS_DISABLE | SS_ONSTACK | SS_AUTODISARM))
			return -EINVAL;
		if (new.flags & SS_DISABLE) {
			new.size = 0;
			new.sp = 0;
		} else if (new.size < MINSIGSTKSZ) {
			return -ENOMEM;
		}
		d->altstack_base = new.sp;
		d->altstack_size = new.size;
		d->altstack_flags = (uint32_t) new.flags &SS_AUTODISARM;
	}
	return uold && put_user(uold, old) ? -EFAULT : 0;
}

/* --- sending ------------------------------------------------------------------------------------
 */

static struct signal_info from_me(int sig, int code)
{
	return (struct signal_info){.signo = sig,
				    .code = code,
				    .pid = process_current()->pid,
				    .uid = current()->cred->uid};
}

int64_t sys_kill(int pid, int sig)
{
	struct signal_info info = from_me(sig, SI_USER);

	return signal_kill(pid, sig, &info);
}

int64_t sys_tgkill(int tgid, int tid, int sig)
{
	struct signal_info info = from_me(sig, SI_TKILL);

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return signal_kill_thread(tgid, tid, sig, &info);
}

int64_t sys_tkill(int tid, int sig)
{
	struct signal_info info = from_me(sig, SI_TKILL);

	return tid <= 0 ? -EINVAL : signal_kill_thread(0, tid, sig, &info);
}

/* Only the kernel may claim to be the kernel, or another sender by kill(). */
static int queue_info(uaddr_t uinfo, int sig, int target, struct signal_info *info)
{
	struct siginfo si;

	if (copy_from_user(&si, uinfo, sizeof(si)))
		return -EFAULT;
	siginfo_decode(info, &si);
	info->signo = sig;
	if ((info->code >= 0 || info->code == SI_TKILL) && target != current()->tid)
		return -EPERM;
	return 0;
}

int64_t sys_rt_sigqueueinfo(int pid, int sig, uaddr_t uinfo)
{
	struct signal_info info;
	int r = queue_info(uinfo, sig, pid, &info);

	if (r)
		return r;
	return pid <= 0 ? -ESRCH : signal_kill(pid, sig, &info);
}

int64_t sys_rt_tgsigqueueinfo(int tgid, int tid, int sig, uaddr_t uinfo)
{
	struct signal_info info;
	int r;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	r = queue_info(uinfo, sig, tid, &info);
	if (r)
		return r;
	return signal_kill_thread(tgid, tid, sig, &info);
}
