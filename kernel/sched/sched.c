/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler's core: run queues, switching, waking, stealing. Who runs next is the policy's
 * business (rq.h); what is true of a thread is this file's.
 *
 * States of a thread and who moves it:
 *
 *	RUNNABLE -> SLEEPING	the thread itself (wait_begin), before it looks at its condition
 *	SLEEPING -> RUNNABLE	thread_unblock, under thread->lock; or the thread itself
 *	RUNNABLE -> DEAD	the thread itself (thread_exit)
 *
 * on_rq: the thread counts as runnable in the queue of thread->cpu; changes under that queue's
 * lock. The running thread is on_rq but not among the policy's candidates. on_cpu: its registers
 * and stack are in use; set before the switch to it, cleared (release) by the next thread on that
 * processor once it is off the stack. Only when both are clear may thread_unblock place it on
 * another processor.
 *
 * No lost wake-up: a sleeper sets SLEEPING and then looks at its condition; a waker changes
 * the condition and then looks at the state. schedule() takes a thread off its queue only if
 * it is still SLEEPING under the queue's lock; a waker that finds it on the queue just sets
 * it RUNNABLE under the same lock. A thread that is preempted between the two stays runnable.
 *
 * A thread that may no longer run where it is (thread_set_affinity) is left off the queue when it
 * leaves the processor, and the next thread there places it elsewhere (finish_switch).
 *
 * Lock order: thread->lock, then the queue's lock. Two queues: lower index first. A queue's lock is
 * taken by schedule() on one stack and released on the next (finish_switch). thread->cpu
 * changes under thread->lock when the thread sleeps, under both queues' locks when it is stolen.
 *
 * A queue's need_resched flag is set with an exchange by whoever wants a switch; the first one that
 * wants it of another processor sends it a message (WAKE). An idle processor looks at the flag with
 * interrupts off before it halts.
 */
#include "message_internal.h"
#include "rq.h"
#include "sched_boot.h"

#include <arch/enter.h>
#include <arch/paging.h>
#include <arch/thread.h>
#include <arch/timer.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/sched_internal.h>

static const struct sched_policy *const policy = &class_policy;

void (*sched_switch_space_hook)(struct thread *next);

static struct run_queue *rq_of(unsigned cpu)
{
	return cpu_by_index(cpu)->rq;
}

/* Ask a processor to run its scheduler. Interrupts off. */
void rq_resched(struct run_queue *rq)
{
	struct cpu *c = rq->cpu;

	if (__atomic_exchange_n(&c->need_resched, 1, __ATOMIC_SEQ_CST))
		return;
	if (c != this_cpu())
		message_raise(c, MESSAGE_WAKE);
}

/* Make sure the running thread's slice is timed while others wait. Holds rq->lock, own processor.
 */
static void arm_slice(struct run_queue *rq, nsec_t now)
{
	bool want = rq->runnable > 1 && rq->curr != rq->idle;

	if (want == rq->slice_armed)
		return;
	rq->slice_armed = want;
	timer_set_slice(want ? now + policy->slice(rq, rq->curr) : NEVER);
}

/* Watch the running thread's budget. Holds rq->lock, own processor, time accounted up to now. */
void rq_arm_budget(struct run_queue *rq, nsec_t now)
{
	const struct sched_entity *e = &rq->curr->sched;
	bool want = e->budget_end != NEVER;

	if (!want && !rq->budget_armed)
		return;
	rq->budget_armed = want;
	if (!want)
		timer_set_budget(NEVER);
	else
		timer_set_budget(
			now + (e->budget_end > e->runtime_ns ? e->budget_end - e->runtime_ns : 0));
}

void sched_budget_over(void)
{
	struct run_queue *rq = this_cpu()->rq;
	struct sched_entity *e;
	nsec_t now;

	spin_lock(&rq->lock);
	now = clock_mono_ns();
	policy->account(rq, now);
	e = &rq->curr->sched;
	if (e->runtime_ns >= e->budget_end) {
		e->budget_end = NEVER;
		/* It was in user mode, or will see it on its way there. */
		__atomic_or_fetch(&rq->curr->work, THREAD_WORK_CPU_TIME, __ATOMIC_SEQ_CST);
	}
	rq_arm_budget(rq, now);
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
}

void sched_check_slice(void)
{
	struct run_queue *rq = this_cpu()->rq;
	nsec_t now = clock_mono_ns();

	spin_lock(&rq->lock);
	arm_slice(rq, now);
	if (rq->curr->sched.budget_end != NEVER) {
		policy->account(rq, now);
		rq_arm_budget(rq, now);
	}
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
}

