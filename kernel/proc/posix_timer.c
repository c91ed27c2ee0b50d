/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX timers.
 *
 *	disarmed -> armed	posix_timer_set
 *	armed -> told		the time has come: its signal, which it owns, is queued
 *	told -> armed		the signal is taken (posix_timer_taken), if there is an interval:
 * the next time is counted on from the last, and what was missed is the overrun any -> disarmed
 * posix_timer_set, which takes a queued signal back; expiry without interval
 *
 * So a timer has at most one signal queued and costs nothing while nobody takes it, however short
 * its interval. A silent one (SIGEV_NONE) is only looked at. If the signal is ignored, the timer
 * goes on by itself, not faster than IGNORED_GRAIN.
 *
 * Time comes from a hardware timer (monotonic; for absolute times of the wall clock one that
 * follows when the clock is set: clock_watch) or from a timer on processor time.
 *
 * Locks: all state is under PROC_TREE; the queue entry also under the process's SIGNAL. The
 * hardware timer's function takes PROC_TREE, so it is cancelled without waiting under it; a late
 * run finds pt->armed false or the time not come. Its memory goes with the last reference: of the
 * process's table, and one while the signal is queued.
 */
#include "posix_timer.h"

#include "signal_internal.h"

#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/timer.h>
#include <vm/radix.h>

#include <asm-generic/siginfo.h>
#include <linux/resource.h>

#define IGNORED_GRAIN NSEC_PER_MSEC

struct posix_timer {
	uint32_t refs;		   /* [a] */
	int32_t id;		   /* [I] */
	struct process *process;   /* [I] it exists as long as the timer is in its table */
	struct posix_timer_args a; /* [I] with references */
	struct thread *target;	   /* [I] with a reference, or NULL */
	bool armed, wall, dead;	   /* wall: expires is of the wall clock */
	nsec_t expires, interval;
	int64_t overrun;
	struct timer hw;
	struct clock_watcher watcher;
	struct cpu_timer cpu;
	struct signal_queued queued; /* [SIGNAL] link not empty: queued */
	struct epoch_head epoch;
};

void posix_timer_get_ref(struct posix_timer *pt)
{
	__atomic_fetch_add(&pt->refs, 1, __ATOMIC_RELAXED);
}

