/* SPDX-License-Identifier: BSD-2-Clause */
/* Blockers: order, counts, time-outs, and every race that their rules speak of. */
#include "team.h"

#include <base/ktest.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/thread.h>

static unsigned waiters_of(struct blocker *b)
{
	uint64_t irq = spin_lock_irq(&b->lock);
	unsigned n = 0;

	for (struct blocker_node *at = b->head; at; at = at->next == b->head ? NULL : at->next)
		n++;
	spin_unlock_irq(&b->lock, irq);
	return n;
}

static bool waiters_reach(struct blocker *b, unsigned n)
{
	nsec_t end = clock_mono_ns() + 10 * NSEC_PER_SEC;

	while (waiters_of(b) != n) {
		if (clock_mono_ns() > end)
			return false;
		sleep_ns(100 * US);
	}
	return true;
}

#define QUEUE 12

struct queue {
	struct blocker b;
	uint32_t order[QUEUE];
	uint32_t woken; /* [a] */
};

static void queue_up(void *ctx, unsigned i)
{
	struct queue *q = *(struct queue **)ctx;
	unsigned me = waiters_of(&q->b);
	int r = blocker_block(&q->b, NULL, 0, clock_mono_ns() + 60 * NSEC_PER_SEC,
			      WAIT_UNINTERRUPTIBLE);

	ktest_check_eq(r, 0);
	q->order[me] = __atomic_add_fetch(&q->woken, 1, __ATOMIC_ACQ_REL);
}

static void fill_queue(struct queue **q)
{
	for (unsigned i = 0; i < QUEUE; i++) {
		team_start(1, queue_up, q, false);
		ktest_check(waiters_reach(&(*q)->b, i + 1));
	}
}

KTEST(blocker_first_come_first_served)
{
	struct queue q = {.b = BLOCKER_INIT(LOCK_BLOCKER)}, *p = &q;

	ktest_check_eq(sizeof(struct blocker), 16);
	ktest_check_eq(blocker_wake(&q.b, 5, 0), 0);
	fill_queue(&p);
	for (unsigned i = 0; i < QUEUE; i++) {
		ktest_check_eq(blocker_wake(&q.b, 1, 0), 1);
		ktest_check(reaches(&q.woken, i + 1));
		ktest_check_eq(waiters_of(&q.b), QUEUE - i - 1);
	}
	for (unsigned i = 0; i < QUEUE; i++)
		ktest_check_eq(q.order[i], i + 1);
	team_wait();
}

KTEST(blocker_wakes_as_many_as_asked)
{
	struct queue q = {.b = BLOCKER_INIT(LOCK_BLOCKER)}, *p = &q;

	fill_queue(&p);
	ktest_check_eq(blocker_wake(&q.b, 3, 0), 3);
	ktest_check(reaches(&q.woken, 3));
	sleep_ns(5 * MS);
	ktest_check_eq(q.woken, 3);
	ktest_check_eq(blocker_wake(&q.b, ~0u, 0), QUEUE - 3);
	team_wait();
	ktest_check_eq(q.woken, QUEUE);
	ktest_check(!blocker_has_waiters(&q.b));
}

static nsec_t timed_wait(struct blocker *b, nsec_t deadline)
{
	nsec_t from = clock_mono_ns();

	ktest_check_eq(blocker_block(b, NULL, 0, deadline, WAIT_UNINTERRUPTIBLE), -ETIMEDOUT);
	return clock_mono_ns() - from;
}

KTEST(blocker_deadlines)
{
	struct blocker b = BLOCKER_INIT(LOCK_BLOCKER);
	nsec_t took;

	ktest_check(timed_wait(&b, 0) < 100 * MS);
	ktest_check(timed_wait(&b, 1) < 100 * MS);
	ktest_check(timed_wait(&b, clock_mono_ns()) < 100 * MS);
	ktest_check(timed_wait(&b, clock_mono_ns() - NSEC_PER_SEC / 100) < 100 * MS);
	for (unsigned ms = 1; ms <= 16; ms *= 4) {
		nsec_t from = clock_mono_ns();

		took = timed_wait(&b, from + ms * MS);
		ktest_check(clock_mono_ns() >= from + ms * MS);
		ktest_check(took < ms * MS + NSEC_PER_SEC);
	}
	ktest_check(!blocker_has_waiters(&b));
}

/*
 * Wake-ups handed over are counted on both sides: producers hand one to a waiter if there is one,
 * else put it by; consumers take one that was put by, else wait with a tiny time-out. However the
 * time-outs fall, what was produced is what was consumed: each wait had exactly one end, and no
 * wake-up went to a thread that had given up.
 */
#define TOKENS 4000
struct tokens {
	struct spinlock lock;
	struct blocker b;
	uint32_t stock;				 /* [lock] */
	uint32_t made, handed, taken, timed_out; /* [a] */
	uint32_t producers;			 /* [a] still at work */
};

