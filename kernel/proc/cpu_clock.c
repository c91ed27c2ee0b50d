/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clocks of processor time and timers on them, without a tick.
 *
 * A timer on a process's time may expire while any of its threads run. So each thread gets a
 * budget: its share of what is left until the first timer. Together the threads cannot use up
 * what is left before one of them has used up its share. The scheduler watches the budget of
 * the thread that runs (thread_set_budget), by the one-shot timer it has anyway; when it is used
 * up, the thread looks on its way to user mode (cpu_timers_check): what has expired fires, and
 * all threads get new shares. Shares are not smaller than GRAIN, so a timer is late by at most
 * that much for each running thread. A process that does not run costs nothing.
 *
 * The process's limit RLIMIT_CPU is looked at in the same place: SIGXCPU at the soft limit and each
 * second after it, SIGKILL at the hard one.
 *
 * Everything is under PROC_TREE; armed timers of a process are on one list, which is walked at
 * each look: RLIMIT_SIGPENDING bounds how many a program makes.
 */
#include "cpu_clock.h"

#include "proc_internal.h"

#include <sched/blocker.h>

#include <asm/signal.h>
#include <linux/resource.h>

#define GRAIN (NSEC_PER_MSEC / 2)

nsec_t cpu_clock_read_locked(struct process *p, struct thread *t, enum cpu_clock_kind kind)
{
	nsec_t user, system;
	struct usage u;

	if (t) {
		thread_times(t, &user, &system);
	} else {
		usage_of_process_locked(p, &u);
		user = u.user_ns;
		system = u.system_ns;
	}
	return kind == CPU_CLOCK_USER ? user : user + system;
}

nsec_t cpu_clock_read(struct process *p, struct thread *t, enum cpu_clock_kind kind)
{
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	nsec_t ns = cpu_clock_read_locked(p, t, kind);

	spin_unlock_irq(&proc_tree_lock, irq);
	return ns;
}

/* --- shares ---------------------------------------------------------------------------------- */

static nsec_t left(nsec_t expires, nsec_t now)
{
	return expires > now ? expires - now : 0;
}

/* Until the process as a whole has something to look at. */
static nsec_t process_left(struct process *p, nsec_t total, nsec_t user)
{
	uint64_t soft = p->limits[RLIMIT_CPU].cur;
	nsec_t least = NEVER;
	struct cpu_timer *c;

	if (soft < NEVER / NSEC_PER_SEC)
		least = left(soft * NSEC_PER_SEC, total);
	list_for_each_entry(c, &p->cpu_timers, link)
		if (!c->thread)
			least = min(least,
				    left(c->expires, c->kind == CPU_CLOCK_USER ? user : total));
	return least;
}

/* Each thread's own share, into proc_thread->cpu_left. */
static void threads_left(struct process *p)
{
	struct cpu_timer *c;
	struct thread *t;

	list_for_each_entry(t, &p->threads, process_link)
		proc_thread(t)->cpu_left = NEVER;
	list_for_each_entry(c, &p->cpu_timers, link) {
		struct proc_thread *d = c->thread ? proc_thread(c->thread) : NULL;

		if (d)
			d->cpu_left =
				min(d->cpu_left,
				    left(c->expires, cpu_clock_read_locked(p, c->thread, c->kind)));
	}
}

static void share_out(struct process *p)
{
	struct usage u;
	struct thread *t;
	nsec_t share;

	usage_of_process_locked(p, &u);
	share = process_left(p, u.user_ns + u.system_ns, u.user_ns);
	if (share != NEVER)
		share = max(share / max(p->thread_count, 1U), GRAIN);
	p->has_budgets = share != NEVER;
	threads_left(p);
	list_for_each_entry(t, &p->threads, process_link) {
		nsec_t own = min(share, proc_thread(t)->cpu_left);

		p->has_budgets |= own != NEVER;
		thread_set_budget(t, own == NEVER ? NEVER : max(own, GRAIN / 10));
	}
}

void cpu_timers_changed_locked(struct process *p)
{
	if (p->has_budgets || !list_empty(&p->cpu_timers) ||
	    p->limits[RLIMIT_CPU].cur < NEVER / NSEC_PER_SEC)
		share_out(p);
}

