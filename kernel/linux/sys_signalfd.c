/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signalfd: reading takes signals that are pending for the thread that reads.
 *
 * Whose signals those are depends on who looks, so who waits (a sleeping reader, poll, epoll)
 * hangs on a blocker of the looking process (struct signal_watch), which sending wakes. After a
 * fork, or with a descriptor sent to others, one file is looked at by several processes, and
 * epoll may keep its place on such a blocker for as long as the file is open: the file keeps a
 * reference of each watch that was used through it. Those of processes that have ended are
 * dropped when another one is added, once nobody hangs on them.
 */
#include "file_args.h"

#include <base/spinlock.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/poll.h>
#include <vm/usercopy.h>

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>

struct used_watch {
	struct list link; /* [signalfd->lock] */
	struct signal_watch *watch;
};

struct signalfd {
	sigset64_t mask;      /* [a] */
	struct spinlock lock; /* VFS_MISC */
	struct list watches;  /* [lock] used_watch */
};

static const struct file_ops signalfd_ops;

static void drop_used(struct used_watch *u)
{
	list_del(&u->link);
	signal_watch_put(u->watch);
	kfree(u);
}

/* The caller's watch, kept by the file from now on. NULL: no memory. */
static struct signal_watch *use_watch(struct signalfd *s)
{
	struct signal_watch *w = signal_watch_get();
	struct used_watch *u, *next;

	if (!w)
		return NULL;
	spin_lock(&s->lock);
	list_for_each_entry_safe(u, next, &s->watches, link) {
		if (u->watch == w)
			goto out;
		if (signal_watch_is_left(u->watch))
			drop_used(u);
	}
	u = kzalloc(sizeof(*u));
	if (u) {
		u->watch = w;
		list_add_tail(&u->link, &s->watches);
		spin_unlock(&s->lock);
		return w; /* our reference is the file's */
	}
	signal_watch_put(w);
	w = NULL;
	spin_unlock(&s->lock);
	return w;
out:
	spin_unlock(&s->lock);
	signal_watch_put(w);
	return w;
}

static bool pending(const struct signalfd *s)
{
	return signal_pending_set() & READ_ONCE(s->mask);
}

static unsigned signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->priv;
	struct signal_watch *w = use_watch(s);

	if (!process_current())
		return 0;
	if (!w)
		return EPOLLERR;
	poll_wait(pt, &w->arrived);
	return pending(s) ? EPOLLIN : 0;
}

static void encode(struct signalfd_siginfo *out, const struct signal_info *in)
{
	memset(out, 0, sizeof(*out));
	out->ssi_signo = (uint32_t)in->signo;
	out->ssi_errno = in->err;
	out->ssi_code = in->code;
	if (in->code == SI_TIMER) {
		out->ssi_tid = (uint32_t)in->timer_id;
		out->ssi_overrun = (uint32_t)in->overrun;
	} else {
		out->ssi_pid = (uint32_t)in->pid;
		out->ssi_uid = in->uid;
	}
	if (in->code < 0) {
		out->ssi_ptr = in->value;
		out->ssi_int = (int32_t)in->value;
	} else if (in->signo == SIGCHLD) {
		out->ssi_status = in->status;
		out->ssi_utime = (uint64_t)in->utime;
		out->ssi_stime = (uint64_t)in->stime;
	} else {
		out->ssi_addr = in->address;
	}
}

/* One signal: 0, -EAGAIN, -EINTR. */
static int take(struct file *f, struct signal_info *info, bool wait)
{
	struct signalfd *s = f->priv;
	struct signal_watch *w;

	for (;;) {
		if (signal_take(READ_ONCE(s->mask), info))
			return 0;
		if (!wait || READ_ONCE(f->flags) & O_NONBLOCK)
			return -EAGAIN;
		w = use_watch(s);
		if (!w)
			return -ENOMEM;
		if (WAIT_UNTIL(&w->arrived, pending(s), NEVER, WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
}

static ssize_t signalfd_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct signalfd_siginfo out;
	struct signal_info info;
	ssize_t done = 0;
	int r;

	if (iter_left(it) < sizeof(out))
		return -EINVAL;
	while (iter_left(it) >= sizeof(out)) {
		r = take(f, &info, !done);
		if (r)
			return done ? done : r;
		encode(&out, &info);
		if (iter_copy_to(it, &out, sizeof(out)) != sizeof(out))
			return done ? done : -EFAULT;
		done += (ssize_t)sizeof(out);
	}
	return done;
}

static void signalfd_release(struct file *f)
{
	struct signalfd *s = f->priv;

	while (!list_empty(&s->watches))
		drop_used(list_first_entry(&s->watches, struct used_watch, link));
	kfree(s);
}

static void signalfd_show_info(struct file *f, struct text *out)
{
	struct signalfd *s = f->priv;

	text_printf(out, "sigmask:\t%016llx\n", (unsigned long long)READ_ONCE(s->mask));
}

static const struct file_ops signalfd_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_EVENT,
	.release = signalfd_release,
	.read = signalfd_read,
	.poll = signalfd_poll,
	.show_info = signalfd_show_info,
};

/* --- calls ----------------------------------------------------------------------------------- */

static int64_t create(sigset64_t mask, int flags)
{
	struct signalfd *s = kzalloc(sizeof(*s));
	struct file *f;
	int r;

	if (!s)
		return -ENOMEM;
	s->mask = mask;
	spin_init(&s->lock, LOCK_VFS_MISC);
	list_init(&s->watches);
	r = file_create_event("[signalfd]", O_RDWR | ((unsigned)flags & O_NONBLOCK), &signalfd_ops,
			      s, &f);
	if (r) {
		kfree(s);
		return r;
	}
	return fd_publish(f, flags & O_CLOEXEC);
}

static int64_t change(int fd, sigset64_t mask)
{
	struct fd_ref ref = fd_borrow(fd);
	int64_t r = ref.file ? -EINVAL : -EBADF;

	if (ref.file && ref.file->ops == &signalfd_ops) {
		WRITE_ONCE(((struct signalfd *)ref.file->priv)->mask, mask);
		signal_watch_wake(process_current());
		r = fd;
	}
	fd_return(ref);
	return r;
}

int64_t sys_signalfd4(int fd, uaddr_t umask, size_t size, int flags)
{
	sigset64_t mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (get_user(mask, umask))
		return -EFAULT;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	mask &= ~(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP));
	return fd == -1 ? create(mask, flags) : change(fd, mask);
}

int64_t sys_signalfd(int fd, uaddr_t umask, size_t size)
{
	return sys_signalfd4(fd, umask, size, 0);
}
