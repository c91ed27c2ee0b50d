/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers' interrupts: <banos/irq.h>, on the sources of irq.c.
 *
 *	allocated -> bound	bind: the thread exists first, then the handler is attached
 *	bound -> allocated	unbind: the handler is detached, nothing wakes the thread any more;
 *				then the thread is stopped, which may be in the driver's function
 *
 * `woken` is set by the handler and taken by the thread, which lets a level ask again only after
 * the function has returned. A driver that unbinds or frees one and the same interrupt in two
 * threads at once breaks it for itself; the kernel's own structures stay whole, because `changing`
 * lets one of them in.
 */
#include "banos_irq.h"
#include "device.h"

#include <banos/export.h>
#include <base/banos_refuse.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <mem/slab.h>
#include <sched/blocker.h>
#include <sched/epoch.h>
#include <sched/gate.h>
#include <sched/mutex.h>
#include <sched/thread.h>

BUILD_ASSERT(IRQ_NONE == BANOS_IRQ_NONE && IRQ_HANDLED == BANOS_IRQ_HANDLED &&
		     IRQ_WAKE == BANOS_IRQ_WAKE,
	     "the numbers of the ABI");
BUILD_ASSERT(BANOS_CPU_ANY == IRQ_ANY_CPU, "the same");

#define LINE_FLAGS (BANOS_IRQ_SHARED | BANOS_IRQ_GSI | BANOS_IRQ_LEVEL | BANOS_IRQ_LOW)

/* Beside a bound interrupt whose driver wants one; freed after a grace period. */
struct irq_thread {
	Banos_Irq *irq;	       /* [I] */
	struct thread *thread; /* [I] with a reference */
	uint32_t woken;	       /* [a] */
	uint32_t stop;	       /* [a] */
	uint32_t ended;	       /* [a] */
	struct blocker wait;   /* the thread, and who stops it */
	struct epoch_head epoch;
};

struct Banos_Irq {
	struct owner_object object;
	struct irq_source *source; /* [I] */
	void (*give_back)(void *priv);
	void *priv;
	struct mutex changing;	    /* DRIVER_MUTEX */
	bool bound;		    /* [changing] */
	bool ends;		    /* [changing] it is being taken back */
	struct irq_handler handler; /* attached while bound */
	Banos_Irq_Hard hard;	    /* [I while bound], like the next three */
	Banos_Irq_Thread function;
	void *ctx;
	struct irq_thread *thread;
};

/* --- calls of the driver ---------------------------------------------------------------------- */

static enum irq_answer on_interrupt(struct irq_handler *h)
{
	Banos_Irq *irq = container_of(h, Banos_Irq, handler);
	uint32_t answer = BANOS_IRQ_WAKE;

	if (irq->hard)
		answer =
			GATE_CALL(irq->object.owner, "an interrupt's handler", irq->hard(irq->ctx));
	if (answer == BANOS_IRQ_WAKE)
		return irq->thread ? IRQ_WAKE : IRQ_HANDLED;
	return answer == BANOS_IRQ_NONE ? IRQ_NONE : IRQ_HANDLED;
}

static void on_wake(struct irq_handler *h)
{
	struct irq_thread *t = container_of(h, Banos_Irq, handler)->thread;

	__atomic_store_n(&t->woken, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&t->wait);
}

static bool has_reason(struct irq_thread *t)
{
	return __atomic_load_n(&t->woken, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&t->stop, __ATOMIC_ACQUIRE);
}

static void run_thread(void *arg)
{
	struct irq_thread *t = arg;
	Banos_Irq *irq = t->irq;

	current()->irq_scope = irq->object.scope;
	for (;;) {
		WAIT_UNTIL(&t->wait, has_reason(t), NEVER, WAIT_UNINTERRUPTIBLE);
		if (__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE))
			break;
		__atomic_store_n(&t->woken, 0, __ATOMIC_SEQ_CST);
		GATE_CALL_VOID(irq->object.owner, "an interrupt's thread", irq->function(irq->ctx));
		irq_handler_done(&irq->handler);
	}
	epoch_enter();
	__atomic_store_n(&t->ended, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&t->wait);
	epoch_exit();
}

