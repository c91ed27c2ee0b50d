/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls into drivers: counting them, and looking at what they leave behind. See gate.h. */
#include "gate.h"

#include "lock_spin.h"

#include <base/log.h>
#include <base/panic.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/banos_queue.h>
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

struct gate_counts {
	uint64_t entered; /* each by its own processor, preemption off; read by who closes */
	uint64_t left;
} __aligned(CACHE_LINE);

/* Who closes a gate waits here: rare, so one for all gates suffices. */
static struct blocker left_closed_gate = BLOCKER_INIT(LOCK_BLOCKER);
/* Likewise, until some init is over. */
static struct blocker start_over = BLOCKER_INIT(LOCK_BLOCKER);

int gate_init(struct gate *g)
{
	g->closed = 0;
	g->counts = kcalloc(cpu_count(), sizeof(*g->counts));
	return g->counts ? 0 : -ENOMEM;
}

void gate_fini(struct gate *g)
{
	kfree(g->counts);
	g->counts = NULL;
}

static void count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELEASE);
}

bool gate_enter(struct gate *g, struct gate_pass *pass)
{
	bool entered;

	epoch_enter();
	entered = !__atomic_load_n(&g->closed, __ATOMIC_RELAXED);
	if (entered)
		count(&g->counts[this_cpu_index()].entered);
	epoch_exit();
	if (entered) {
		*pass = (struct gate_pass){.gate = g, .outer = current()->gates};
		current()->gates = pass;
	}
	return entered;
}

void gate_leave(struct gate_pass *pass)
{
	struct gate *g = pass->gate;

	current()->gates = pass->outer;
	/*
	 * Whoever closes the gate looks after a grace period. Either this section is over by then,
	 * and the count is seen, or it sees that the gate is closed. The gate may go as soon as the
	 * count is seen, and after a grace period.
	 */
	epoch_enter();
	count(&g->counts[this_cpu_index()].left);
	if (__atomic_load_n(&g->closed, __ATOMIC_RELAXED))
		blocker_wake_all(&left_closed_gate);
	epoch_exit();
}

bool gate_is_inside(const struct gate *g)
{
	const struct gate_pass *pass = in_interrupt() ? NULL : current()->gates;

	while (pass && pass->gate != g)
		pass = pass->outer;
	return pass != NULL;
}

static bool nobody_inside(struct gate *g)
{
	uint64_t left = 0, entered = 0;

	for_each_cpu(c)
		left += __atomic_load_n(&g->counts[c->index].left, __ATOMIC_ACQUIRE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for_each_cpu(c)
		entered += __atomic_load_n(&g->counts[c->index].entered, __ATOMIC_RELAXED);
	return left == entered;
}

/* True: nobody is inside. */
static bool shut(struct gate *g, nsec_t deadline)
{
	__atomic_store_n(&g->closed, 1, __ATOMIC_SEQ_CST);
	epoch_wait();
	WAIT_UNTIL(&left_closed_gate, nobody_inside(g), deadline, WAIT_UNINTERRUPTIBLE);
	return nobody_inside(g);
}

void gate_shut(struct gate *g)
{
	shut(g, NEVER);
	epoch_wait(); /* the last to leave has left */
}

bool owner_hold(struct owner *o)
{
	bool held;

	epoch_enter();
	held = !__atomic_load_n(&o->gate.closed, __ATOMIC_RELAXED);
	if (held)
		__atomic_add_fetch(&o->users, 1, __ATOMIC_RELAXED);
	epoch_exit();
	return held;
}

/* As in gate_leave: whoever closes either sees the count, or is woken. */
void owner_drop(struct owner *o)
{
	epoch_enter();
	__atomic_sub_fetch(&o->users, 1, __ATOMIC_RELEASE);
	if (__atomic_load_n(&o->gate.closed, __ATOMIC_RELAXED))
		blocker_wake_all(&left_closed_gate);
	epoch_exit();
}

void owner_starts(struct owner *o)
{
	__atomic_store_n(&o->start, OWNER_STARTING, __ATOMIC_RELEASE);
}

void owner_started(struct owner *o, bool good)
{
	__atomic_store_n(&o->start, good ? OWNER_READY : OWNER_FAILED, __ATOMIC_RELEASE);
	blocker_wake_all(&start_over);
}

int owner_await_start(struct owner *o)
{
	if (owner_is_ready(o))
		return 0;
	if (WAIT_UNTIL(&start_over, __atomic_load_n(&o->start, __ATOMIC_ACQUIRE) != OWNER_STARTING,
		       NEVER, WAIT_INTERRUPTIBLE))
		return -EINTR;
	return owner_is_ready(o) ? 0 : -ENODEV;
}

static bool held(struct owner *o)
{
	return __atomic_load_n(&o->users, __ATOMIC_ACQUIRE) != 0;
}

int owner_close(struct owner *o)
{
	if (held(o))
		return -EBUSY;
	/* A call that was inside may have come to hold it. */
	if (shut(&o->gate, clock_mono_ns() + PATIENCE_NS) && !held(o))
		return 0;
	owner_open(o);
	return -EBUSY;
}

void owner_shut(struct owner *o)
{
	gate_shut(&o->gate);
	WAIT_UNTIL(&left_closed_gate, !held(o), NEVER, WAIT_UNINTERRUPTIBLE);
	epoch_wait();
	banos_queue_end(o);
}

void owner_open(struct owner *o)
{
	__atomic_store_n(&o->gate.closed, 0, __ATOMIC_RELEASE);
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
	/* Without preemption, or there are none. */
	call->spins = call->preempt ? this_cpu()->locks.depth : 0;
	call->locks = call->held = 0;
	if (!in_interrupt()) {
		call->locks = current()->driver_locks;
		call->held = current()->locks.depth;
	}
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

static void restore_preemption(struct owner *o, const struct gate_call *call, const char *what)
{
	unsigned was = call->preempt;

	/* One exit or unlock too many has made a negative number of it. */
	if ((int)(preempt_count() - was) > 0)
		complain(o, what, "holding a spinlock, or inside an epoch section");
	else
		complain(o, what, "having released a spinlock or left an epoch section too often");
	/* The lock stays locked, for the driver to meet again; the checker forgets it. */
	lockcheck_trim_spin(call->spins);
	while ((int)(preempt_count() - was) > 0)
		preempt_enable_noresched();
	while ((int)(preempt_count() - was) < 0)
		preempt_disable();
}

static bool put_right(struct owner *o, const struct gate_call *call, const char *what)
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
		restore_preemption(o, call, what);
		broken = true;
	}
	if (unlikely(cpu_clean_flags())) {
		complain(o, what, "with the direction or the alignment flag set");
		broken = true;
	}
	if (unlikely(!in_interrupt() && current()->driver_locks != call->locks)) {
		complain(o, what,
			 "holding a mutex or a read-write lock, or having released one too many");
		WRITE_ONCE(spin_drivers_not, true); /* its owner may end before it is let go */
		lockcheck_trim_sleep(call->held);
		current()->driver_locks = call->locks;
		broken = true;
	}
	return broken;
}

bool gate_call_end(struct owner *o, const struct gate_call *call, const char *what)
{
	uint64_t flags = cpu_flags();

	if (likely(irq_state_enabled(flags) == call->irq && cpu_flags_clean(flags) &&
		   preempt_count() == call->preempt &&
		   (in_interrupt() || current()->driver_locks == call->locks)))
		return false;
	return put_right(o, call, what);
}
