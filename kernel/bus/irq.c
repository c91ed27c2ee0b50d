/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt sources: from a vector to the handlers, masking, where it arrives.
 *
 * A source is a line of an I/O controller or a message of a device. Its state is under its lock:
 *
 *	masked	    masks > 0: no handler yet, a handler's owner wants it so, a level waits for a
 *		    thread, or nobody handled it
 *	open	    an arrival calls all handlers, one after the other, with the lock dropped
 *	running	    that is happening; an arrival meanwhile is noted (`pending`), and the same
 *		    processor goes round once more. So a handler is never called twice at a time,
 *		    also while the source moves from one processor to another.
 *
 * Masking is lazy. The hardware is masked when something arrives that is not wanted, or at once if
 * that is a level: one that goes on asking would arrive again as soon as the controller is told
 * that the interrupt is over. What has arrived while masked is raised again by unmasking, as an
 * interrupt of the processor's own; a level asks again by itself.
 *
 * A handler is taken off the list under the lock; who walks the list is in an interrupt, which is a
 * read section, so after a grace period it is not called any more.
 *
 * Storms: of each WINDOW arrivals nearly all must be handled by somebody, or the source is masked
 * until its last handler goes. Counting in windows, a handled one now and then does not save a
 * line that is broken, and neither do single spurious ones condemn a line that is not.
 *
 * Locks: source->lock, inside it those of the hardware. sources_lock for /proc/interrupts.
 */
#include "irq.h"

#include <base/log.h>
#include <base/panic.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/epoch.h>

#define WINDOW	      100000
#define UNHANDLED_MAX (WINDOW - WINDOW / 1000)
#define NAMES_SIZE    80

static uint32_t loads[MAX_CPUS]; /* [a] sources with handlers, by processor */
static struct spinlock sources_lock = SPINLOCK_INIT(LOCK_BUS_LISTS);
static struct list sources = LIST_INIT(sources); /* [sources_lock] */

/* --- masking: source->lock held --------------------------------------------------------------- */

static void silence(struct irq_source *s)
{
	if (s->silent || !s->ops->set_mask)
		return;
	s->silent = true;
	s->ops->set_mask(s, true);
}

static void mask(struct irq_source *s)
{
	s->masks++;
	if (s->level)
		silence(s);
}

static void unmask(struct irq_source *s)
{
	assert(s->masks);
	if (--s->masks)
		return;
	if (s->silent) {
		s->silent = false;
		s->ops->set_mask(s, false);
	}
	if (s->pending && !s->running) {
		s->pending = false;
		if (!s->level)
			irq_vector_raise(&s->vector, s->cpu);
	}
}

/* --- arrival ---------------------------------------------------------------------------------- */

/* "serial, edu" */
static void list_names(const struct irq_source *s, char *buf, size_t size)
{
	const struct irq_handler *h = __atomic_load_n(&s->handlers, __ATOMIC_ACQUIRE);

	buf[0] = 0;
	for (; h; h = __atomic_load_n(&h->next, __ATOMIC_ACQUIRE)) {
		strlcat(buf, h->name, size);
		if (h->next)
			strlcat(buf, ", ", size);
	}
}

/* Holds: source->lock. */
static void judge(struct irq_source *s, bool handled)
{
	char names[NAMES_SIZE];

	s->seen++;
	s->unhandled += !handled;
	if (s->seen < WINDOW)
		return;
	if (s->unhandled >= UNHANDLED_MAX && !s->storm) {
		s->storm = true;
		mask(s);
		silence(s);
		list_names(s, names, sizeof(names));
		log_error("interrupt %s %u (%s): nobody handled it, %u times; it is masked now",
			  s->ops->kind, s->number, names, s->unhandled);
	}
	s->seen = 0;
	s->unhandled = 0;
}