/* One runnable thread less here. Holds rq->lock. */
void rq_one_less(struct run_queue *rq)
{
	rq_integrate(rq, clock_mono_ns());
	WRITE_ONCE(rq->runnable, rq->runnable - 1);
}

static void enqueue(struct run_queue *rq, struct thread *t, bool woken)
{
	rq_integrate(rq, clock_mono_ns());
	t->on_rq = true;
	WRITE_ONCE(rq->runnable, rq->runnable + 1);
	policy->enqueue(rq, t, woken);
}

/* A real-time thread: an idle processor, or the one that runs the least important thread. */
static unsigned select_for_rt(const struct thread *t)
{
	unsigned best = t->cpu;
	int least = INT32_MAX;

	/* Interrupts are off: a thread seen running is not freed while we look. */
	for_each_cpu(c) {
		int prio =
			READ_ONCE(c->rq->runnable) ? READ_ONCE(c->rq->curr)->sched.rt_priority : -1;

		if (bit_test(t->affinity, c->index) &&
		    (prio < least || (prio == least && c->index == t->cpu))) {
			least = prio;
			best = c->index;
		}
	}
	return best;
}

/*
 * Where a waking thread should run: where it was if idle, any idle one, else where it was unless
 * another has at least two fewer to run.
 */
static unsigned select_cpu(const struct thread *t)
{
	unsigned prev = t->cpu, best = 0, least = ~0u;
	bool prev_ok = bit_test(t->affinity, prev) && prev < cpu_count();

	if (prev_ok && !READ_ONCE(rq_of(prev)->runnable))
		return prev;
	if (t->sched.rt_priority)
		return select_for_rt(t);
	for_each_cpu(c) {
		unsigned n = READ_ONCE(c->rq->runnable);

		if (n < least && bit_test(t->affinity, c->index)) {
			least = n;
			best = c->index;
		}
	}
	return prev_ok && least && READ_ONCE(rq_of(prev)->runnable) < least + 2 ? prev : best;
}

/* t, which is on no queue, comes to this one; its processor is told what follows from that. */
static void arrive(struct run_queue *rq, struct thread *t)
{
	enqueue(rq, t, true);
	if (rq->curr != rq->idle)
		policy->account(rq, clock_mono_ns());
	if (rq->curr == rq->idle || policy->preempts(rq, t))
		rq_resched(rq);
	else if (rq->cpu == this_cpu())
		arm_slice(rq, clock_mono_ns());
	else if (!rq->slice_armed)
		message_raise(rq->cpu, MESSAGE_WAKE); /* it starts timing the slice */
}

/* Put a thread that is nowhere on a queue. Holds t->lock, interrupts off. */
void thread_place(struct thread *t)
{
	unsigned cpu = select_cpu(t);
	struct run_queue *rq = rq_of(cpu);

	WRITE_ONCE(t->cpu, cpu);
	spin_lock(&rq->lock);
	arrive(rq, t);
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
}

/* Lock the queue a thread belongs to: it may be stolen until we hold the lock. */
struct run_queue *rq_lock_of(struct thread *t)
{
	for (;;) {
		struct run_queue *rq = rq_of(READ_ONCE(t->cpu));

		spin_lock(&rq->lock);
		if (rq->cpu->index == READ_ONCE(t->cpu))
			return rq;
		spin_unlock_noresched(&rq->lock);
		preempt_enable_noresched();
	}
}

bool thread_unblock(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&t->lock);
	bool woken = false;
	struct run_queue *rq;

	if (__atomic_load_n(&t->state, __ATOMIC_SEQ_CST) != THREAD_SLEEPING)
		goto out;
	woken = true;
	/*
	 * The common case needs no look at its queue: off the processor and on no queue, it is
	 * placed by nobody but the holder of t->lock. (on_rq was cleared before on_cpu.)
	 */
	if (!__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE) && !READ_ONCE(t->on_rq)) {
		WRITE_ONCE(t->state, THREAD_RUNNABLE);
		thread_place(t);
		goto out;
	}
	rq = rq_lock_of(t);
	if (t->on_rq) {
		/* Has not left the processor yet, or was preempted on its way: it simply goes on.
		 */
		WRITE_ONCE(t->state, THREAD_RUNNABLE);
		spin_unlock_noresched(&rq->lock);
		preempt_enable_noresched();
		goto out;
	}
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	while (__atomic_load_n(&t->on_cpu, __ATOMIC_ACQUIRE))
		cpu_relax(); /* its processor is between leaving the queue and leaving the stack */
	WRITE_ONCE(t->state, THREAD_RUNNABLE);
	thread_place(t);
out:
	spin_unlock_irq(&t->lock, irq);
	return woken;
}

