/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * select and pselect6: the three sets as the program gave them, and the three that each look makes
 * of them.
 */
#include "file_args.h"
#include "poll_args.h"
#include "signal_mask.h"
#include "watched.h"

#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/posix_types.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <mem/slab.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vfs/poll.h>
#include <vm/usercopy.h>

#define SELECT_IN  (EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLHUP | EPOLLERR | POLLNVAL)
#define SELECT_OUT (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND | EPOLLERR | POLLNVAL)
#define SELECT_EX  (EPOLLPRI | POLLNVAL)

#define SELECT_FEW_WORDS 4 /* sets of so many words are on the stack */

enum { IN, OUT, EX, SETS };

struct select_call {
	size_t n, words;
	/* Each of `words` words; one block, in this order. */
	unsigned long *wanted[SETS], *found[SETS];
	struct watched watched;
	unsigned long few[2 * SETS * SELECT_FEW_WORDS];
};

static int sets_alloc(struct select_call *c, size_t n)
{
	unsigned long *block = c->few;

	c->n = n;
	c->words = BITMAP_WORDS(n);
	if (c->words > SELECT_FEW_WORDS)
		block = kmalloc(c->words * 2 * SETS * sizeof(long));
	for (unsigned i = 0; block && i < SETS; i++) {
		c->wanted[i] = block + i * c->words;
		c->found[i] = block + (SETS + i) * c->words;
	}
	return block ? 0 : -ENOMEM;
}

static void sets_free(struct select_call *c)
{
	if (c->wanted[0] != c->few)
		kfree(c->wanted[0]);
}

static unsigned long any_wanted(const struct select_call *c, size_t word)
{
	return c->wanted[IN][word] | c->wanted[OUT][word] | c->wanted[EX][word];
}

static int select_look(void *ctx, struct poll_table *pt)
{
	struct select_call *c = ctx;
	size_t k = 0;

	for (size_t i = 0; i < c->words; i++) {
		unsigned long left = any_wanted(c, i), in = 0, out = 0, ex = 0;

		for (; left; left &= left - 1) {
			int fd = (int)(i * BITS_PER_LONG) + __builtin_ctzl(left);
			struct file *f = watched_file(&c->watched, k++, fd);
			unsigned events;

			if (!f)
				return -EBADF;
			events = watched_poll(f, pt);
			in |= events & SELECT_IN ? left & -left : 0;
			out |= events & SELECT_OUT ? left & -left : 0;
			ex |= events & SELECT_EX ? left & -left : 0;
			/* Once one is found there is no sleep, and no need for further nodes. */
			if (pt && ((in & c->wanted[IN][i]) | (out & c->wanted[OUT][i]) |
				   (ex & c->wanted[EX][i])))
				pt = NULL;
		}
		c->found[IN][i] = in & c->wanted[IN][i];
		c->found[OUT][i] = out & c->wanted[OUT][i];
		c->found[EX][i] = ex & c->wanted[EX][i];
	}
	return (int)bitmap_weight(c->found[IN], SETS * c->words * BITS_PER_LONG);
}

static void add_all(struct select_call *c)
{
	for (size_t i = 0; i < c->words; i++)
		for (unsigned long left = any_wanted(c, i); left; left &= left - 1)
			watched_add(&c->watched, (int)(i * BITS_PER_LONG) + __builtin_ctzl(left));
}

static size_t count_wanted(const struct select_call *c)
{
	size_t wanted = 0;

	for (size_t i = 0; i < c->words; i++) {
		unsigned long any = any_wanted(c, i);

		wanted += bitmap_weight(&any, BITS_PER_LONG);
	}
	return wanted;
}

static int set_read(const struct select_call *c, unsigned which, uaddr_t user)
{
	unsigned long *set = c->wanted[which];

	if (!user) {
		memset(set, 0, c->words * sizeof(long));
		return 0;
	}
	if (copy_from_user(set, user, c->words * sizeof(long)))
		return -EFAULT;
	if (c->n % BITS_PER_LONG)
		set[c->words - 1] &= (1UL << c->n % BITS_PER_LONG) - 1;
	return 0;
}

static int set_write(const struct select_call *c, unsigned which, uaddr_t user)
{
	return user ? copy_to_user(user, c->found[which], c->words * sizeof(long)) : 0;
}

/* The sets are there, for c->n descriptors. */
static int64_t select_all(struct select_call *c, const uaddr_t user[SETS], nsec_t deadline)
{
	int64_t r;

	if (set_read(c, IN, user[IN]) || set_read(c, OUT, user[OUT]) || set_read(c, EX, user[EX]))
		return -EFAULT;
	r = watched_begin(&c->watched, count_wanted(c));
	if (r)
		return r;
	if (!c->watched.own)
		add_all(c);
	r = poll_result(poll_until(select_look, c, deadline));
	watched_end(&c->watched);
	if (r < 0)
		return r;
	if (set_write(c, IN, user[IN]) || set_write(c, OUT, user[OUT]) ||
	    set_write(c, EX, user[EX]))
		return -EFAULT;
	return r;
}

static int64_t do_select(int n, uaddr_t in, uaddr_t out, uaddr_t ex, nsec_t deadline)
{
	const uaddr_t user[SETS] = {in, out, ex};
	struct select_call c;
	int64_t r;

	if (n < 0)
		return -EINVAL;
	/* No descriptor is above the table: as on Linux, bits there are neither read nor written.
	 */
	r = sets_alloc(&c, min((size_t)n, fd_capacity(current()->files)));
	if (r)
		return r;
	r = select_all(&c, user, deadline);
	sets_free(&c);
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
