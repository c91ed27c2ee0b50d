/* SPDX-License-Identifier: BSD-2-Clause */
/* Within sched/: run queues and the policy behind them. */
#ifndef SCHED_RQ_H
#define SCHED_RQ_H

#include <sched/thread.h>

struct run_queue;

/*
 * A scheduling policy: who runs next. All are called with the queue's lock held and interrupts
 * off. The queue's own truth (state, counts, on_rq) stays with the core.
 */
struct sched_policy {
	const char *name;
	/* t becomes a candidate; woken: it slept before (else it was preempted or moved). */
	void (*enqueue)(struct run_queue *rq, struct thread *t, bool woken);
	/* t, a candidate, no longer is one (moved away). */
	void (*dequeue)(struct run_queue *rq, struct thread *t);
	/* Take the best candidate out, or NULL. */
	struct thread *(*pick)(struct run_queue *rq);
	/* t stops being the running thread and goes to sleep or away. */
	void (*leave)(struct run_queue *rq, struct thread *t);
	/* Account the running thread up to now. */
	void (*account)(struct run_queue *rq, nsec_t now);
	/* Should t, just enqueued, run instead of the current thread? */
	bool (*preempts)(struct run_queue *rq, struct thread *t);
	/* How long the picked thread may run while others wait. */
	nsec_t (*slice)(struct run_queue *rq, struct thread *t);
	/* A candidate that may run on `cpu`, or NULL: for stealing. */
	struct thread *(*steal)(struct run_queue *rq, unsigned cpu);
};

#define RT_PRIORITIES 100 /* 1..99 */

struct rt_queue {
	DECLARE_BITMAP(used, RT_PRIORITIES); /* [rq lock] lists that are not empty */
	struct list lists[RT_PRIORITIES];    /* [rq lock] candidates by priority */
	nsec_t period_start, used_ns;	     /* [rq lock] time used in this period */
};

struct run_queue {
	struct spinlock lock; /* RUN_QUEUE */
	struct cpu *cpu;      /* [I] */
	struct thread *curr;  /* [lock] running thread, the idle one included */
	struct thread *idle;  /* [I] */
	unsigned
		runnable; /* [lock to write] runnable threads, the running one included, idle not */
	bool moving;	  /* [lock] the thread being switched from must go elsewhere */
	bool budget_armed;	/* [lock] the running thread's budget is being watched */
	bool slice_armed;	/* [lock] the running thread's slice is being timed */
	struct rt_queue rt;	/* [lock] realtime.c */
	struct rb_root tree;	/* [lock] fair: candidates by vruntime */
	uint64_t min_vruntime;	/* [lock] fair: never falls */
	uint64_t weight;	/* [lock] fair: sum over candidates */
	uint64_t load_integral; /* [lock] runnable threads times ns, up to load_since */
	nsec_t load_since;	/* [lock] */
};

/* Bring the integral up to now: before every change of `runnable`. Holds rq->lock. */
static inline void rq_integrate(struct run_queue *rq, nsec_t now)
{
	if (now > rq->load_since) {
		rq->load_integral += rq->runnable * (now - rq->load_since);
		rq->load_since = now;
	}
}

unsigned thread_count(void);

extern const struct sched_policy fair_policy;
/* Real-time threads before fair ones: what the core uses. */
extern const struct sched_policy class_policy;
void rt_queue_init(struct rt_queue *q);
/* The running thread becomes a fair one, or stays one, after its policy's leave. */
void fair_join(struct run_queue *rq, struct thread *t);

/* --- sched.c for control.c --- */
/* Lock the queue t belongs to; thread->lock is held. */
struct run_queue *rq_lock_of(struct thread *t);
/* Ask a processor to run its scheduler. Interrupts off. */
void rq_resched(struct run_queue *rq);
/* One runnable thread less here. Holds rq->lock. */
void rq_one_less(struct run_queue *rq);
void rq_arm_budget(struct run_queue *rq, nsec_t now);
/* Put a thread that is nowhere on a queue. Holds t->lock, interrupts off. */
void thread_place(struct thread *t);

/* Timer side: the running thread's slice ends at `end`, or NEVER. Interrupts off. */
void timer_set_slice(nsec_t end);
/* Likewise for the running thread's budget of processor time. */
void timer_set_budget(nsec_t end);
/* Called by the timer interrupt when the slice is over, the budget used up. */
void sched_slice_over(void);
void sched_budget_over(void);
/* From the message interrupt: more threads may wait here than when the slice was set up. */
void sched_check_slice(void);

void timer_cpu_prepare(struct cpu *c, struct timer_queue *q);
size_t timer_queue_size(void);
/* After a switch away from a thread that is dead. */
void thread_reap(struct thread *t);
struct thread *thread_create_idle(struct cpu *c);
uint32_t fair_weight(int nice);

#endif
