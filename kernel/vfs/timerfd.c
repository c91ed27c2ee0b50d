/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers behind descriptors.
 *
 * A timer is disarmed (deadline 0), armed (its sched timer is queued), or expired (the sched timer
 * has fired and is not queued). An interval does not queue it again at once: the read, or
 * whoever asks for the time left, moves the deadline over all intervals that have passed and arms
 * it then. So a short interval costs one interrupt per read, however short it is.
 *
 * The deadline counts on the wall clock if it was given absolutely on CLOCK_REALTIME, else on the
 * monotonic clock. When the wall clock is set, the sched timers of the former are queued anew, and
 * with TFD_TIMER_CANCEL_ON_SET the next read is -ECANCELED.
 *
 * Locks: t->lock (TIMERFD) covers the state; the expiry takes it in interrupt context. A sched
 * timer that fires while the lock is held by who changes the setting finds the new deadline and
 * goes by that. Waiters are woken after the lock is dropped.
 */
#include "timerfd.h"

#include "file.h"
#include "poll.h"
#include <base/stats.h>
#include <lib/errno.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/timer.h>
#include <vm/usercopy.h>

struct timerfd {
	struct spinlock lock; /* TIMERFD */
	int clock;	      /* [I] CLOCK_* */
	bool wall;	      /* [lock] the deadline is on the wall clock */
	bool expired;	      /* [lock] fired, and the deadline not moved on yet */
	bool may_cancel;      /* [lock] TFD_TIMER_CANCEL_ON_SET holds */
	bool clock_set;	      /* [lock] ... and the clock was set */
	unsigned flags;	      /* [lock] of the last setting, for fdinfo */
	nsec_t deadline;      /* [lock] 0: disarmed */
	nsec_t interval;      /* [lock] */
	uint64_t ticks;	      /* [lock; a] expiries not read yet */
	struct timer timer;
	struct clock_watcher watcher;
	struct blocker wait;
	struct epoch_head epoch; /* the blocker's memory */
};

/* --- time --------------------------------------------------------------------------------- */

/* Lock held, as in all of this section. */
static nsec_t now_of(const struct timerfd *t)
{
	return t->wall ? clock_wall_ns() : clock_mono_ns();
}

static nsec_t remaining(const struct timerfd *t)
{
	nsec_t now = now_of(t);

	return t->deadline > now ? t->deadline - now : 0;
}

static void arm(struct timerfd *t)
{
	nsec_t at;

	if (add_overflow(clock_mono_ns(), remaining(t), &at))
		at = NEVER - 1;
	timer_arm(&t->timer, at);
}

/* Move an expired periodic timer on; the expiries in between count. */
static void catch_up(struct timerfd *t)
{
	nsec_t now = now_of(t), periods;

	if (!t->expired || !t->interval)
		return;
	t->expired = false;
	/* The one that has fired is counted; a clock set back leaves the deadline ahead. */
	periods = now >= t->deadline ? (now - t->deadline) / t->interval : 0;
	t->ticks += periods;
	if (add_overflow(t->deadline, (periods + 1) * t->interval, &t->deadline))
		t->deadline = NEVER - 1;
	arm(t);
}

static void timerfd_fire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	uint64_t irq = spin_lock_irq(&t->lock);
	bool due = t->deadline && !t->expired;

	/* Set anew meanwhile, or the wall clock runs behind: not yet. */
	if (due && remaining(t)) {
		arm(t);
		due = false;
	}
	if (due) {
		t->expired = true;
		t->ticks++;
	}
	spin_unlock_irq(&t->lock, irq);
	if (due)
		blocker_wake(&t->wait, ~0U, EPOLLIN);
}

static void timerfd_clock_set(struct clock_watcher *w)
{
	struct timerfd *t = container_of(w, struct timerfd, watcher);
	uint64_t irq = spin_lock_irq(&t->lock);
	bool cancel = t->may_cancel && !t->clock_set;

	if (cancel) {
		t->clock_set = true;
		t->ticks++;
	}
	if (t->wall && t->deadline && !t->expired)
		arm(t);
	spin_unlock_irq(&t->lock, irq);
	if (cancel)
		blocker_wake(&t->wait, ~0U, EPOLLIN);
}

/* --- settings ----------------------------------------------------------------------------- */

static void get_locked(struct timerfd *t, struct timerfd_setting *out)
{
	out->value = t->deadline && !t->expired ? max(remaining(t), (nsec_t)1) : 0;
	out->interval = t->interval;
}

/* True once after the clock was set. Lock held. */
static bool take_cancel(struct timerfd *t)
{
	bool set = t->clock_set;

	t->clock_set = false;
	return set;
}

static bool is_realtime(const struct timerfd *t)
{
	return t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM;
}

static void set_locked(struct timerfd *t, unsigned flags, const struct timerfd_setting *new)
{
	bool absolute = flags & TFD_TIMER_ABSTIME;

	t->wall = is_realtime(t) && absolute;
	t->expired = false;
	t->ticks = 0;
	t->flags = flags;
	t->interval = new->interval;
	t->deadline = new->value;
	if (new->value && !absolute && add_overflow(clock_mono_ns(), new->value, &t->deadline))
		t->deadline = NEVER - 1;
	if (t->deadline)
		arm(t);
}