/* --- timers ---------------------------------------------------------------------------------- */

void cpu_timer_init(struct cpu_timer *c, struct process *p, struct thread *t,
		    enum cpu_clock_kind kind, void (*fire)(struct cpu_timer *c))
{
	*c = (struct cpu_timer){.process = p, .thread = t, .kind = kind, .fire = fire};
	list_init(&c->link);
}

void cpu_timer_arm_locked(struct cpu_timer *c, nsec_t expires)
{
	list_del(&c->link);
	c->expires = expires;
	/* A process or thread that has ended uses no time any more. */
	if (!c->process->thread_count)
		return;
	list_add_tail(&c->link, &c->process->cpu_timers);
	share_out(c->process);
}

void cpu_timer_cancel_locked(struct cpu_timer *c)
{
	list_del(&c->link);
}

void cpu_timers_leave_locked(struct process *p, struct thread *t)
{
	struct cpu_timer *c, *next;

	list_for_each_entry_safe(c, next, &p->cpu_timers, link)
		if (c->thread == t || !p->thread_count)
			list_del(&c->link);
}

static void check_limit(struct process *p, nsec_t total)
{
	struct rlimit_pair *l = &p->limits[RLIMIT_CPU];

	if (l->max < NEVER / NSEC_PER_SEC && total >= l->max * NSEC_PER_SEC) {
		signal_send_locked(p, NULL, SIGKILL, NULL);
	} else if (l->cur < NEVER / NSEC_PER_SEC && total >= l->cur * NSEC_PER_SEC) {
		l->cur = total / NSEC_PER_SEC + 1; /* and again after another second */
		signal_send_locked(p, NULL, SIGXCPU, NULL);
	}
}

void cpu_timers_check(void)
{
	struct process *p = process_current();
	struct cpu_timer *c, *next;
	struct list expired = LIST_INIT(expired);
	uint64_t irq = spin_lock_irq(&proc_tree_lock);
	struct usage u;
	nsec_t now;

	__atomic_and_fetch(&current()->work, ~(uint32_t)THREAD_WORK_CPU_TIME, __ATOMIC_SEQ_CST);
	usage_of_process_locked(p, &u);
	check_limit(p, u.user_ns + u.system_ns);
	list_for_each_entry_safe(c, next, &p->cpu_timers, link) {
		if (c->thread)
			now = cpu_clock_read_locked(p, c->thread, c->kind);
		else
			now = u.user_ns + (c->kind == CPU_CLOCK_USER ? 0 : u.system_ns);
		if (now >= c->expires)
			list_move_tail(&c->link, &expired);
	}
	while (!list_empty(&expired)) {
		c = list_first_entry(&expired, struct cpu_timer, link);
		list_del(&c->link);
		c->fire(c);
	}
	share_out(p);
	spin_unlock_irq(&proc_tree_lock, irq);
}

/* --- sleeping -------------------------------------------------------------------------------- */

struct cpu_sleep {
	struct cpu_timer timer;
	struct thread *thread;
};

static void wake_sleeper(struct cpu_timer *c)
{
	thread_wake_wait(container_of(c, struct cpu_sleep, timer)->thread);
}

int cpu_clock_sleep(struct process *p, struct thread *t, enum cpu_clock_kind kind, nsec_t at)
{
	struct cpu_sleep s = {.thread = current()};
	uint64_t irq;
	int r = 0;

	cpu_timer_init(&s.timer, p, t, kind, wake_sleeper);
	wait_begin(WAIT_INTERRUPTIBLE);
	irq = spin_lock_irq(&proc_tree_lock);
	if (cpu_clock_read_locked(p, t, kind) < at)
		cpu_timer_arm_locked(&s.timer, at);
	else
		r = 1;
	spin_unlock_irq(&proc_tree_lock, irq);
	if (r)
		wait_end();
	else
		r = wait_sleep(NEVER);
	irq = spin_lock_irq(&proc_tree_lock);
	cpu_timer_cancel_locked(&s.timer);
	spin_unlock_irq(&proc_tree_lock, irq);
	return r > 0 ? 0 : r;
}