static void produce(struct tokens *t)
{
	for (unsigned i = 0; team_time(); i++) {
		uint64_t irq = spin_lock_irq(&t->lock);

		t->made++;

		if (blocker_wake(&t->b, 1, 0))
			__atomic_add_fetch(&t->handed, 1, __ATOMIC_RELAXED);
		else
			t->stock++;
		spin_unlock_irq(&t->lock, irq);
		if (i % 16 == 0)
			thread_yield();
		if (i % 512 == 0)
			sleep_ns(200 * US);
	}
	__atomic_sub_fetch(&t->producers, 1, __ATOMIC_RELEASE);
}

static void consume(struct tokens *t, uint32_t state)
{
	for (;;) {
		bool last = !__atomic_load_n(&t->producers, __ATOMIC_ACQUIRE);
		uint64_t irq = spin_lock_irq(&t->lock);
		nsec_t deadline;
		int r = 0;

		if (t->stock) {
			t->stock--;
			spin_unlock_irq(&t->lock, irq);
		} else if (last) {
			spin_unlock_irq(&t->lock, irq);
			return;
		} else {
			deadline = clock_mono_ns() + noise(&state) % 100 * US;
			r = blocker_block(&t->b, &t->lock, irq, deadline, WAIT_UNINTERRUPTIBLE);
		}
		__atomic_add_fetch(r ? &t->timed_out : &t->taken, 1, __ATOMIC_RELAXED);
	}
}

static void token_thread(void *ctx, unsigned i)
{
	if (i < 2)
		produce(ctx);
	else
		consume(ctx, i * 7919);
}

KTEST(blocker_one_end_for_each_wait)
{
	struct tokens t = {.b = BLOCKER_INIT(LOCK_BLOCKER), .producers = 2};

	spin_init(&t.lock, LOCK_TEST_SPIN);
	team_run(8, token_thread, &t);
	ktest_check_eq(t.taken, t.made);
	ktest_check_eq(t.stock, 0);
	ktest_check(t.handed > 0);
	ktest_note("%u handed over, %u from the stock, %u time-outs", t.handed, t.made - t.handed,
		   t.timed_out);
}

/*
 * The owner of a blocker wakes all and frees it, again and again, while waiters come, time out and
 * take themselves off. Poison (and the address checks of the kasan build) tells if anybody touches
 * one after its grace period.
 */
struct mortal {
	struct blocker b;
	uint32_t dead; /* [a] */
	struct epoch_head epoch;
};
static struct mortal *mortal; /* [a] under epoch */
static uint32_t no_more;      /* [a] */
static uint32_t met, late;    /* [a] waits that were woken, that timed out */

static void visit(void *ctx, unsigned i)
{
	uint32_t state = i * 104729 + 1;

	while (!__atomic_load_n(&no_more, __ATOMIC_ACQUIRE)) {
		struct blocker_node n;
		struct mortal *m;
		bool wait = false;

		blocker_node_init(&n);
		wait_begin(WAIT_UNINTERRUPTIBLE);
		epoch_enter();
		m = __atomic_load_n(&mortal, __ATOMIC_ACQUIRE);
		if (m) {
			blocker_add(&m->b, &n);
			wait = !__atomic_load_n(&m->dead, __ATOMIC_ACQUIRE);
			if (!wait)
				blocker_remove(&n); /* it may have missed the last wake-up */
		}
		epoch_exit();
		if (!wait) {
			wait_end();
			blocker_remove(&n);
			thread_yield();
			continue;
		}
		if (wait_sleep(clock_mono_ns() + noise(&state) % 60 * US))
			__atomic_add_fetch(&late, 1, __ATOMIC_RELAXED);
		else
			__atomic_add_fetch(&met, 1, __ATOMIC_RELAXED);
		blocker_remove(&n);
	}
}

KTEST(blocker_freed_by_the_waker)
{
	unsigned rounds = 0;
	uint32_t state = 99;

	met = late = no_more = 0;
	team_start(3 * cpu_count(), visit, NULL, false);
	for (; rounds < 50 || team_time(); rounds++) {
		struct mortal *m = kmalloc(sizeof(*m));
		unsigned pause = noise(&state) % 60;

		if (!ktest_check(m))
			break;
		blocker_init(&m->b);
		m->dead = 0;
		__atomic_store_n(&mortal, m, __ATOMIC_RELEASE);
		if (pause < 20)
			clock_delay_ns(pause * US);
		else
			sleep_ns(pause * US);
		__atomic_store_n(&mortal, NULL, __ATOMIC_RELEASE);
		__atomic_store_n(&m->dead, 1, __ATOMIC_SEQ_CST);
		blocker_wake_all(&m->b);
		kfree_deferred(m, epoch);
	}
	__atomic_store_n(&no_more, 1, __ATOMIC_RELEASE);
	team_wait();
	epoch_barrier();
	ktest_note("%u blockers, %u waits woken, %u timed out", rounds, met, late);
	ktest_check(met > 0);
	ktest_check(late > 0);
}

/* Two threads take turns; a single lost wake-up costs 10 s and is noticed. */
struct rally {
	struct blocker b[2];
	uint32_t turn;	     /* [a] */
	uint32_t over, lost; /* [a] */
};

static bool my_turn(const struct rally *r, unsigned i)
{
	return __atomic_load_n(&r->turn, __ATOMIC_RELAXED) % 2 == i ||
	       __atomic_load_n(&r->over, __ATOMIC_RELAXED);
}

