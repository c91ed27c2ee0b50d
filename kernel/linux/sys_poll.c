/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll, ppoll, select, pselect6: decode into poll_request, wait in vfs/poll.c, encode.
 *
 * All descriptors are looked up once, before the wait, with a reference each, so that another
 * thread may close them meanwhile. Deadlines are absolute from the start; the time that is left
 * is written back where Linux does.
 */
#include "file_args.h"
#include "signal_mask.h"

#include <asm/poll.h>
#include <base/percpu.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/posix_types.h>
#include <linux/resource.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/file.h>
#include <vfs/poll.h>
#include <vm/usercopy.h>

/* The file to wait for, or NULL: a descriptor of O_PATH has no events. */
static struct file *get_file(int fd)
{
	struct file *f = fd_get(current()->files, fd);

	if (f && (f->mode & FILE_PATH)) {
		file_put(f);
		f = NULL;
	}
	return f;
}

static void put_files(struct poll_request *req, size_t n)
{
	for (size_t i = 0; i < n; i++)
		file_put(req[i].file);
}

/* How a wait that a signal ended is restarted. */
static int64_t wait_result(int r)
{
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

/* --- poll --------------------------------------------------------------------------------- */

static void poll_decode(const struct pollfd *fds, struct poll_request *req, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		req[i].file = get_file(fds[i].fd);
		req[i].events = (uint16_t)fds[i].events;
		/* A bad descriptor is an event of its own. */
		req[i].found = fds[i].fd >= 0 && !req[i].file ? POLLNVAL : 0;
	}
}

static int count_bad(const struct poll_request *req, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		bad += req[i].found != 0;
	return bad;
}

/* fds has room for both arrays' worth of n. */
static int64_t poll_wait_all(struct pollfd *fds, struct poll_request *req, size_t n,
			     nsec_t deadline)
{
	int bad, r;

	poll_decode(fds, req, n);
	bad = count_bad(req, n);
	r = poll_files(req, n, bad ? 0 : deadline);
	put_files(req, n);
	if (r < 0)
		return wait_result(r);
	for (size_t i = 0; i < n; i++)
		fds[i].revents = (short)req[i].found;
	return r + bad;
}

static int64_t do_poll(uaddr_t ufds, unsigned n, nsec_t deadline)
{
	struct poll_request *req;
	struct pollfd *fds;
	int64_t r = -ENOMEM;

	if (n > process_limit(process_current(), RLIMIT_NOFILE))
		return -EINVAL;
	fds = kcalloc(max(n, 1U), sizeof(*fds));
	req = kcalloc(max(n, 1U), sizeof(*req));
	if (!fds || !req)
		goto out;
	r = copy_from_user(fds, ufds, n * sizeof(*fds));
	if (!r)
		r = poll_wait_all(fds, req, n, deadline);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		if (put_user(ufds + i * sizeof(*fds) + offsetof(struct pollfd, revents),
			     fds[i].revents))
			r = -EFAULT;
	}
out:
	kfree(req);
	kfree(fds);
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

