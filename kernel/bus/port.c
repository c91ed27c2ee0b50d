/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has which ports: a tree of ranges that do not overlap, by their first port. */
#include "port.h"

#include <arch/io.h>
#include <base/panic.h>
#include <base/spinlock.h>
#include <base/stats.h>
#include <lib/errno.h>

#define PORTS_MAX 65536u
#define FIXED_MAX 24

static struct spinlock ranges_lock = SPINLOCK_INIT(LOCK_BUS_LISTS);
static struct rb_root ranges; /* [ranges_lock] */

static struct port_range *of_node(struct rb_node *n)
{
	return rb_entry(n, struct port_range, node);
}

static int insert(struct port_range *range)
{
	struct rb_node **at = &ranges.node, *parent = NULL;

	while (*at) {
		struct port_range *other = of_node(*at);

		parent = *at;
		if (range->first + range->count <= other->first)
			at = &parent->left;
		else if (range->first >= other->first + other->count)
			at = &parent->right;
		else
			return -EBUSY;
	}
	rb_link(&range->node, parent, at);
	rb_insert_fixup(&range->node, &ranges);
	return 0;
}

int port_range_claim(struct port_range *range)
{
	int r;

	if (!range->count || range->first >= PORTS_MAX || range->count > PORTS_MAX - range->first)
		return -EINVAL;
	spin_lock(&ranges_lock);
	r = insert(range);
	spin_unlock(&ranges_lock);
	return r;
}

void port_range_release(struct port_range *range)
{
	spin_lock(&ranges_lock);
	rb_erase(&range->node, &ranges);
	spin_unlock(&ranges_lock);
}

static void show(struct stats_node *n, struct text *out)
{
	struct rb_node *at;

	spin_lock(&ranges_lock);
	rb_for_each(at, &ranges) {
		const struct port_range *range = of_node(at);

		text_printf(out, "%04x-%04x : %s\n", range->first, range->first + range->count - 1,
			    range->name);
	}
	spin_unlock(&ranges_lock);
}

void port_init(void)
{
	static struct stats_node node = {.path = "ioports", .show = show};
	static struct port_range fixed[FIXED_MAX];
	struct io_ports used;

	for (unsigned i = 0; arch_io_ports_used(i, &used); i++) {
		assert(i < FIXED_MAX);
		fixed[i] = (struct port_range){
			.first = used.first, .count = used.count, .name = used.name};
		/* Firmware's tables may say the same ports twice. */
		port_range_claim(&fixed[i]);
	}
	stats_add(&node);
}
