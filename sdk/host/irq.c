/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <banos/irq.h>. A source is delivered by a task that is an interrupt meanwhile, when it asks, is
 * not masked, and somebody is bound; two tasks do it, so that handlers of two sources may meet. A
 * level whose handler wakes a thread waits until that has returned.
 */
#include "irq.h"
#include "host.h"
#include "task.h"
#include <banos/cpu.h>
#include <bus/device.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <sched/gate.h>

#define LINES	      24
#define ISA_LINES     16
#define UNHANDLED_MAX 1000 /* in a row, before it is given up */
#define DELIVERY_NS   1000
#define LINE_FLAGS    (BANOS_IRQ_SHARED | BANOS_IRQ_GSI | BANOS_IRQ_LEVEL | BANOS_IRQ_LOW)

struct Banos_Irq {
	struct owner_object object;
	struct list link; /* in source->irqs */
	struct irq_source *source;
	void (*give_back)(struct irq_source *source, void *ctx);
	void *give_back_ctx;
	Banos_Irq_Hard hard;
	Banos_Irq_Thread function;
	void *ctx;
	bool bound;
	bool ends;	   /* it is being taken back */
	struct task *task; /* its thread, or NULL */
	bool woken, stop;
	bool holds_level; /* counted in source->threads */
};

static struct list sources = LIST_INIT(sources);
static struct irq_source lines[LINES];

/* --- sources --------------------------------------------------------------------------------- */

void irq_source_init(struct irq_source *s, bool level, const char *format, ...)
{
	va_list ap;

	*s = (struct irq_source){.level = level};
	va_start(ap, format);
	vsnprintf(s->name, sizeof(s->name), format, ap);
	va_end(ap);
	list_init(&s->irqs);
	list_add_tail(&s->link, &sources);
}

void irq_source_fini(struct irq_source *s)
{
	list_del(&s->link);
}

void irq_source_set(struct irq_source *s, bool on)
{
	if (s->level)
		s->asserted = on;
	else if (on)
		s->pending = true;
}

void irq_source_spurious(struct irq_source *s)
{
	s->pending = true;
}

/* Whether it is a level or an edge is known when a driver has asked for it. */
void irq_line_share(struct irq_source *line, bool on)
{
	if (on)
		line->asking++;
	else
		line->asking--;
	if (line->level)
		line->asserted = line->asking != 0;
	else if (on && line->asking == 1)
		line->pending = true;
}

static bool is_due(const struct irq_source *s)
{
	return (s->pending || s->asserted) && !s->masked && !s->given_up && !s->in_service &&
	       !s->threads && !list_empty(&s->irqs);
}

static struct irq_source *find_due(void)
{
	struct irq_source *s;

	list_for_each_entry(s, &sources, link)
		if (is_due(s))
			return s;
	return NULL;
}

static void wake(Banos_Irq *irq)
{
	irq->woken = true;
	if (irq->source->level && !irq->holds_level) {
		irq->holds_level = true;
		irq->source->threads++;
	}
}

/* True: its device had asked. */
static bool call(Banos_Irq *irq)
{
	uint32_t answer = BANOS_IRQ_WAKE;

	if (irq->hard)
		answer =
			GATE_CALL(irq->object.owner, "an interrupt's handler", irq->hard(irq->ctx));
	if (answer == BANOS_IRQ_WAKE && irq->task)
		wake(irq);
	else if (answer > BANOS_IRQ_WAKE)
		host_complain("driver %s: an interrupt's handler returned %u",
			      irq->object.owner->name, answer);
	return answer != BANOS_IRQ_NONE;
}

static void deliver(struct irq_source *s)
{
	bool handled = false;
	Banos_Irq *irq;

	s->in_service = true;
	s->pending = false;
	/* Nobody is unbound while it is in service. */
	list_for_each_entry(irq, &s->irqs, link)
		handled |= call(irq);
	s->in_service = false;
	s->unhandled = handled ? 0 : s->unhandled + 1;
	if (s->unhandled == UNHANDLED_MAX) {
		host_complain("interrupt %s: nobody handles it, %u times in a row: it is masked "
			      "for good",
			      s->name, UNHANDLED_MAX);
		s->given_up = true;
	}
}

static bool some_due(const void *on)
{
	return find_due() != NULL;
}

static void serve(void *arg)
{
	struct irq_source *s;

	for (;;) {
		task_wait(some_due, NULL, NEVER, false, "an interrupt");
		s = find_due();
		if (!s)
			continue;
		task_busy(DELIVERY_NS);
		task_self()->interrupt = true;
		deliver(s);
		task_self()->interrupt = false;
	}
}

void irq_begin(void)
{
	for (unsigned i = 0; i < LINES; i++)
		irq_source_init(&lines[i], false, "line %u", i);
	task_create("interrupts", serve, NULL, TASK_SERVICE);
	task_create("interrupts, too", serve, NULL, TASK_SERVICE);
}

/* --- life ------------------------------------------------------------------------------------ */

const void *device_of_irq_thread(void)
{
	return task_self()->irq_scope;
}