/* The time left, for calls that report it. Failing to write it is no error, as on Linux. */
static void put_time_left(uaddr_t uts, nsec_t deadline)
{
	struct __kernel_timespec ts = {0};
	nsec_t now = clock_mono_ns();

	if (!uts || deadline == NEVER)
		return;
	if (deadline > now) {
		ts.tv_sec = (int64_t)((deadline - now) / NSEC_PER_SEC);
		ts.tv_nsec = (int64_t)((deadline - now) % NSEC_PER_SEC);
	}
	if (put_user(uts, ts))
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

/* --- select ------------------------------------------------------------------------------- */

#define SELECT_IN  (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR)
#define SELECT_EX  EPOLLPRI

/* The three sets, in and out; each of `words` words. */
struct select_sets {
	size_t n, words;
	unsigned long *in, *out, *ex; /* one block */
	struct poll_request *req;     /* one for each descriptor that is in any set */
	int *fds;
	size_t count;
};

static int sets_alloc(struct select_sets *s, size_t n)
{
	s->n = n;
	s->words = BITMAP_WORDS(n);
	s->count = 0;
	s->in = kcalloc(max(s->words, (size_t)1) * 3, sizeof(long));
	s->out = s->in + s->words;
	s->ex = s->out + s->words;
	s->req = NULL;
	s->fds = NULL;
	return s->in ? 0 : -ENOMEM;
}

static void sets_free(struct select_sets *s)
{
	kfree(s->in);
	kfree(s->req);
	kfree(s->fds);
}

static unsigned events_of(const struct select_sets *s, size_t fd)
{
	return (bit_test(s->in, fd) ? SELECT_IN : 0) | (bit_test(s->out, fd) ? SELECT_OUT : 0) |
	       (bit_test(s->ex, fd) ? SELECT_EX : 0);
}

static int sets_decode(struct select_sets *s)
{
	size_t wanted = 0;

	for (size_t fd = 0; fd < s->n; fd++)
		wanted += events_of(s, fd) != 0;
	s->req = kcalloc(max(wanted, (size_t)1), sizeof(s->req[0]));
	s->fds = kcalloc(max(wanted, (size_t)1), sizeof(s->fds[0]));
	if (!s->req || !s->fds)
		return -ENOMEM;
	for (size_t fd = 0; fd < s->n; fd++) {
		unsigned events = events_of(s, fd);

		if (!events)
			continue;
		s->fds[s->count] = (int)fd;
		s->req[s->count].events = events;
		s->req[s->count].file = get_file((int)fd);
		if (!s->req[s->count++].file)
			return -EBADF;
	}
	return 0;
}

static int sets_encode(struct select_sets *s)
{
	int bits = 0;

	for (size_t i = 0; i < s->count; i++) {
		size_t fd = (size_t)s->fds[i];
		unsigned found = s->req[i].found;

		if (bit_test(s->in, fd) && !(found & SELECT_IN))
			bit_clear(s->in, fd);
		if (bit_test(s->out, fd) && !(found & SELECT_OUT))
			bit_clear(s->out, fd);
		if (bit_test(s->ex, fd) && !(found & SELECT_EX))
			bit_clear(s->ex, fd);
		bits += bit_test(s->in, fd) + bit_test(s->out, fd) + bit_test(s->ex, fd);
	}
	return bits;
}

static int set_read(unsigned long *set, uaddr_t user, const struct select_sets *s)
{
	if (!user)
		return 0;
	if (copy_from_user(set, user, s->words * sizeof(long)))
		return -EFAULT;
	if (s->n % BITS_PER_LONG)
		set[s->words - 1] &= (1UL << s->n % BITS_PER_LONG) - 1;
	return 0;
}

static int set_write(uaddr_t user, const unsigned long *set, const struct select_sets *s)
{
	return user ? copy_to_user(user, set, s->words * sizeof(long)) : 0;
}

static int64_t do_select(int n, uaddr_t in, uaddr_t out, uaddr_t ex, nsec_t deadline)
{
	struct select_sets s;
	int64_t r;

	if (n < 0)
		return -EINVAL;
	/* No descriptor is above the table: as on Linux, bits there are neither read nor written.
	 */
	r = sets_alloc(&s, min((size_t)n, fd_capacity(current()->files)));
	if (r)
		return r;
	if (set_read(s.in, in, &s) || set_read(s.out, out, &s) || set_read(s.ex, ex, &s))
		r = -EFAULT;
	if (!r)
		r = sets_decode(&s);
	if (!r)
		r = wait_result(poll_files(s.req, s.count, deadline));
	put_files(s.req, s.req ? s.count : 0);
	if (r >= 0) {
		r = sets_encode(&s);
		if (set_write(in, s.in, &s) || set_write(out, s.out, &s) || set_write(ex, s.ex, &s))
			r = -EFAULT;
	}
	sets_free(&s);
	return r;
}

int64_t sys_select(int n, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t timeout)
{
	struct __kernel_old_timeval tv;
	nsec_t deadline = NEVER, start = clock_mono_ns(), left;
	int64_t r;

	if (timeout) {
		if (get_user(tv, timeout))
			return -EFAULT;
		if (tv.tv_sec < 0 || tv.tv_usec < 0)
			return -EINVAL;
		/* Beyond a century there is no difference to for ever. */
		if (tv.tv_sec < 1L << 32 && tv.tv_usec < 1L << 42)
			deadline = start + (nsec_t)tv.tv_sec * NSEC_PER_SEC +
				   (nsec_t)tv.tv_usec * NSEC_PER_USEC;
		if (deadline == start)
			deadline = 0;
	}
	r = do_select(n, in, out, ex, deadline);
	if (timeout && deadline != NEVER) {
		nsec_t now = clock_mono_ns();

		left = deadline > now ? deadline - now : 0;
		tv.tv_sec = (long)(left / NSEC_PER_SEC);
		tv.tv_usec = (long)(left % NSEC_PER_SEC / NSEC_PER_USEC);
		if (put_user(timeout, tv))
			return r;
	}
	return r;
}

int64_t sys_pselect6(int n, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t timeout, uaddr_t sig)
{
	struct {
		uaddr_t mask;
		size_t size;
	} arg = {0};
	nsec_t deadline;
	int64_t r;

	if (sig && get_user(arg, sig))
		return -EFAULT;
	r = deadline_from_timespec(timeout, &deadline);
	if (r)
		return r;
	r = signal_mask_enter(arg.mask, arg.size);
	if (r)
		return r;
	r = do_select(n, in, out, ex, deadline);
	signal_mask_leave(r == -ERESTARTNOHAND);
	put_time_left(timeout, deadline);
	return r;
}
