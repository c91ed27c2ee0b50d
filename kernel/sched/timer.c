/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers: a tree per processor, ordered by deadline, and the one-shot hardware timer armed for
 * whatever comes first: a timer, or the end of the running thread's slice. There is no tick.
 *
 * The hardware is not touched when what is wanted comes later than what it is armed for: it fires
 * early, finds nothing due, and arms itself for the rest. So the common pattern (arm, cancel)
 * costs no device access.
 *
 * A timer is in the tree (armed) or not; it runs with the tree's lock dropped and `running` naming
 * it, which timer_cancel_sync waits for. t->cpu changes only while t is not armed, under the lock
 * of the queue it was on.
 */
#include "rq.h"

#include <arch/enter.h>
#include <arch/timer.h>
#include <base/panic.h>
#include <sched/clock.h>
#include <sched/timer.h>

struct timer_queue {
	struct spinlock lock;  /* TIMER */
	struct rb_root tree;   /* [lock] by deadline */
	struct timer *running; /* [a] whose fn runs now */
	nsec_t budget;	       /* likewise: when its budget is used up, or NEVER */
	nsec_t slice;	       /* own processor, interrupts off: end of the slice, or NEVER */
	nsec_t armed;	       /* likewise: what the hardware is armed for */
};

size_t timer_queue_size(void)
{
	return sizeof(struct timer_queue);
}

void timer_cpu_prepare(struct cpu *c, struct timer_queue *q)
{
	spin_init(&q->lock, LOCK_TIMER);
	q->slice = NEVER;
	q->budget = NEVER;
	q->armed = NEVER;
	c->timers = q;
}

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){.fn = fn, .cpu = cpu_by_index(0)};
}

static struct timer *first(struct timer_queue *q)
{
	struct rb_node *n = rb_first(&q->tree);

	return n ? rb_entry(n, struct timer, node) : NULL;
}

/* Own processor, interrupts off. */
static void want(struct timer_queue *q, nsec_t deadline)
{
	if (deadline >= q->armed)
		return;
	q->armed = deadline;
	arch_timer_arm(deadline);
}

void timer_set_slice(nsec_t end)
{
	struct timer_queue *q = this_cpu()->timers;

	q->slice = end;
	want(q, end);
}

void timer_set_budget(nsec_t end)
{
	struct timer_queue *q = this_cpu()->timers;

	q->budget = end;
	want(q, end);
}

static void insert(struct timer_queue *q, struct timer *t)
{
	struct rb_node **link = &q->tree.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = t->deadline < rb_entry(parent, struct timer, node)->deadline
			       ? &parent->left
			       : &parent->right;
	}
	rb_link(&t->node, parent, link);
	rb_insert_fixup(&t->node, &q->tree);
	t->armed = 1;
}

/* Lock the queue t is or was on. */
static struct timer_queue *lock_queue_of(struct timer *t)
{
	for (;;) {
		struct cpu *c = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);

		spin_lock(&c->timers->lock);
		if (__atomic_load_n(&t->cpu, __ATOMIC_RELAXED) == c)
			return c->timers;
		spin_unlock_noresched(&c->timers->lock);
		preempt_enable_noresched();
	}
}

static void unlock(struct timer_queue *q)
{
	spin_unlock_noresched(&q->lock);
	preempt_enable_noresched();
}

static bool disarm_locked(struct timer_queue *q, struct timer *t)
{
	if (!t->armed)
		return false;
	rb_erase(&t->node, &q->tree);
	t->armed = 0;
	return true;
}

void timer_arm(struct timer *t, nsec_t deadline)
{
	uint64_t irq = irq_save();
	struct timer_queue *q, *mine = this_cpu()->timers;

	for (;;) {
		q = lock_queue_of(t);
		disarm_locked(q, t);
		/* While its fn runs there it stays there, so that cancel_sync looks in the right
		 * place. */
		if (q == mine || __atomic_load_n(&q->running, __ATOMIC_RELAXED) == t)
			break;
		/* Ours now, unless another processor arms it as well and is faster. */
		__atomic_store_n(&t->cpu, this_cpu(), __ATOMIC_RELEASE);
		unlock(q);
	}
	t->deadline = deadline;
	insert(q, t);
	unlock(q);
	if (q == mine)
		want(q, deadline);
	/* Else fn is running on that processor, and it arms the hardware when fn returns. */
	irq_restore(irq);
}

bool timer_cancel(struct timer *t)
{
	uint64_t irq = irq_save();
	struct timer_queue *q = lock_queue_of(t);
	bool was = disarm_locked(q, t);

	unlock(q);
	irq_restore(irq);
	return was;
}

bool timer_cancel_sync(struct timer *t)
{
	bool was = timer_cancel(t);

	for (;;) {
		struct cpu *c = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);

		if (__atomic_load_n(&c->timers->running, __ATOMIC_ACQUIRE) != t)
			return was;
		while (__atomic_load_n(&c->timers->running, __ATOMIC_ACQUIRE) == t)
			cpu_relax();
		was |= timer_cancel(t); /* fn may have armed it again */
	}
}

void kernel_timer_interrupt(void)
{
	struct timer_queue *q = this_cpu()->timers;
	nsec_t now = clock_mono_ns(), next;
	struct timer *t;

	q->armed = NEVER; /* it has fired; one-shot */
	spin_lock(&q->lock);
	while ((t = first(q)) != NULL && t->deadline <= now) {
		disarm_locked(q, t);
		__atomic_store_n(&q->running, t, __ATOMIC_RELAXED);
		unlock(q);
		t->fn(t);
		now = clock_mono_ns();
		spin_lock(&q->lock);
		/* t may be gone once this is seen. */
		__atomic_store_n(&q->running, NULL, __ATOMIC_RELEASE);
	}
	next = t ? t->deadline : NEVER;
	unlock(q);
	if (q->slice <= now) {
		q->slice = NEVER;
		sched_slice_over();
	}
	if (q->budget <= now) {
		q->budget = NEVER;
		sched_budget_over();
	}
	want(q, min(next, min(q->slice, q->budget)));
}
