/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc and /sys show of block devices: partitions, diskstats, block/NAME/size. */
#include "internal.h"

#include <lib/errno.h>
#include <lib/format.h>
#include <mem/slab.h>

#define SECTOR_SHIFT 9 /* of Linux's interfaces, whatever the device's blocks */
#define PATH_SIZE    (BLOCK_NAME_SIZE + 32)

typedef unsigned long long ull;

static uint64_t sectors(const struct block_device *d)
{
	return block_device_bytes(d) >> SECTOR_SHIFT;
}

static void show_partitions(struct stats_node *n, struct text *out)
{
	struct Banos_X_Block *b = NULL;

	text_printf(out, "major minor  #blocks  name\n\n");
	while ((b = block_next(b)) != NULL)
		text_printf(out, "%4u  %7u %10llu %s\n", BLOCK_MAJOR, b->dev.minor,
			    (ull)sectors(&b->dev) / 2, b->dev.name);
}

static void show_counts(struct text *out, const struct block_counts *c, unsigned op, unsigned shift)
{
	/* Nothing is ever merged with another request. */
	text_printf(out, " %llu 0 %llu %llu", (ull)c->requests[op],
		    (ull)c->blocks[op] << (shift - SECTOR_SHIFT), (ull)(c->ns[op] / NSEC_PER_MSEC));
}

/* As in Linux's Documentation/admin-guide/iostats.rst. How long the device was busy is not known.
 */
static void show_one(struct Banos_X_Block *b, struct text *out)
{
	struct block_counts c;
	uint32_t in_flight;
	ull total = 0;

	queues_add_up(b, &c, &in_flight);
	c.requests[BLOCK_DISCARD] += c.requests[BLOCK_ZEROES];
	c.blocks[BLOCK_DISCARD] += c.blocks[BLOCK_ZEROES];
	c.ns[BLOCK_DISCARD] += c.ns[BLOCK_ZEROES];
	for (unsigned op = BLOCK_READ; op <= BLOCK_DISCARD; op++)
		total += c.ns[op] / NSEC_PER_MSEC;
	text_printf(out, "%4u %7u %s", BLOCK_MAJOR, b->dev.minor, b->dev.name);
	show_counts(out, &c, BLOCK_READ, b->dev.shift);
	show_counts(out, &c, BLOCK_WRITE, b->dev.shift);
	text_printf(out, " %u 0 %llu", in_flight, total);
	show_counts(out, &c, BLOCK_DISCARD, b->dev.shift);
	text_printf(out, " %llu %llu\n", (ull)c.requests[BLOCK_FLUSH],
		    (ull)(c.ns[BLOCK_FLUSH] / NSEC_PER_MSEC));
}

static void show_diskstats(struct stats_node *n, struct text *out)
{
	struct Banos_X_Block *b = NULL;

	while ((b = block_next(b)) != NULL)
		show_one(b, out);
}

static struct stats_node nodes[] = {
	{.path = "partitions", .show = show_partitions},
	{.path = "diskstats", .show = show_diskstats},
};

/* --- /sys/block/NAME/size -------------------------------------------------------------------- */

struct block_stats_node {
	struct stats_node node;
	struct Banos_X_Block *device; /* [I] counted */
	char path[PATH_SIZE];
};

static void show_size(struct stats_node *n, struct text *out)
{
	struct block_stats_node *s = container_of(n, struct block_stats_node, node);

	text_printf(out, "%llu\n", (ull)sectors(&s->device->dev));
}

static void release(struct stats_node *n)
{
	struct block_stats_node *s = container_of(n, struct block_stats_node, node);

	vm_object_put(&s->device->cache.object);
	kfree(s);
}

int block_show_make(struct Banos_X_Block *b)
{
	b->sys = kzalloc(sizeof(*b->sys));
	return b->sys ? 0 : -ENOMEM;
}

void block_show_forget(struct Banos_X_Block *b)
{
	kfree(b->sys);
	b->sys = NULL;
}

void block_show_add(struct Banos_X_Block *b)
{
	struct block_stats_node *s = b->sys;

	s->device = b;
	vm_object_get(&b->cache.object);
	format(s->path, sizeof(s->path), "/sys/block/%s/size", b->dev.name);
	s->node.path = s->path;
	s->node.show = show_size;
	s->node.release = release;
	stats_add(&s->node);
}

void block_show_remove(struct Banos_X_Block *b)
{
	stats_remove(&b->sys->node);
}

void block_init(void)
{
	writeback_start();
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		stats_add(&nodes[i]);
}