/* --- its thread ------------------------------------------------------------------------------- */

static int thread_begin(Banos_Irq *irq)
{
	struct irq_thread *t = kzalloc(sizeof(*t));
	char name[THREAD_NAME_SIZE];

	if (!t)
		return -ENOMEM;
	format(name, sizeof(name), "irq%u-%s", irq->source->vector.number, irq->object.owner->name);
	t->irq = irq;
	blocker_init(&t->wait);
	t->thread = kthread_prepare(name, run_thread, t);
	if (!t->thread) {
		kfree(t);
		return -ENOMEM;
	}
	thread_get(t->thread);
	irq->thread = t;
	thread_start(t->thread);
	return 0;
}

/* Its last act is to wake us: the memory stays for a grace period. */
static void thread_end(Banos_Irq *irq)
{
	struct irq_thread *t = irq->thread;

	if (!t)
		return;
	__atomic_store_n(&t->stop, 1, __ATOMIC_RELEASE);
	blocker_wake_all(&t->wait);
	WAIT_UNTIL(&t->wait, __atomic_load_n(&t->ended, __ATOMIC_ACQUIRE), NEVER,
		   WAIT_UNINTERRUPTIBLE);
	WRITE_ONCE(irq->thread, NULL);
	thread_put(t->thread);
	kfree_deferred(t, epoch);
}

/* --- life ------------------------------------------------------------------------------------- */

const void *device_of_irq_thread(void)
{
	return current()->irq_scope;
}

/* It is not bound again. */
static void stop(struct owner_object *object)
{
	Banos_Irq *irq = container_of(object, Banos_Irq, object);

	mutex_lock(&irq->changing);
	irq->ends = true;
	mutex_unlock(&irq->changing);
	banos_irq_unbind(irq);
}

static void release(struct owner_object *object)
{
	banos_irq_free(container_of(object, Banos_Irq, object));
}

static const struct owner_class irq_class = {
	.name = "device interrupt", .stage = OWNER_CALLED, .stop = stop, .release = release};

int banos_irq_create(struct owner *owner, const void *scope, struct irq_source *source,
		     void (*give_back)(void *priv), void *priv, Banos_Irq **out)
{
	Banos_Irq *irq = kzalloc(sizeof(*irq));

	if (!irq)
		return -ENOMEM;
	irq->source = source;
	irq->give_back = give_back;
	irq->priv = priv;
	irq->object.scope = scope;
	mutex_init(&irq->changing, LOCK_DRIVER_MUTEX);
	irq->handler = (struct irq_handler){
		.fn = on_interrupt, .wake = on_wake, .name = owner->name, .source = source};
	owner_add(owner, &irq->object, &irq_class);
	*out = irq;
	return 0;
}

static void give_back_line(void *line)
{
	irq_line_put(line);
}

