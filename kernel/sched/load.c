/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load averages without a periodic tick. Each run queue integrates its number of runnable threads
 * over time; a reader takes the mean since the last reading and applies as many steps of the usual
 * exponential decay (5 s each) as have passed.
 */
#include "rq.h"

#include <sched/clock.h>

#define STEP	  (5 * NSEC_PER_SEC)
#define ONE	  2048
#define STEPS_MAX 720 /* an hour: older history has decayed to nothing */

static struct spinlock lock = SPINLOCK_INIT(LOCK_STATS);
static nsec_t last;	       /* [lock] */
static uint64_t last_integral; /* [lock] in thread-milliseconds */
static uint64_t average[3];    /* [lock] << 11 */

static uint64_t integral(nsec_t now)
{
	uint64_t sum = 0;

	for_each_cpu(c) {
		struct run_queue *rq = c->rq;
		uint64_t irq = spin_lock_irq(&rq->lock);

		rq_integrate(rq, now);
		sum += rq->load_integral / NSEC_PER_MSEC;
		spin_unlock_irq(&rq->lock, irq);
	}
	return sum;
}

static void load_average(uint64_t loads[3])
{
	static const uint64_t keep[3] = {1884, 2014, 2037}; /* exp(-5s/1min, 5min, 15min) * 2048 */
	nsec_t now = clock_mono_ns();

	spin_lock(&lock);
	if (now - last >= STEP) {
		uint64_t steps = (now - last) / STEP, total = integral(now);
		uint64_t mean = (total - last_integral) * ONE * NSEC_PER_MSEC / (now - last);

		steps = steps < STEPS_MAX ? steps : STEPS_MAX;
		for (unsigned i = 0; i < 3; i++)
			for (uint64_t s = 0; s < steps; s++)
				average[i] = (average[i] * keep[i] + mean * (ONE - keep[i])) / ONE;
		last = now;
		last_integral = total;
	}
	for (unsigned i = 0; i < 3; i++)
		loads[i] = average[i];
	spin_unlock(&lock);
}

void sched_load(unsigned *runnable, unsigned *total, uint64_t loads[3])
{
	*runnable = 0;
	for_each_cpu(c)
		*runnable += READ_ONCE(c->rq->runnable);
	*total = thread_count();
	load_average(loads);
}
