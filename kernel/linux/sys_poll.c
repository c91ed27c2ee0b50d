/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll and ppoll, and the files that they and select watch. The kernel's copy of the program's
 * array is all there is of a call besides; each look writes the events there.
 *
 * Deadlines are absolute from the start; the time that is left is written back where Linux does.
 */
#include "file_args.h"
#include "poll_args.h"
#include "signal_mask.h"
#include "watched.h"

#include <arch/usercopy.h>
#include <asm/poll.h>
#include <lib/errno.h>
#include <linux/resource.h>
#include <linux/time_types.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/poll.h>
#include <vm/usercopy.h>

int64_t poll_result(int r)
{
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

/* --- watched files ------------------------------------------------------------------------ */

int watched_begin(struct watched *w, size_t n)
{
	struct fd_table *table = current()->files;

	w->own = NULL;
	w->files = NULL;
	w->count = 0;
	if (!fd_table_is_shared(table))
		w->own = table->array;
	else
		w->files = n <= WATCHED_FEW ? w->few : kcalloc(n, sizeof(w->files[0]));
	return w->own || w->files ? 0 : -ENOMEM;
}

void watched_add(struct watched *w, int fd)
{
	w->files[w->count++] = fd_get(current()->files, fd);
}

void watched_end(struct watched *w)
{
	for (size_t i = 0; i < w->count; i++)
		file_put(w->files[i]);
	if (w->files != w->few)
		kfree(w->files);
}

/* --- poll --------------------------------------------------------------------------------- */

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

struct poll_call {
	struct pollfd *fds;
	size_t n;
	struct watched watched;
	struct pollfd few[POLL_FEW];
};

static int poll_look(void *ctx, struct poll_table *pt)
{
	struct poll_call *c = ctx;
	int count = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct pollfd *p = &c->fds[i];
		struct file *f = watched_file(&c->watched, i, p->fd);
		unsigned found = 0;

		if (f)
			found = watched_poll(f, pt) & ((uint16_t)p->events | ALWAYS);
		else if (p->fd >= 0)
			found = POLLNVAL;
		p->revents = (int16_t)found;
		if (found) {
			count++;
			pt = NULL; /* there will be no sleep: no need for further nodes */
		}
	}
	return count;
}

/* The events only: other threads may be changing what stands beside them. */
static int put_events(uaddr_t ufds, const struct pollfd *fds, size_t n)
{
	size_t skip = offsetof(struct pollfd, revents);

	if (!user_range_ok(ufds, n * sizeof(*fds)))
		return -EFAULT;
	return arch_user_scatter16((void *)(ufds + skip), (const char *)fds + skip, sizeof(*fds),
				   n);
}

/* c->fds has room for c->n. */
static int64_t poll_all(struct poll_call *c, uaddr_t ufds, nsec_t deadline)
{
	int64_t r;

	if (copy_from_user(c->fds, ufds, c->n * sizeof(*c->fds)))
		return -EFAULT;
	r = watched_begin(&c->watched, c->n);
	if (r)
		return r;
	for (size_t i = 0; !c->watched.own && i < c->n; i++)
		watched_add(&c->watched, c->fds[i].fd);
	r = poll_result(poll_until(poll_look, c, deadline));
	watched_end(&c->watched);
	/* However it ended, as on Linux: of a wait that a signal cut short all are 0. */
	return put_events(ufds, c->fds, c->n) ? -EFAULT : r;
}

static int64_t do_poll(uaddr_t ufds, unsigned n, nsec_t deadline)
{
	struct poll_call c;
	int64_t r;

	if (n > process_limit(process_current(), RLIMIT_NOFILE))
		return -EINVAL;
	c.n = n;
	c.fds = n <= POLL_FEW ? c.few : kmalloc(n * sizeof(*c.fds));
	if (!c.fds)
		return -ENOMEM;
	r = poll_all(&c, ufds, deadline);
	if (c.fds != c.few)
		kfree(c.fds);
	return r;
}

/* A poll that a signal without a handler cut short goes on to the same deadline. */
static int64_t restart_poll(struct proc_thread *t)
{
	int64_t r = do_poll(t->restart_args[0], (unsigned)t->restart_args[1], t->restart_args[2]);

	return r == -ERESTARTNOHAND ? -ERESTART_RESTARTBLOCK : r;
}

int64_t sys_poll(uaddr_t fds, unsigned n, int timeout_ms)
{
	struct proc_thread *t = proc_thread(current());

	t->restart_args[0] = fds;
	t->restart_args[1] = n;
	t->restart_args[2] = NEVER;
	if (timeout_ms == 0)
		t->restart_args[2] = 0;
	else if (timeout_ms > 0)
		t->restart_args[2] = clock_mono_ns() + (nsec_t)timeout_ms * NSEC_PER_MSEC;
	t->restart = restart_poll;
	return restart_poll(t);
}

void put_time_left(uaddr_t uts, nsec_t deadline)
{
	struct __kernel_timespec ts = {0};
	nsec_t now = clock_mono_ns();

	if (!uts || deadline == NEVER)
		return;
	if (deadline > now) {
		ts.tv_sec = (int64_t)((deadline - now) / NSEC_PER_SEC);
		ts.tv_nsec = (int64_t)((deadline - now) % NSEC_PER_SEC);
	}
	if (put_user(uts, ts)) /* no error, as on Linux */
		return;
}

int64_t sys_ppoll(uaddr_t fds, unsigned n, uaddr_t timeout, uaddr_t mask, size_t mask_size)
{
	nsec_t deadline;
	int64_t r = deadline_from_timespec(timeout, &deadline);

	if (r)
		return r;
	r = signal_mask_enter(mask, mask_size);
	if (r)
		return r;
	r = do_poll(fds, n, deadline);
	signal_mask_leave(r == -ERESTARTNOHAND);
	put_time_left(timeout, deadline);
	return r;
}