/* It is not bound again. */
static void stop(struct owner_object *object)
{
	Banos_Irq *irq = container_of(object, Banos_Irq, object);

	irq->ends = true;
	banos_irq_unbind(irq);
}

static void release(struct owner_object *object)
{
	banos_irq_free(container_of(object, Banos_Irq, object));
}

static const struct owner_class irq_class = {
	.name = "interrupt", .stage = OWNER_CALLED, .stop = stop, .release = release};

Banos_Irq *irq_create(struct owner *owner, const void *scope, struct irq_source *source,
		      void (*give_back)(struct irq_source *source, void *ctx), void *ctx)
{
	Banos_Irq *irq;

	if (host_fails())
		return NULL;
	irq = host_alloc(sizeof(*irq));
	irq->source = source;
	irq->give_back = give_back;
	irq->give_back_ctx = ctx;
	irq->object.scope = scope;
	owner_add(owner, &irq->object, &irq_class);
	return irq;
}

struct irq_source *irq_line(uint32_t number)
{
	return number < LINES ? &lines[number] : NULL;
}

static void give_back_line(struct irq_source *s, void *ctx)
{
	s->users--;
}

int32_t banos_irq_alloc_line(Banos_Driver *driver, uint32_t number, uint32_t flags, Banos_Irq **irq)
{
	struct owner *owner = owner_find(driver);
	struct irq_source *s = irq_line(number);

	if (irq)
		*irq = NULL;
	if (!owner || !irq || !s || (flags & ~LINE_FLAGS) ||
	    (!(flags & BANOS_IRQ_GSI) &&
	     (number >= ISA_LINES || (flags & (BANOS_IRQ_LEVEL | BANOS_IRQ_LOW)))))
		return -EINVAL;
	if (s->users && (!(flags & s->mode & BANOS_IRQ_SHARED) ||
			 (flags ^ s->mode) & (BANOS_IRQ_LEVEL | BANOS_IRQ_LOW)))
		return -EBUSY;
	*irq = irq_create(owner, NULL, s, give_back_line, NULL);
	if (!*irq)
		return -ENOMEM;
	s->users++;
	s->mode = flags;
	s->level = flags & BANOS_IRQ_LEVEL;
	s->asserted = s->level && s->asking;
	return 0;
}

/* --- its thread ------------------------------------------------------------------------------ */

static bool has_reason(const void *on)
{
	const Banos_Irq *irq = on;

	return irq->woken || irq->stop;
}

static void let_level_go(Banos_Irq *irq)
{
	if (irq->holds_level)
		irq->source->threads--;
	irq->holds_level = false;
}

static void run_thread(void *arg)
{
	Banos_Irq *irq = arg;

	task_self()->irq_scope = irq->object.scope;
	for (;;) {
		task_wait(has_reason, irq, NEVER, false, "an interrupt");
		if (irq->stop)
			break;
		irq->woken = false;
		GATE_CALL_VOID(irq->object.owner, "an interrupt's thread", irq->function(irq->ctx));
		if (!irq->woken)
			let_level_go(irq);
	}
	let_level_go(irq);
}

/* --- binding --------------------------------------------------------------------------------- */

int32_t banos_irq_bind(Banos_Irq *irq, Banos_Irq_Hard hard, Banos_Irq_Thread thread, void *ctx,
		       uint32_t cpu, uint32_t flags)
{
	char name[32];

	if (!irq || (!hard && !thread) || flags)
		return -EINVAL;
	if (irq->bound || irq->ends)
		return -EBUSY;
	if (thread && host_fails())
		return -ENOMEM;
	irq->hard = hard;
	irq->function = thread;
	irq->ctx = ctx;
	irq->woken = irq->stop = false;
	snprintf(name, sizeof(name), "irq-%.24s", irq->object.owner->name);
	irq->task = thread ? task_create(name, run_thread, irq, TASK_SERVICE) : NULL;
	irq->bound = true;
	if (list_empty(&irq->source->irqs))
		irq->source->given_up = false;
	list_add_tail(&irq->link, &irq->source->irqs);
	return 0;
}

void banos_irq_mask(Banos_Irq *irq)
{
	irq->source->masked = true;
}

void banos_irq_unmask(Banos_Irq *irq)
{
	irq->source->masked = false;
}

int32_t banos_irq_set_cpu(Banos_Irq *irq, uint32_t cpu)
{
	return irq->bound && cpu < banos_cpu_count() ? 0 : -EINVAL;
}

static bool is_idle(const void *on)
{
	return !((const struct irq_source *)on)->in_service;
}

int32_t banos_irq_unbind(Banos_Irq *irq)
{
	if (!irq || !irq->bound)
		return 0;
	if (irq->task == task_self())
		return -EDEADLK;
	task_wait(is_idle, irq->source, NEVER, false, "the handlers of interrupt %s to return",
		  irq->source->name);
	list_del(&irq->link);
	irq->bound = false;
	if (irq->task) {
		irq->stop = true;
		task_join(irq->task);
		irq->task = NULL;
	}
	return 0;
}

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
	irq->give_back(irq->source, irq->give_back_ctx);
	free(irq);
	return 0;
}
