/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of I/O interrupt controllers as interrupt sources, each made when somebody wants it. */
#include "irq.h"

#include <lib/errno.h>
#include <lib/rbtree.h>
#include <mem/slab.h>
#include <sched/mutex.h>

struct irq_line {
	struct irq_source source;
	struct irq_mode mode; /* [I] */
	struct rb_node node;  /* [lines_lock] */
	uint32_t users;	      /* [lines_lock] */
	bool shared;	      /* [I] its users do not mind others */
};

static struct mutex lines_lock = MUTEX_INIT(LOCK_BUS);
static struct rb_root lines; /* [lines_lock] by gsi */

static struct irq_line *line_of(struct irq_source *s)
{
	return container_of(s, struct irq_line, source);
}

static void set_mask(struct irq_source *s, bool masked)
{
	irq_line_mask(line_of(s)->mode.gsi, masked);
}

static void route(struct irq_source *s, const struct cpu *c)
{
	irq_line_route(&line_of(s)->mode, &s->vector, c);
}

static const struct irq_source_ops line_ops = {
	.kind = "IO-APIC", .set_mask = set_mask, .route = route};

static struct irq_line *of_node(struct rb_node *n)
{
	return rb_entry(n, struct irq_line, node);
}

static int create(const struct irq_mode *mode, bool shared, struct rb_node *parent,
		  struct rb_node **at, struct irq_line **out)
{
	struct irq_line *line = kzalloc(sizeof(*line));
	int r;

	if (!line)
		return -ENOMEM;
	r = irq_source_init(&line->source, &line_ops, mode->gsi, mode->level);
	if (r) {
		kfree(line);
		return r;
	}
	line->mode = *mode;
	line->shared = shared;
	line->users = 1;
	rb_link(&line->node, parent, at);
	rb_insert_fixup(&line->node, &lines);
	*out = line;
	return 0;
}

static int join(struct irq_line *line, const struct irq_mode *mode, bool shared,
		struct irq_line **out)
{
	if (!shared || !line->shared || line->mode.level != mode->level ||
	    line->mode.active_low != mode->active_low)
		return -EBUSY;
	line->users++;
	*out = line;
	return 0;
}

int irq_line_get(const struct irq_mode *mode, bool shared, struct irq_line **out)
{
	struct rb_node **at = &lines.node, *parent = NULL;
	int r;

	if (!irq_line_exists(mode->gsi))
		return -EINVAL;
	mutex_lock(&lines_lock);
	while (*at && of_node(*at)->mode.gsi != mode->gsi) {
		parent = *at;
		at = mode->gsi < of_node(parent)->mode.gsi ? &parent->left : &parent->right;
	}
	r = *at ? join(of_node(*at), mode, shared, out) : create(mode, shared, parent, at, out);
	mutex_unlock(&lines_lock);
	return r;
}

void irq_line_put(struct irq_line *line)
{
	mutex_lock(&lines_lock);
	if (--line->users == 0) {
		rb_erase(&line->node, &lines);
		irq_source_fini(&line->source);
		kfree(line);
	}
	mutex_unlock(&lines_lock);
}

struct irq_source *irq_line_source(struct irq_line *line)
{
	return &line->source;
}

int irq_attach_isa(unsigned isa, struct irq_handler *h)
{
	struct irq_line *line;
	struct irq_mode mode;
	int r;

	if (!irq_isa_line(isa, &mode))
		return -EINVAL;
	r = irq_line_get(&mode, false, &line);
	if (r)
		return r;
	irq_attach(&line->source, h, IRQ_ANY_CPU);
	return 0;
}