/* It says that a thread is to go on; a level must not ask until that is done. */
static void begin_work(struct irq_source *s, struct irq_handler *h)
{
	bool wake;

	spin_lock(&s->lock);
	wake = h->attached;
	if (wake && s->level && !h->working) {
		h->working = true;
		mask(s);
	}
	spin_unlock(&s->lock);
	if (wake)
		h->wake(h);
}

static bool call_handlers(struct irq_source *s)
{
	struct irq_handler *h = __atomic_load_n(&s->handlers, __ATOMIC_ACQUIRE);
	bool handled = false;

	for (; h; h = __atomic_load_n(&h->next, __ATOMIC_ACQUIRE)) {
		enum irq_answer answer = h->fn(h);

		handled |= answer != IRQ_NONE;
		if (answer == IRQ_WAKE)
			begin_work(s, h);
	}
	return handled;
}

static void arrive(struct irq_vector *v)
{
	struct irq_source *s = container_of(v, struct irq_source, vector);
	uint64_t *count = &s->counts[this_cpu_index()];
	bool handled;

	__atomic_store_n(count, *count + 1, __ATOMIC_RELAXED);
	spin_lock(&s->lock);
	s->pending = true;
	if (s->masks)
		silence(s);
	while (s->pending && !s->masks && !s->running) {
		s->pending = false;
		s->running = true;
		spin_unlock(&s->lock);
		handled = call_handlers(s);
		spin_lock(&s->lock);
		s->running = false;
		judge(s, handled);
	}
	spin_unlock(&s->lock);
}

/* --- where it arrives: source->lock held ------------------------------------------------------ */

static struct cpu *choose(uint32_t hint)
{
	struct cpu *best = cpu_by_index(0);

	if (hint < cpu_count())
		return cpu_by_index(hint);
	for_each_cpu(c) {
		if (READ_ONCE(loads[c->index]) < READ_ONCE(loads[best->index]))
			best = c;
	}
	return best;
}

/* The hardware is masked during the move, and a level that asks then asks afterwards. An edge of a
 * line may be lost: one arrival is made up for, since a spurious one does no harm. */
static void move(struct irq_source *s, struct cpu *to)
{
	if (s->cpu)
		__atomic_sub_fetch(&loads[s->cpu->index], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&loads[to->index], 1, __ATOMIC_RELAXED);
	s->cpu = to;
	s->ops->route(s, to);
	if (!s->ops->set_mask)
		return;
	s->silent = s->masks != 0;
	s->ops->set_mask(s, s->silent);
}

int irq_set_cpu(struct irq_handler *h, uint32_t cpu)
{
	struct irq_source *s = h->source;
	int r = -EINVAL;
	uint64_t irq;

	if (cpu >= cpu_count())
		return -EINVAL;
	irq = spin_lock_irq(&s->lock);
	if (h->attached) {
		r = 0;
		if (s->cpu != cpu_by_index(cpu)) {
			move(s, cpu_by_index(cpu));
			if (!s->level && !s->masks)
				irq_vector_raise(&s->vector, s->cpu);
		}
	}
	spin_unlock_irq(&s->lock, irq);
	return r;
}

/* --- handlers --------------------------------------------------------------------------------- */

void irq_attach(struct irq_source *s, struct irq_handler *h, uint32_t cpu)
{
	uint64_t irq = spin_lock_irq(&s->lock);
	bool first = !s->handlers;

	h->source = s;
	h->attached = true;
	h->working = false;
	s->masks += h->masked;
	h->next = s->handlers;
	__atomic_store_n(&s->handlers, h, __ATOMIC_RELEASE);
	if (first) {
		s->pending = false; /* of a time when nobody listened */
		move(s, choose(cpu));
		unmask(s);
	} else if (h->masked && s->level) {
		silence(s);
	}
	spin_unlock_irq(&s->lock, irq);
}

static void unlink(struct irq_source *s, struct irq_handler *h)
{
	struct irq_handler **at = &s->handlers;

	while (*at != h)
		at = &(*at)->next;
	__atomic_store_n(at, h->next, __ATOMIC_RELEASE);
}