void posix_timer_put(struct posix_timer *pt)
{
	if (__atomic_fetch_sub(&pt->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (pt->target)
		thread_put(pt->target);
	if (pt->a.cpu_thread)
		thread_put(pt->a.cpu_thread);
	if (pt->a.cpu_process)
		process_put(pt->a.cpu_process);
	user_uncharge(pt->queued.user, USER_SIGNALS);
	kfree_deferred(pt, epoch);
}

static nsec_t now_of(struct posix_timer *pt)
{
	if (pt->a.base == TIMER_BASE_CPU)
		return cpu_clock_read_locked(pt->a.cpu_process, pt->a.cpu_thread, pt->a.cpu_kind);
	return pt->wall ? clock_wall_ns() : clock_mono_ns();
}

/* --- arming; PROC_TREE held ------------------------------------------------------------------ */

static void wall_changed(struct clock_watcher *w)
{
	struct posix_timer *pt = container_of(w, struct posix_timer, watcher);

	timer_arm(&pt->hw, clock_wall_deadline(pt->expires));
}

static void disarm(struct posix_timer *pt)
{
	pt->armed = false;
	cpu_timer_cancel_locked(&pt->cpu);
	clock_unwatch(&pt->watcher);
	timer_cancel(&pt->hw);
}

static void arm(struct posix_timer *pt, nsec_t not_before)
{
	pt->armed = true;
	if (pt->a.base == TIMER_BASE_CPU)
		cpu_timer_arm_locked(&pt->cpu, pt->expires);
	else if (pt->wall)
		clock_watch(&pt->watcher);
	else
		timer_arm(&pt->hw, max(pt->expires, not_before));
}

/* Count on to the next time that is to come; how many were missed besides one. */
static int64_t forward(struct posix_timer *pt, nsec_t now)
{
	nsec_t n;

	if (now < pt->expires)
		return 0;
	n = (now - pt->expires) / pt->interval + 1;
	pt->expires += n * pt->interval;
	return (int64_t)n - 1;
}

/* --- the time has come ----------------------------------------------------------------------- */

static void tell(struct posix_timer *pt)
{
	struct signal_info info = {.signo = pt->a.sig,
				   .code = SI_TIMER,
				   .timer_id = pt->id,
				   .value = pt->a.value_is_id ? (uint64_t)pt->id : pt->a.value};

	if (pt->target && list_empty(&pt->target->process_link))
		return; /* whom it was to tell has ended */
	pt->queued.info = info;
	if (signal_send_own_locked(pt->process, pt->target, &pt->queued) || !pt->interval)
		return;
	/* Ignored: nobody will take it. */
	pt->overrun += forward(pt, now_of(pt)) + 1;
	arm(pt, clock_mono_ns() + IGNORED_GRAIN);
}

static void expire(struct posix_timer *pt)
{
	pt->armed = false;
	if (!pt->a.silent)
		tell(pt);
}

static void hw_fire(struct timer *t)
{
	struct posix_timer *pt = container_of(t, struct posix_timer, hw);
	uint64_t irq = spin_lock_irq(&proc_tree_lock);

	if (pt->armed && !pt->dead) {
		if (now_of(pt) < pt->expires) {
			timer_arm(t, pt->wall ? clock_wall_deadline(pt->expires) : pt->expires);
		} else {
			clock_unwatch(&pt->watcher);
			expire(pt);
		}
	}
	spin_unlock_irq(&proc_tree_lock, irq);
}

static void cpu_fire(struct cpu_timer *c)
{
	expire(container_of(c, struct posix_timer, cpu));
}

void posix_timer_taken(struct signal_info *info)
{
	struct posix_timer *pt = info->timer;
	uint64_t irq;

	if (!pt)
		return;
	irq = spin_lock_irq(&proc_tree_lock);
	if (!pt->dead) {
		if (pt->interval && !pt->armed) {
			pt->overrun = forward(pt, now_of(pt));
			arm(pt, 0);
		}
		info->overrun = (int32_t)min(pt->overrun, (int64_t)INT32_MAX);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	info->timer = NULL;
	posix_timer_put(pt);
}

/* --- calls ----------------------------------------------------------------------------------- */

static struct posix_timer *find(int32_t id)
{
	return id < 0 ? NULL : radix_find(&process_current()->timers, (uint64_t)id);
}

/* A number, counting on; those of deleted timers come again only when all have been used. */
static int enter(struct process *p, struct posix_timer *pt)
{
	while (radix_find(&p->timers, (uint64_t)p->next_timer))
		p->next_timer = (p->next_timer + 1) & INT32_MAX;
	pt->id = p->next_timer;
	p->next_timer = (p->next_timer + 1) & INT32_MAX;
	return radix_insert(&p->timers, (uint64_t)pt->id, pt) ? -EAGAIN : pt->id;
}

static int set_target(struct posix_timer *pt, int32_t tid)
{
	struct thread *t = tid ? thread_find_locked(tid) : NULL;

	if (!tid)
		return 0;
	if (!t || t->process != pt->process)
		return -EINVAL;
	pt->target = thread_get(t);
	return 0;
}

int posix_timer_create(const struct posix_timer_args *a)
{
	struct process *p = process_current();
	struct posix_timer *pt = kzalloc(sizeof(*pt));
	uint64_t irq;
	int r;

	if (!pt)
		return -EAGAIN;
	pt->refs = 1;
	pt->process = p;
	pt->a = *a;
	if (a->cpu_process)
		process_get(a->cpu_process);
	if (a->cpu_thread)
		thread_get(a->cpu_thread);
	timer_init(&pt->hw, hw_fire);
	pt->watcher.changed = wall_changed;
	list_init(&pt->watcher.link);
	cpu_timer_init(&pt->cpu, a->cpu_process, a->cpu_thread, a->cpu_kind, cpu_fire);
	list_init(&pt->queued.link);
	pt->queued.timer = pt;
	pt->queued.user = user_charge(current()->cred->user, USER_SIGNALS,
				      process_limit(p, RLIMIT_SIGPENDING));
	r = pt->queued.user ? 0 : -EAGAIN;
	irq = spin_lock_irq(&proc_tree_lock);
	if (!r)
		r = set_target(pt, a->thread);
	if (!r)
		r = enter(p, pt);
	spin_unlock_irq(&proc_tree_lock, irq);
	if (r < 0)
		posix_timer_put(pt);
	return r;
}

/* Its signal, if it is queued, is taken back. */
static void take_back(struct posix_timer *pt)
{
	struct process *p = pt->process;

	spin_lock(&p->signals.lock);
	if (!list_empty(&pt->queued.link))
		signal_unqueue(pt->target ? &proc_thread(pt->target)->pending : &p->signals.shared,
			       &pt->queued);
	spin_unlock(&p->signals.lock);
}

static void destroy_locked(struct posix_timer *pt)
{
	pt->dead = true;
	disarm(pt);
	take_back(pt);
	radix_remove(&pt->process->timers, (uint64_t)pt->id);
}

static void destroyed(struct posix_timer *pt)
{
	timer_cancel_sync(&pt->hw);
	posix_timer_put(pt);
}

int posix_timer_delete(int32_t id)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct posix_timer *pt = find(id);

	if (pt)
		destroy_locked(pt);
	spin_unlock_irq(&proc_tree_lock, irq);
	if (!pt)
		return -EINVAL;
	destroyed(pt);
	return 0;
}

void posix_timers_delete_all(struct process *p)
{
	struct posix_timer *pt;
	uint64_t irq, id;

	do {
		id = 0;
		irq = spin_lock_irq(&proc_tree_lock);
		pt = radix_next(&p->timers, &id);
		if (pt)
			destroy_locked(pt);
		spin_unlock_irq(&proc_tree_lock, irq);
		if (pt)
			destroyed(pt);
	} while (pt);
}

static void get_locked(struct posix_timer *pt, nsec_t *value, nsec_t *interval)
{
	bool told = !list_empty(&pt->queued.link);
	nsec_t now;

	*interval = pt->interval;
	*value = 0;
	if (!pt->expires || (!pt->armed && !pt->interval && !pt->a.silent))
		return;
	now = now_of(pt);
	if (pt->interval && (told || pt->a.silent))
		pt->overrun += forward(pt, now);
	if (pt->expires > now)
		*value = pt->expires - now;
	else
		*value = pt->a.silent ? 0 : 1;
}

int posix_timer_get(int32_t id, nsec_t *value, nsec_t *interval)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct posix_timer *pt = find(id);

	if (pt)
		get_locked(pt, value, interval);
	spin_unlock_irq(&proc_tree_lock, irq);
	return pt ? 0 : -EINVAL;
}

int posix_timer_overrun(int32_t id)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct posix_timer *pt = find(id);
	int r = pt ? (int)min(pt->overrun, (int64_t)INT32_MAX) : -EINVAL;

	spin_unlock_irq(&proc_tree_lock, irq);
	return r;
}

static void set_locked(struct posix_timer *pt, bool absolute, nsec_t value, nsec_t interval)
{
	disarm(pt);
	take_back(pt);
	pt->overrun = 0;
	pt->expires = 0;
	pt->interval = 0;
	if (!value)
		return;
	/* A relative time does not follow the wall clock. */
	pt->wall = pt->a.base == TIMER_BASE_WALL && absolute;
	pt->interval = interval;
	if (absolute)
		pt->expires = value;
	else if (add_overflow(value, now_of(pt), &pt->expires))
		pt->expires = NEVER;
	if (!pt->a.silent && pt->expires != NEVER)
		arm(pt, 0);
}

int posix_timer_set(int32_t id, bool absolute, nsec_t value, nsec_t interval, nsec_t *old_value,
		    nsec_t *old_interval)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct posix_timer *pt = find(id);

	if (pt) {
		get_locked(pt, old_value, old_interval);
		set_locked(pt, absolute, value, interval);
	}
	spin_unlock_irq(&proc_tree_lock, irq);
	return pt ? 0 : -EINVAL;
}