int32_t banos_irq_alloc_line(Banos_Driver *driver, uint32_t number, uint32_t flags, Banos_Irq **irq)
{
	struct owner *owner = owner_find(driver);
	struct irq_mode mode = {.gsi = number,
				.level = flags & BANOS_IRQ_LEVEL,
				.active_low = flags & BANOS_IRQ_LOW};
	struct irq_line *line;
	int r;

	if (irq)
		*irq = NULL;
	if (!owner || !irq)
		return BANOS_REFUSE_CALLER(owner);
	if (flags & ~LINE_FLAGS)
		return BANOS_REFUSE(owner, -EINVAL,
				    "flags has a bit that is not of BANOS_IRQ_*: %#x",
				    flags & ~LINE_FLAGS);
	if (!(flags & BANOS_IRQ_GSI) && (flags & (BANOS_IRQ_LEVEL | BANOS_IRQ_LOW)))
		return BANOS_REFUSE(owner, -EINVAL,
				    "BANOS_IRQ_LEVEL and _LOW are for BANOS_IRQ_GSI: how ISA lines "
				    "work is known");
	if (!(flags & BANOS_IRQ_GSI) && !irq_isa_line(number, &mode))
		return BANOS_REFUSE(owner, -EINVAL,
				    "no device can have line %u of ISA: use 0 to 15, not 2, or "
				    "BANOS_IRQ_GSI",
				    number);
	r = irq_line_get(&mode, flags & BANOS_IRQ_SHARED, &line);
	if (r == -EINVAL)
		BANOS_REFUSE(owner, r,
			     "no interrupt controller has line %u: use one that a table of the "
			     "firmware names",
			     number);
	if (r)
		return r;
	r = banos_irq_create(owner, NULL, irq_line_source(line), give_back_line, line, irq);
	if (r)
		irq_line_put(line);
	return r;
}
BANOS_EXPORT(banos_irq_alloc_line);

int32_t banos_irq_bind(Banos_Irq *irq, Banos_Irq_Hard hard, Banos_Irq_Thread thread, void *ctx,
		       uint32_t cpu, uint32_t flags)
{
	int r = -EBUSY;

	if (!irq)
		return -EINVAL;
	if (flags)
		return BANOS_REFUSE(irq->object.owner, -EINVAL, "flags must be 0");
	if (!hard && !thread)
		return BANOS_REFUSE(irq->object.owner, -EINVAL,
				    "hard and thread are NULL: give one of them at least");
	mutex_lock(&irq->changing);
	if (irq->bound || irq->ends)
		goto out;
	irq->hard = hard;
	irq->function = thread;
	irq->ctx = ctx;
	r = thread ? thread_begin(irq) : 0;
	if (r)
		goto out;
	irq->bound = true;
	irq_attach(irq->source, &irq->handler, cpu);
out:
	mutex_unlock(&irq->changing);
	return r;
}
BANOS_EXPORT(banos_irq_bind);

void banos_irq_mask(Banos_Irq *irq)
{
	irq_handler_set_masked(&irq->handler, true);
}
BANOS_EXPORT(banos_irq_mask);

void banos_irq_unmask(Banos_Irq *irq)
{
	irq_handler_set_masked(&irq->handler, false);
}
BANOS_EXPORT(banos_irq_unmask);

int32_t banos_irq_set_cpu(Banos_Irq *irq, uint32_t cpu)
{
	return irq_set_cpu(&irq->handler, cpu);
}
BANOS_EXPORT(banos_irq_set_cpu);

static bool is_own_thread(const Banos_Irq *irq)
{
	const struct irq_thread *t;
	bool own;

	epoch_enter();
	t = READ_ONCE(irq->thread);
	own = t && t->thread == current();
	epoch_exit();
	return own;
}

int32_t banos_irq_unbind(Banos_Irq *irq)
{
	if (!irq)
		return 0;
	/* Only in the thread itself does the answer matter, and there it is stable. */
	if (is_own_thread(irq))
		return -EDEADLK;
	mutex_lock(&irq->changing);
	if (irq->bound) {
		irq_detach(&irq->handler);
		thread_end(irq);
		irq->bound = false;
	}
	mutex_unlock(&irq->changing);
	return 0;
}
BANOS_EXPORT(banos_irq_unbind);

int32_t banos_irq_free(Banos_Irq *irq)
{
	int32_t r;

	if (!irq || !owner_claim(&irq->object))
		return 0;
	r = banos_irq_unbind(irq);
	if (r) {
		owner_unclaim(&irq->object);
		return r;
	}
	owner_remove(&irq->object);
	irq->give_back(irq->priv);
	kfree(irq);
	return 0;
}
BANOS_EXPORT(banos_irq_free);