void irq_detach(struct irq_handler *h)
{
	struct irq_source *s = h->source;
	uint64_t irq = spin_lock_irq(&s->lock);

	h->attached = false;
	unlink(s, h);
	if (!s->handlers) {
		mask(s);
		silence(s);
		__atomic_sub_fetch(&loads[s->cpu->index], 1, __ATOMIC_RELAXED);
		s->cpu = NULL;
		if (s->storm)
			unmask(s);
		s->storm = false;
		s->seen = s->unhandled = 0;
	}
	/* Not before: what the last handler leaves stays silent. */
	if (h->masked)
		unmask(s);
	if (h->working)
		unmask(s);
	h->working = false;
	spin_unlock_irq(&s->lock, irq);
	epoch_wait();
}

void irq_handler_set_masked(struct irq_handler *h, bool masked)
{
	struct irq_source *s = h->source;
	uint64_t irq = spin_lock_irq(&s->lock);

	if (h->attached && h->masked != masked) {
		if (masked)
			mask(s);
		else
			unmask(s);
	}
	h->masked = masked;
	spin_unlock_irq(&s->lock, irq);
}

void irq_handler_done(struct irq_handler *h)
{
	struct irq_source *s = h->source;
	uint64_t irq = spin_lock_irq(&s->lock);

	if (h->attached && h->working) {
		h->working = false;
		unmask(s);
	}
	spin_unlock_irq(&s->lock, irq);
}

/* --- sources ---------------------------------------------------------------------------------- */

int irq_source_init(struct irq_source *s, const struct irq_source_ops *ops, uint32_t number,
		    bool level)
{
	int r;

	memset(s, 0, sizeof(*s));
	s->ops = ops;
	s->number = number;
	s->level = level;
	s->masks = 1;
	s->silent = ops->set_mask != NULL;
	s->vector.fn = arrive;
	spin_init(&s->lock, LOCK_IRQ_SOURCE);
	s->counts = kcalloc(cpu_count(), sizeof(*s->counts));
	if (!s->counts)
		return -ENOMEM;
	r = irq_vector_alloc(&s->vector);
	if (r) {
		kfree(s->counts);
		return r;
	}
	spin_lock(&sources_lock);
	list_add_tail(&s->link, &sources);
	spin_unlock(&sources_lock);
	return 0;
}

void irq_source_fini(struct irq_source *s)
{
	spin_lock(&sources_lock);
	list_del(&s->link);
	spin_unlock(&sources_lock);
	irq_vector_free(&s->vector);
	epoch_wait();
	kfree(s->counts);
}

/* --- /proc/interrupts ------------------------------------------------------------------------- */

static void show_source(struct irq_source *s, struct text *out)
{
	char names[NAMES_SIZE];

	text_printf(out, "%3u: ", s->vector.number);
	for_each_cpu(c)
		text_printf(out, " %9lu",
			    (unsigned long)__atomic_load_n(&s->counts[c->index], __ATOMIC_RELAXED));
	list_names(s, names, sizeof(names));
	text_printf(out, "   %s %u-%s   %s%s\n", s->ops->kind, s->number,
		    s->level ? "level" : "edge", names, s->storm ? " (masked: a storm)" : "");
}

static void show(struct stats_node *n, struct text *out)
{
	struct irq_source *s;

	text_printf(out, "     ");
	for_each_cpu(c)
		text_printf(out, " %8s%u", "CPU", c->index);
	text_printf(out, "\n");
	spin_lock(&sources_lock);
	list_for_each_entry(s, &sources, link)
		show_source(s, out);
	spin_unlock(&sources_lock);
	text_printf(out, "ALL: ");
	for_each_cpu(c)
		text_printf(out, " %9lu",
			    (unsigned long)__atomic_load_n(&c->interrupts, __ATOMIC_RELAXED));
	text_printf(out, "   All interrupts\n");
}

void irq_show_init(void)
{
	static struct stats_node node = {.path = "interrupts", .show = show};

	stats_add(&node);
}
