/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls into drivers: counting them, and looking at what they leave behind. See gate.h. */
#include "gate.h"

#include <base/log.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/thread.h>

/* How long a removal waits for calls that are about to end. */
#define PATIENCE_NS (100 * NSEC_PER_MSEC)
/* A driver that breaks a rule in every interrupt does not get to fill the log. */
#define COMPLAINTS_SHOWN 10
/* What a callback may use of the stack. */
#define STACK_LEFT_MIN (8 * 1024)

struct owner_counts {
	uint64_t entered; /* by their own processor only: plain, but one instruction each */
	uint64_t left;
} __aligned(CACHE_LINE);

/* Who closes a gate waits here; removals come one at a time, so one for all suffices. */
static struct blocker left_closed_gate = BLOCKER_INIT(LOCK_BLOCKER);

int gate_init(struct owner *o)
{
	o->counts = kcalloc(cpu_count(), sizeof(*o->counts));
	return o->counts ? 0 : -ENOMEM;
}

void gate_fini(struct owner *o)
{
	kfree(o->counts);
	o->counts = NULL;
}

/* An interrupt may come between two instructions and do the same. */
static void count(uint64_t *counter)
{
	__asm__ volatile("incq %0" : "+m"(*counter) : : "cc");
}

bool gate_enter(struct owner *o)
{
	bool entered;

	epoch_enter();
	entered = !__atomic_load_n(&o->closed, __ATOMIC_RELAXED);
	if (entered)
		count(&o->counts[this_cpu_index()].entered);
	epoch_exit();
	return entered;
}

void gate_leave(struct owner *o)
{
	bool closed;

	/*
	 * Whoever closes the gate looks after a grace period. Either this section is over by then,
	 * and the count is seen, or it sees that the gate is closed.
	 */
	epoch_enter();
	count(&o->counts[this_cpu_index()].left);
	closed = __atomic_load_n(&o->closed, __ATOMIC_RELAXED);
	epoch_exit();
	if (closed)
		blocker_wake_all(&left_closed_gate);
}

bool owner_hold(struct owner *o)
{
	bool held;

	epoch_enter();
	held = !__atomic_load_n(&o->closed, __ATOMIC_RELAXED);
	if (held)
		__atomic_add_fetch(&o->users, 1, __ATOMIC_RELAXED);
	epoch_exit();
	return held;
}

void owner_drop(struct owner *o)
{
	__atomic_sub_fetch(&o->users, 1, __ATOMIC_RELEASE);
}

static bool nobody_inside(struct owner *o)
{
	uint64_t left = 0, entered = 0;

	for_each_cpu(c)
		left += __atomic_load_n(&o->counts[c->index].left, __ATOMIC_ACQUIRE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for_each_cpu(c)
		entered += __atomic_load_n(&o->counts[c->index].entered, __ATOMIC_RELAXED);
	return left == entered;
}

static bool held(struct owner *o)
{
	return __atomic_load_n(&o->users, __ATOMIC_ACQUIRE) != 0;
}

int gate_close(struct owner *o)
{
	if (held(o))
		return -EBUSY;
	__atomic_store_n(&o->closed, 1, __ATOMIC_SEQ_CST);
	epoch_wait();
	WAIT_UNTIL(&left_closed_gate, nobody_inside(o), clock_mono_ns() + PATIENCE_NS,
		   WAIT_UNINTERRUPTIBLE);
	/* A call that was inside may have opened something. */
	if (nobody_inside(o) && !held(o))
		return 0;
	gate_open(o);
	return -EBUSY;
}

void gate_open(struct owner *o)
{
	__atomic_store_n(&o->closed, 0, __ATOMIC_RELEASE);
}

/* --- what comes back ------------------------------------------------------------------------- */

static void check_stack(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (!CONFIG_LOCKCHECK || in_interrupt() || !current()->stack)
		return;
	assert(here - (uintptr_t)current()->stack >= STACK_LEFT_MIN);
}

void gate_call_begin(struct gate_call *call)
{
	check_stack();
	call->irq = irq_enabled();
	call->preempt = preempt_count();
	call->locks = in_interrupt() ? 0 : current()->driver_locks;
}

static void complain(struct owner *o, const char *what, const char *rule)
{
	uint32_t n = __atomic_add_fetch(&o->complaints, 1, __ATOMIC_RELAXED);

	if (n < COMPLAINTS_SHOWN)
		log_error("driver %s: %s returned %s", o->name, what, rule);
	else if (n == COMPLAINTS_SHOWN)
		log_error("driver %s: %s returned %s; further complaints are not shown", o->name,
			  what, rule);
}

static void restore_preemption(struct owner *o, unsigned was, const char *what)
{
	if (preempt_count() > was)
		complain(o, what, "holding a spinlock, or inside an epoch section");
	else
		complain(o, what, "having released a spinlock or left an epoch section too often");
	while (preempt_count() > was)
		preempt_enable_noresched();
	while (preempt_count() < was)
		preempt_disable();
}

bool gate_call_end(struct owner *o, const struct gate_call *call, const char *what)
{
	bool broken = false;

	if (unlikely(irq_enabled() != call->irq)) {
		complain(o, what,
			 call->irq ? "with interrupts disabled" : "with interrupts enabled");
		if (call->irq)
			irq_enable();
		else
			irq_disable();
		broken = true;
	}
	if (unlikely(preempt_count() != call->preempt)) {
		restore_preemption(o, call->preempt, what);
		broken = true;
	}
	if (unlikely(cpu_clean_flags())) {
		complain(o, what, "with the direction or the alignment flag set");
		broken = true;
	}
	if (unlikely(!in_interrupt() && current()->driver_locks != call->locks)) {
		complain(o, what,
			 "holding a mutex or a read-write lock, or having released one too many");
		current()->driver_locks = call->locks;
		broken = true;
	}
	return broken;
}
