/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What others ask of and tell a thread: policy, nice level, affinity, the processor time it has
 * used and how it divides, its budget. Each takes the thread's lock and that of its queue.
 */
#include "rq.h"

#include <arch/timer.h>
#include <sched/clock.h>
#include <sched/message.h>

#define IDLE_WEIGHT 3 /* of the policy IDLE: next to nothing */

static const struct sched_policy *const policy = &class_policy;

/* What decides when a thread runs. */
struct rights {
	enum thread_policy policy;
	unsigned own_priority, lent_priority;
	int nice;
};

/* t takes another place among the candidates, or goes on running with other rights. */
static void change_locked(struct run_queue *rq, struct thread *t, const struct rights *r)
{
	unsigned rt_priority = max(r->own_priority, r->lent_priority);
	bool running = rq->curr == t, candidate = t->on_rq && !running;
	/* Less important among real-time threads: before its new equals (POSIX). */
	bool front = rt_priority && rt_priority < t->sched.rt_priority;

	if (candidate)
		policy->dequeue(rq, t);
	else if (running) {
		policy->account(rq, clock_mono_ns());
		policy->leave(rq, t);
	}
	t->sched.policy = (uint8_t)r->policy;
	t->sched.own_priority = (uint8_t)r->own_priority;
	WRITE_ONCE(t->sched.lent_priority, (uint8_t)r->lent_priority);
	WRITE_ONCE(t->sched.rt_priority, (uint8_t)rt_priority);
	t->sched.nice = (int8_t)r->nice;
	t->sched.weight = r->policy == THREAD_IDLE ? IDLE_WEIGHT : fair_weight(r->nice);
	if (candidate) {
		policy->enqueue(rq, t, !front);
		if (rq->curr == rq->idle || policy->preempts(rq, t))
			rq_resched(rq);
	} else if (running) {
		fair_join(rq, t);
		rq_resched(rq); /* somebody else may come first now */
	}
}

/* A change under way: between begin and end the locks are held. */
struct rights_change {
	struct thread *t;
	struct run_queue *rq;
	struct rights rights;
	uint64_t irq;
};

static struct rights_change change_begin(struct thread *t)
{
	struct rights_change c = {.t = t, .irq = spin_lock_irq(&t->lock)};

	c.rq = rq_lock_of(t);
	c.rights = (struct rights){t->sched.policy, t->sched.own_priority, t->sched.lent_priority,
				   t->sched.nice};
	return c;
}

static void change_end(struct rights_change *c)
{
	change_locked(c->rq, c->t, &c->rights);
	spin_unlock_noresched(&c->rq->lock);
	preempt_enable_noresched();
	spin_unlock_irq(&c->t->lock, c->irq);
}

void thread_set_policy(struct thread *t, enum thread_policy policy_now, unsigned own_priority)
{
	struct rights_change c = change_begin(t);

	c.rights.policy = policy_now;
	c.rights.own_priority = own_priority;
	change_end(&c);
}

void thread_set_nice(struct thread *t, int nice)
{
	struct rights_change c = change_begin(t);

	c.rights.nice = clamp(nice, -20, 19);
	change_end(&c);
}

void thread_lend_priority(struct thread *t, unsigned priority)
{
	struct rights_change c;

	if (READ_ONCE(t->sched.lent_priority) == priority)
		return;
	c = change_begin(t);
	c.rights.lent_priority = priority;
	change_end(&c);
}

/* Account the running stretch, too. Holds rq->lock, t's queue. */
static nsec_t runtime_locked(struct run_queue *rq, struct thread *t)
{
	if (rq->curr == t)
		policy->account(rq, clock_mono_ns());
	return t->sched.runtime_ns;
}

void thread_set_budget(struct thread *t, nsec_t left)
{
	uint64_t irq = spin_lock_irq(&t->lock);
	struct run_queue *rq = rq_lock_of(t);
	nsec_t end = left == NEVER ? NEVER : runtime_locked(rq, t) + left;

	if (end != t->sched.budget_end) {
		t->sched.budget_end = end;
		if (rq->curr == t && rq->cpu == this_cpu())
			rq_arm_budget(rq, clock_mono_ns());
		else if (rq->curr == t)
			message_raise(rq->cpu, MESSAGE_WAKE); /* it arms its own */
	}
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	spin_unlock_irq(&t->lock, irq);
}

nsec_t thread_runtime_ns(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&t->lock);
	struct run_queue *rq = rq_lock_of(t);
	nsec_t ns = runtime_locked(rq, t);

	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	spin_unlock_irq(&t->lock, irq);
	return ns;
}

/*
 * User and system time. The scheduler's run time is the sum and the truth. The part in the kernel
 * is counted in cycles of the processor: two readings of its counter for each entry, at entry.S and
 * on the way out (thread_leaves_kernel). Switches happen in the kernel only, so a thread that is
 * switched to begins in the kernel. Without a tick there is nothing to sample with, and a reading
 * costs no more than a few instructions.
 *
 * Another processor's stretch is read while it goes on, so the division may be off by it; what has
 * been told before is never taken back.
 */
void thread_times(struct thread *t, nsec_t *user, nsec_t *system)
{
	uint64_t irq = spin_lock_irq(&t->lock);
	struct run_queue *rq = rq_lock_of(t);
	nsec_t run = runtime_locked(rq, t), in_kernel;
	uint64_t cycles = READ_ONCE(t->system_cycles), since, now;

	if (rq->curr == t) {
		since = READ_ONCE(rq->cpu->kernel_since);
		now = cpu_cycles();
		cycles += since && now > since ? now - since : 0;
	}
	in_kernel = clamp(arch_cycles_ns(cycles), t->shown_system, run - t->shown_user);
	t->shown_system = in_kernel;
	t->shown_user = run - in_kernel;
	*system = t->shown_system;
	*user = t->shown_user;
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	spin_unlock_irq(&t->lock, irq);
}

bool thread_set_affinity(struct thread *t, const unsigned long *cpus)
{
	bool any = false, move = false;
	struct run_queue *rq;
	uint64_t irq;

	for_each_cpu(c)
		any |= bit_test(cpus, c->index);
	if (!any)
		return false;
	irq = spin_lock_irq(&t->lock);
	rq = rq_lock_of(t);
	for (unsigned i = 0; i < BITMAP_WORDS(MAX_CPUS); i++)
		t->affinity[i] = cpus[i];
	if (t->on_rq && !bit_test(t->affinity, rq->cpu->index)) {
		if (rq->curr == t) {
			rq_resched(rq); /* it moves on its way off the processor */
		} else {
			policy->dequeue(rq, t);
			t->on_rq = false;
			rq_one_less(rq);
			move = true;
		}
	}
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	if (move)
		thread_place(t);
	spin_unlock_irq(&t->lock, irq); /* if it is ourselves, we go on elsewhere */
	return true;
}