void thread_start(struct thread *t)
{
	uint64_t irq = spin_lock_irq(&t->lock);

	assert(t->state == THREAD_RUNNABLE && !t->on_rq);
	thread_place(t);
	spin_unlock_irq(&t->lock, irq);
}

/* A thread that is runnable and on no queue, because it may not run where it was. */
static void move_elsewhere(struct thread *t)
{
	spin_lock(&t->lock);
	thread_place(t);
	spin_unlock_noresched(&t->lock);
	preempt_enable_noresched();
}

/* The first thing every thread does after a switch: let go of the one before. Interrupts off. */
static void finish_switch(struct thread *prev)
{
	bool dead = prev->state == THREAD_DEAD;
	struct run_queue *rq = this_cpu()->rq;
	bool move = rq->moving;

	rq->moving = false;
	__atomic_store_n(&prev->on_cpu, 0, __ATOMIC_RELEASE);
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	if (move)
		move_elsewhere(prev); /* nobody else can place it, so it is still there */
	if (dead)
		thread_reap(prev);
}

void kernel_thread_entry(struct thread *prev)
{
	finish_switch(prev);
}

/* Two queues, lower index first. */
static void lock_two(struct run_queue *a, struct run_queue *b)
{
	spin_lock(a->cpu->index < b->cpu->index ? &a->lock : &b->lock);
	spin_lock(a->cpu->index < b->cpu->index ? &b->lock : &a->lock);
}

static void unlock_two(struct run_queue *a, struct run_queue *b)
{
	spin_unlock_noresched(&a->lock);
	spin_unlock_noresched(&b->lock);
	preempt_enable_noresched();
	preempt_enable_noresched();
}

/* Move a candidate to a queue with at least two fewer to run. Interrupts off, no queue locked. */
static bool even_out(struct run_queue *from, struct run_queue *to)
{
	struct thread *t = NULL;

	lock_two(from, to);
	if (from->runnable >= to->runnable + 2)
		t = policy->steal(from, to->cpu->index);
	if (t) {
		/* on_rq stays set: thread_unblock looks at it without our locks. */
		policy->dequeue(from, t);
		rq_one_less(from);
		WRITE_ONCE(t->cpu, to->cpu->index);
		arrive(to, t);
	}
	unlock_two(from, to);
	return t != NULL;
}

/* The idle thread looks for a processor that has more than it can run. Interrupts off. */
static bool steal(struct run_queue *rq)
{
	struct run_queue *busiest = NULL;

	for_each_cpu(c) {
		if (c->rq != rq && READ_ONCE(c->rq->runnable) > 1 &&
		    (!busiest || READ_ONCE(c->rq->runnable) > READ_ONCE(busiest->runnable)))
			busiest = c->rq;
	}
	return busiest && even_out(busiest, rq);
}

/* A busy processor gives to a less busy one: those that have one thread have no reason to look. */
static void give(struct run_queue *rq)
{
	struct run_queue *least = rq;

	for_each_cpu(c) {
		if (READ_ONCE(c->rq->runnable) < READ_ONCE(least->runnable))
			least = c->rq;
	}
	/* The counts move meanwhile, our own too: a queue must not be evened out with itself. */
	if (least != rq && READ_ONCE(rq->runnable) >= READ_ONCE(least->runnable) + 2)
		even_out(rq, least);
}

void sched_slice_over(void)
{
	struct run_queue *rq = this_cpu()->rq;

	spin_lock(&rq->lock);
	rq->slice_armed = false;
	rq->curr->sched.to_end = rq->curr->sched.policy == THREAD_RR;
	if (rq->runnable > 1)
		rq_resched(rq);
	spin_unlock_noresched(&rq->lock);
	preempt_enable_noresched();
	give(rq);
}

