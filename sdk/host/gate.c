/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate between banos-host and a driver's code: what kernel/sched/gate.h promises. A count
 * instead of counts by processor, since one task runs at a time.
 */
#include "host.h"
#include "task.h"
#include <base/log.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/gate.h>

#define PATIENCE_NS (100 * NSEC_PER_MSEC)

#define FLAG_DIRECTION (1ul << 10)
#define FLAG_ALIGNMENT (1ul << 18)

struct gate_counts {
	uint64_t inside;
};

int gate_init(struct gate *g)
{
	g->closed = 0;
	g->counts = kcalloc(1, sizeof(*g->counts));
	return g->counts ? 0 : -ENOMEM;
}

void gate_fini(struct gate *g)
{
	kfree(g->counts);
	g->counts = NULL;
}

bool gate_enter(struct gate *g, struct gate_pass *pass)
{
	if (g->closed)
		return false;
	g->counts->inside++;
	*pass = (struct gate_pass){.gate = g, .outer = task_self()->gates};
	task_self()->gates = pass;
	return true;
}

void gate_leave(struct gate_pass *pass)
{
	task_self()->gates = pass->outer;
	pass->gate->counts->inside--;
}

bool gate_is_inside(const struct gate *g)
{
	const struct gate_pass *pass = task_self()->interrupt ? NULL : task_self()->gates;

	while (pass && pass->gate != g)
		pass = pass->outer;
	return pass != NULL;
}

static bool is_empty(const void *on)
{
	return ((const struct gate *)on)->counts->inside == 0;
}

void gate_shut(struct gate *g)
{
	g->closed = 1;
	task_wait(is_empty, g, NEVER, false, "calls in progress to return");
}

bool owner_hold(struct owner *o)
{
	o->users += !o->gate.closed;
	return !o->gate.closed;
}

void owner_drop(struct owner *o)
{
	o->users--;
}

void owner_starts(struct owner *o)
{
	o->start = OWNER_STARTING;
}

void owner_started(struct owner *o, bool good)
{
	o->start = good ? OWNER_READY : OWNER_FAILED;
}

static bool is_started(const void *on)
{
	return ((const struct owner *)on)->start != OWNER_STARTING;
}

int owner_await_start(struct owner *o)
{
	if (task_wait(is_started, o, NEVER, true, "the init of driver %s", o->name))
		return -EINTR;
	return owner_is_ready(o) ? 0 : -ENODEV;
}

void owner_open(struct owner *o)
{
	o->gate.closed = 0;
}

int owner_close(struct owner *o)
{
	if (o->users)
		return -EBUSY;
	o->gate.closed = 1;
	task_wait(is_empty, &o->gate, task_now() + PATIENCE_NS, false,
		  "calls in progress to return");
	if (is_empty(&o->gate) && !o->users)
		return 0;
	owner_open(o);
	return -EBUSY;
}

static bool has_no_users(const void *on)
{
	return ((const struct owner *)on)->users == 0;
}

void owner_shut(struct owner *o)
{
	gate_shut(&o->gate);
	task_wait(has_no_users, o, NEVER, false, "users of driver %s to go", o->name);
}

/* --- what comes back ------------------------------------------------------------------------- */

void gate_call_begin(struct gate_call *call)
{
	const struct task *t = task_self();

	call->preempt = t->epochs;
	call->locks = t->driver_locks;
	call->irq = !t->irq_off;
	call->spins = t->spins;
	call->held = t->held_count;
}

static void complain(struct owner *o, const char *what, const char *rule)
{
	log_error("driver %s: %s returned %s", o->name, what, rule);
}

static void say_locks(const struct gate_call *call)
{
	const struct task *t = task_self();

	for (unsigned i = call->held; i < t->held_count; i++)
		host_say("    it has kept the lock %s", order_name(t->held[i].class));
}

static bool check_state(struct owner *o, const struct gate_call *call, const char *what)
{
	const struct task *t = task_self();
	bool broken = false;

	if (t->irq_off == call->irq) {
		complain(o, what,
			 call->irq ? "with interrupts disabled" : "with interrupts enabled");
		broken = true;
	}
	if (t->spins > call->spins || t->epochs > call->preempt) {
		complain(o, what, "holding a spinlock, or inside an epoch section");
		broken = true;
	}
	if (t->spins < call->spins || t->epochs < call->preempt) {
		complain(o, what, "having released a spinlock or left an epoch section too often");
		broken = true;
	}
	if (t->driver_locks != call->locks) {
		complain(o, what,
			 "holding a mutex or a read-write lock, or having released one too many");
		broken = true;
	}
	return broken;
}

bool gate_call_end(struct owner *o, const struct gate_call *call, const char *what)
{
	unsigned long flags = __builtin_ia32_readeflags_u64();
	bool dirty = flags & (FLAG_DIRECTION | FLAG_ALIGNMENT);
	struct task *t = task_self();

	if (dirty) {
		__builtin_ia32_writeeflags_u64(flags & ~(FLAG_DIRECTION | FLAG_ALIGNMENT));
		complain(o, what, "with the direction or the alignment flag set");
	}
	if (!check_state(o, call, what))
		return dirty;
	say_locks(call);
	t->irq_off = !call->irq;
	t->spins = call->spins;
	t->epochs = call->preempt;
	t->driver_locks = call->locks;
	t->held_count = min(t->held_count, call->held);
	return true;
}