static void play(void *ctx, unsigned i)
{
	struct rally *r = ctx;

	while (!__atomic_load_n(&r->over, __ATOMIC_RELAXED)) {
		if (WAIT_UNTIL(&r->b[i], my_turn(r, i), clock_mono_ns() + 10 * NSEC_PER_SEC,
			       WAIT_UNINTERRUPTIBLE))
			r->lost = r->over = 1;
		if (!team_time())
			__atomic_store_n(&r->over, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&r->turn, r->turn + 1, __ATOMIC_RELAXED);
		blocker_wake_one(&r->b[1 - i]);
	}
}

KTEST(blocker_no_wake_up_is_lost)
{
	struct rally r = {.b = {BLOCKER_INIT(LOCK_BLOCKER), BLOCKER_INIT(LOCK_BLOCKER)}};
	nsec_t from = clock_mono_ns();

	team_run_bound(2, play, &r);
	ktest_check_eq(r.lost, 0);
	ktest_check(r.turn > 100);
	ktest_note("%lu ns a turn", (unsigned long)((clock_mono_ns() - from) / (r.turn + 1)));
}

#define MANY 8
struct many {
	struct blocker b[MANY];
	uint32_t ready; /* [a] rounds begun */
	uint32_t chosen;
};

static void wake_one_of_many(void *ctx, unsigned i)
{
	struct many *m = ctx;
	uint32_t state = 7;

	for (unsigned round = 1; round <= 200; round++) {
		ktest_check(reaches(&m->ready, round));
		m->chosen = noise(&state) % MANY;
		blocker_wake_one(&m->b[m->chosen]);
	}
}

KTEST(blocker_one_thread_on_many)
{
	struct many m = {0};
	struct blocker_node nodes[MANY];

	for (unsigned i = 0; i < MANY; i++)
		blocker_init(&m.b[i]);
	team_start(1, wake_one_of_many, &m, false);
	for (unsigned round = 1; round <= 200; round++) {
		unsigned off = 0;
		int r;

		wait_begin(WAIT_UNINTERRUPTIBLE);
		for (unsigned i = 0; i < MANY; i++) {
			blocker_node_init(&nodes[i]);
			blocker_add(&m.b[i], &nodes[i]);
		}
		__atomic_store_n(&m.ready, round, __ATOMIC_RELEASE);
		r = wait_sleep(clock_mono_ns() + 10 * NSEC_PER_SEC);
		for (unsigned i = 0; i < MANY; i++)
			if (!blocker_remove(&nodes[i])) {
				off++;
				ktest_check_eq(i, m.chosen);
			}
		if (!ktest_check_eq(r, 0) || !ktest_check_eq(off, 1))
			break;
	}
	team_wait();
}

/* Signals end only the waits that allow it, also when they race with the next wait's beginning. */
struct pester {
	struct thread *victim;
	uint32_t stop; /* [a] */
};

static void pester_main(void *ctx, unsigned i)
{
	struct pester *p = ctx;

	while (!__atomic_load_n(&p->stop, __ATOMIC_ACQUIRE)) {
		__atomic_or_fetch(&p->victim->work, THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
		thread_interrupt(p->victim);
	}
}

KTEST(blocker_signals_end_only_what_they_may)
{
	struct pester p = {.victim = current()};
	struct blocker b = BLOCKER_INIT(LOCK_BLOCKER);
	unsigned interrupted = 0;

	team_start(1, pester_main, &p, false);
	for (unsigned i = 0; i < 2000 && (i < 50 || team_time()); i++) {
		nsec_t soon = clock_mono_ns() + 50 * US;
		int r = blocker_block(&b, NULL, 0, soon, WAIT_INTERRUPTIBLE);

		interrupted += r == -EINTR;
		__atomic_and_fetch(&current()->work, ~THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
		soon = clock_mono_ns() + 20 * US;
		if (!ktest_check_eq(blocker_block(&b, NULL, 0, soon, WAIT_UNINTERRUPTIBLE),
				    -ETIMEDOUT) ||
		    !ktest_check_eq(blocker_block(&b, NULL, 0, soon, WAIT_KILLABLE), -ETIMEDOUT))
			break;
	}
	__atomic_store_n(&p.stop, 1, __ATOMIC_RELEASE);
	team_wait();
	__atomic_and_fetch(&current()->work, ~THREAD_WORK_SIGNAL, __ATOMIC_SEQ_CST);
	ktest_check(interrupted > 0);
	ktest_check(!blocker_has_waiters(&b));
}

/* Waking threads that are not blocked, or not any more, changes nothing, the interrupt state least.
 */
KTEST(blocker_idle_wake_ups)
{
	ktest_check(irq_enabled());
	ktest_check(!thread_unblock(current()));
	ktest_check(irq_enabled());
	thread_interrupt(current());
	ktest_check(irq_enabled());
	irq_disable();
	ktest_check(!thread_unblock(current()));
	ktest_check(!irq_enabled());
	irq_enable();
	ktest_check_eq(preempt_count(), 0);
}