/* `preempted`: the thread did not ask to leave, so it stays runnable whatever its state says. */
static void switch_thread(bool preempted)
{
	uint64_t irq = irq_save();
	struct cpu *c = this_cpu();
	struct run_queue *rq = c->rq;
	struct thread *prev = c->current, *next;
	nsec_t now;

	spin_lock(&rq->lock);
	/*
	 * A quiescent state: what was unlinked before now is not read by us any more. The exchange
	 * behind the count keeps the loads of the next reader from coming before it.
	 */
	__atomic_store_n(&c->quiescent, c->quiescent + 1, __ATOMIC_RELEASE);
	__atomic_exchange_n(&c->need_resched, 0, __ATOMIC_SEQ_CST);
	now = clock_mono_ns();
	policy->account(rq, now);
	if (prev != rq->idle) {
		/* One that is dead never comes back, even if it was preempted on its last steps. */
		bool stays =
			prev->state == THREAD_RUNNABLE || (preempted && prev->state != THREAD_DEAD);

		/* Only a runnable one is moved: one on its way to sleep is placed by its waker. */
		rq->moving = prev->state == THREAD_RUNNABLE && !bit_test(prev->affinity, c->index);
		if (stays && !rq->moving) {
			policy->enqueue(rq, prev, false);
		} else {
			policy->leave(rq, prev);
			prev->on_rq = false;
			rq_one_less(rq);
		}
		prev->switches_forced += stays && preempted;
		prev->switches_voluntary += !stays;
	}
	next = policy->pick(rq);
	if (!next)
		next = rq->idle;
	rq->curr = next;
	next->sched.exec_start = now;
	if (rq->slice_armed || rq->runnable > 1) {
		rq->slice_armed = false; /* a new slice even for the same thread */
		arm_slice(rq, now);
		if (!rq->slice_armed)
			timer_set_slice(NEVER);
	}
	rq_arm_budget(rq, now);
	if (next == prev) {
		spin_unlock_noresched(&rq->lock);
		preempt_enable_noresched();
		irq_restore(irq);
		return;
	}
	c->switches++;
	thread_leaves_kernel(prev);
	WRITE_ONCE(c->kernel_since, cpu_cycles());
	__atomic_store_n(&next->on_cpu, 1, __ATOMIC_RELAXED);
	if (sched_switch_space_hook)
		sched_switch_space_hook(next);
	finish_switch(arch_switch(prev, next));
	irq_restore(irq);
}

void schedule(void)
{
	lockcheck_might_sleep();
	if (unlikely(in_interrupt()))
		panic("sleeping in an interrupt handler");
	if (unlikely(preempt_count()))
		panic("sleeping with a spinlock held, or inside an epoch section");
	switch_thread(false);
}

void thread_yield(void)
{
	current()->sched.to_end = true;
	switch_thread(true);
}

void thread_reschedule(void)
{
	switch_thread(true);
}

void preempt_check(void)
{
	if (preempt_count() || !irq_enabled() || in_interrupt() || panic_quiet())
		return; /* the end of the interrupt or of the outer section looks again */
	while (READ_ONCE(this_cpu()->need_resched))
		switch_thread(true);
}

void kernel_preempt(void)
{
	switch_thread(true);
}

_Noreturn void sched_idle_loop(void)
{
	struct cpu *c = this_cpu();

	for (;;) {
		irq_disable();
		if (!READ_ONCE(c->need_resched) && !steal(c->rq)) {
			c->idle_since = clock_mono_ns();
			/* From here on this processor reads nothing that a grace period protects.
			 */
			__atomic_store_n(&c->idle, true, __ATOMIC_RELEASE);
			cpu_idle_wait(); /* the interrupt that ends it calls sched_leave_idle */
			/* What is no interrupt (an NMI) ends the halt as well. */
			irq_disable();
			sched_leave_idle(c);
			if (!READ_ONCE(c->need_resched))
				continue;
		}
		irq_enable();
		switch_thread(false);
	}
}

/* Interrupts that hit an idle processor call this before they read anything. */
void sched_leave_idle(struct cpu *c)
{
	if (!c->idle)
		return;
	c->idle = false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	flush_owed(c); /* translations of the kernel: it was not asked while it idled */
	c->idle_ns += clock_mono_ns() - c->idle_since;
}

_Noreturn void kernel_processor_entry(void)
{
	this_cpu()->rq->idle->sched.exec_start = clock_mono_ns();
	paging_flush_all(); /* nobody told us of mappings that went while we were not counted */
	irq_enable();
	sched_idle_loop();
}

int sched_cpu_prepare(struct cpu *c)
{
	struct run_queue *rq = kzalloc(sizeof(*rq));
	struct timer_queue *q = kzalloc(timer_queue_size());

	if (!rq || !q || message_cpu_prepare(c) || flush_cpu_prepare(c))
		return -ENOMEM;
	spin_init(&rq->lock, LOCK_RUN_QUEUE);
	rq->cpu = c;
	rt_queue_init(&rq->rt);
	rq->idle = thread_create_idle(c);
	if (!rq->idle)
		return -ENOMEM;
	rq->curr = rq->idle;
	c->rq = rq;
	c->current = rq->idle;
	timer_cpu_prepare(c, q);
	return 0;
}

void thread_kick(struct thread *t)
{
	struct cpu *c = cpu_by_index(READ_ONCE(t->cpu));

	if (__atomic_load_n(&t->on_cpu, __ATOMIC_SEQ_CST) && c != this_cpu())
		message_raise(c, MESSAGE_WAKE);
}
