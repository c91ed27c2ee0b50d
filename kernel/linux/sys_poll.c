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

static void put_files(struct poll_request *req, size_t n, bool shared)
{
	for (size_t i = 0; shared && i < n; i++)
		file_put(req[i].file);
}

/* How a wait that a signal ended is restarted. */
static int64_t wait_result(int r)
{
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

/* --- poll --------------------------------------------------------------------------------- */

#define POLL_FEW 16 /* arrays of so many are on the stack */

/* How many descriptors are bad: that is an event of its own. */
static int poll_decode(const struct pollfd *fds, struct poll_request *req, size_t n, bool shared)
{
	struct fd_table *table = current()->files;
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		req[i].file = fd_look(table, fds[i].fd, shared);
		req[i].events = (uint16_t)fds[i].events;
		req[i].found = 0;
		if (!req[i].file && fds[i].fd >= 0) {
			req[i].found = POLLNVAL;
			bad++;
		}
	}
	return bad;
}

static int put_events(uaddr_t ufds, const struct poll_request *req, size_t n)
{
	uaddr_t at = ufds + offsetof(struct pollfd, revents);

	for (size_t i = 0; i < n; i++, at += sizeof(struct pollfd)) {
		int16_t found = (int16_t)req[i].found;

		if (put_user(at, found))
			return -EFAULT;
	}
	return 0;
}

/* fds and req have room for n. */
static int64_t poll_wait_all(uaddr_t ufds, struct pollfd *fds, struct poll_request *req, size_t n,
			     nsec_t deadline)
{
	bool shared = fd_table_is_shared(current()->files);
	int bad, r;

	if (copy_from_user(fds, ufds, n * sizeof(*fds)))
		return -EFAULT;
	bad = poll_decode(fds, req, n, shared);
	r = poll_files(req, n, bad ? 0 : deadline);
	put_files(req, n, shared);
	if (r < 0)
		return wait_result(r);
	return put_events(ufds, req, n) ? -EFAULT : r + bad;
}

static int64_t do_poll(uaddr_t ufds, unsigned n, nsec_t deadline)
{
	struct poll_request few_req[POLL_FEW], *req;
	struct pollfd few_fds[POLL_FEW], *fds;
	int64_t r = -ENOMEM;

	if (n > process_limit(process_current(), RLIMIT_NOFILE))
		return -EINVAL;
	if (n <= POLL_FEW)
		return poll_wait_all(ufds, few_fds, few_req, n, deadline);
	fds = kcalloc(n, sizeof(*fds));
	req = kcalloc(n, sizeof(*req));
	if (fds && req)
		r = poll_wait_all(ufds, fds, req, n, deadline);
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

#define SELECT_FEW_WORDS 4  /* sets of so many words, and requests for so many descriptors, are */
#define SELECT_FEW	 16 /* on the stack */

/* The three sets, in and out; each of `words` words. */
struct select_sets {
	size_t n, words;
	unsigned long *in, *out, *ex; /* one block */
	struct poll_request *req; /* one for each descriptor that is in any set, in their order */
	size_t count;
	bool shared; /* the requests have references */
	unsigned long few_words[3 * SELECT_FEW_WORDS];
	struct poll_request few_req[SELECT_FEW];
};

static int sets_alloc(struct select_sets *s, size_t n)
{
	s->n = n;
	s->words = BITMAP_WORDS(n);
	s->count = 0;
	s->req = NULL;
	s->shared = fd_table_is_shared(current()->files);
	if (s->words <= SELECT_FEW_WORDS)
		s->in = memset(s->few_words, 0, sizeof(s->few_words));
	else
		s->in = kcalloc(s->words * 3, sizeof(long));
	s->out = s->in + s->words;
	s->ex = s->out + s->words;
	return s->in ? 0 : -ENOMEM;
}

static void sets_free(struct select_sets *s)
{
	put_files(s->req, s->count, s->shared);
	if (s->in != s->few_words)
		kfree(s->in);
	if (s->req != s->few_req)
		kfree(s->req);
}

static unsigned events_of(const struct select_sets *s, size_t word, unsigned long bit)
{
	return (s->in[word] & bit ? SELECT_IN : 0) | (s->out[word] & bit ? SELECT_OUT : 0) |
	       (s->ex[word] & bit ? SELECT_EX : 0);
}

static size_t count_wanted(const struct select_sets *s)
{
	size_t wanted = 0;

	for (size_t i = 0; i < s->words; i++) {
		unsigned long any = s->in[i] | s->out[i] | s->ex[i];

		wanted += any ? bitmap_weight(&any, BITS_PER_LONG) : 0;
	}
	return wanted;
}

static int sets_decode(struct select_sets *s)
{
	struct fd_table *table = current()->files;
	size_t wanted = count_wanted(s);

	s->req = wanted <= SELECT_FEW ? s->few_req : kcalloc(wanted, sizeof(s->req[0]));
	if (!s->req)
		return -ENOMEM;
	for (size_t i = 0; i < s->words; i++) {
		unsigned long left = s->in[i] | s->out[i] | s->ex[i];

		for (; left; left &= left - 1) {
			size_t fd = i * BITS_PER_LONG + (size_t)__builtin_ctzl(left);
			struct poll_request *r = &s->req[s->count];

			r->file = fd_look(table, (int)fd, s->shared);
			if (!r->file)
				return -EBADF;
			r->events = events_of(s, i, left & -left);
			r->found = 0;
			s->count++;
		}
	}
	return 0;
}

/* Leaves in the sets what was found. Returns: how many bits. */
static int sets_encode(struct select_sets *s)
{
	const struct poll_request *r = s->req;

	for (size_t i = 0; i < s->words; i++) {
		unsigned long left = s->in[i] | s->out[i] | s->ex[i], in = 0, out = 0, ex = 0;

		for (; left; left &= left - 1, r++) {
			unsigned long bit = left & -left;

			in |= r->found & SELECT_IN ? bit : 0;
			out |= r->found & SELECT_OUT ? bit : 0;
			ex |= r->found & SELECT_EX ? bit : 0;
		}
		s->in[i] &= in;
		s->out[i] &= out;
		s->ex[i] &= ex;
	}
	return (int)bitmap_weight(s->in, 3 * s->words * BITS_PER_LONG);
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