int timerfd_set(struct file *f, unsigned flags, const struct timerfd_setting *new,
		struct timerfd_setting *old)
{
	struct timerfd *t = f->priv;
	uint64_t irq = spin_lock_irq(&t->lock);
	int r;

	timer_cancel(&t->timer);
	catch_up(t);
	get_locked(t, old);
	timer_cancel(&t->timer);
	t->may_cancel =
		is_realtime(t) && flags & TFD_TIMER_ABSTIME && flags & TFD_TIMER_CANCEL_ON_SET;
	t->clock_set &= t->may_cancel;
	set_locked(t, flags, new);
	r = take_cancel(t) ? -ECANCELED : 0;
	spin_unlock_irq(&t->lock, irq);
	return r;
}

void timerfd_get(struct file *f, struct timerfd_setting *out)
{
	struct timerfd *t = f->priv;
	uint64_t irq = spin_lock_irq(&t->lock);

	catch_up(t);
	get_locked(t, out);
	spin_unlock_irq(&t->lock, irq);
}

/* --- the file ----------------------------------------------------------------------------- */

/* Expiries since the last read, 0 if there are none: 0, or -ECANCELED. */
static int take(struct timerfd *t, uint64_t *n)
{
	uint64_t irq = spin_lock_irq(&t->lock);
	int r = 0;

	*n = 0;
	if (take_cancel(t)) {
		t->expired = false;
		t->ticks = 0;
		r = -ECANCELED;
	} else if (t->ticks) {
		catch_up(t);
		*n = t->ticks;
		t->ticks = 0;
	}
	spin_unlock_irq(&t->lock, irq);
	return r;
}

static ssize_t timerfd_read(struct file *f, struct iter *it, off64_t *pos)
{
	struct timerfd *t = f->priv;
	uint64_t n;
	int r;

	if (iter_left(it) < sizeof(n))
		return -EINVAL;
	while (!(r = take(t, &n)) && !n) {
		if (__atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK)
			return -EAGAIN;
		if (WAIT_UNTIL(&t->wait, __atomic_load_n(&t->ticks, __ATOMIC_ACQUIRE), NEVER,
			       WAIT_INTERRUPTIBLE))
			return -EINTR;
	}
	if (r)
		return r;
	return iter_copy_to(it, &n, sizeof(n)) == sizeof(n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static unsigned timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->priv;

	poll_wait(pt, &t->wait);
	return __atomic_load_n(&t->ticks, __ATOMIC_ACQUIRE) ? EPOLLIN : 0;
}

static int64_t timerfd_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
	struct timerfd *t = f->priv;
	uint64_t ticks, irq;

	if (cmd != TFD_IOC_SET_TICKS)
		return -ENOTTY;
	if (get_user(ticks, arg))
		return -EFAULT;
	if (!ticks)
		return -EINVAL;
	irq = spin_lock_irq(&t->lock);
	t->ticks = ticks;
	spin_unlock_irq(&t->lock, irq);
	blocker_wake(&t->wait, ~0U, EPOLLIN);
	return 0;
}

static void timerfd_show_info(struct file *f, struct text *out)
{
	struct timerfd *t = f->priv;
	struct timerfd_setting s;
	uint64_t irq = spin_lock_irq(&t->lock), ticks = t->ticks;
	unsigned flags = t->flags;

	get_locked(t, &s);
	spin_unlock_irq(&t->lock, irq);
	text_printf(out,
		    "clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\n"
		    "it_interval: (%llu, %llu)\n",
		    t->clock, (unsigned long long)ticks, flags,
		    (unsigned long long)(s.value / NSEC_PER_SEC),
		    (unsigned long long)(s.value % NSEC_PER_SEC),
		    (unsigned long long)(s.interval / NSEC_PER_SEC),
		    (unsigned long long)(s.interval % NSEC_PER_SEC));
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->priv;

	if (is_realtime(t))
		clock_unwatch(&t->watcher);
	timer_cancel_sync(&t->timer);
	kfree_deferred(t, epoch);
}

static const struct file_ops timerfd_file_ops = {
	.flags = FILE_OPS_STREAM | FILE_OPS_EVENT,
	.release = timerfd_release,
	.read = timerfd_read,
	.poll = timerfd_poll,
	.ioctl = timerfd_ioctl,
	.show_info = timerfd_show_info,
};

bool file_is_timerfd(const struct file *f)
{
	return f->ops == &timerfd_file_ops;
}

int timerfd_create(int clock, unsigned flags, struct file **out)
{
	struct timerfd *t = kzalloc(sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	spin_init(&t->lock, LOCK_TIMERFD);
	t->clock = clock;
	timer_init(&t->timer, timerfd_fire);
	blocker_init_class(&t->wait, LOCK_BLOCKER_OUTER);
	t->watcher.changed = timerfd_clock_set;
	r = file_create_event("[timerfd]", O_RDWR | flags, &timerfd_file_ops, t, out);
	if (r)
		kfree(t);
	else if (is_realtime(t))
		clock_watch(&t->watcher);
	return r;
}
