/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/flush_ranges.h>

void flush_ranges_init(struct flush_ranges *f)
{
	f->count = 0;
	f->all_user = f->all_kernel = false;
}

static bool touch(const struct flush_range *r, uint64_t start, uint64_t end)
{
	return r->start <= end && start <= r->end;
}

static void drop(struct flush_ranges *f, uint32_t i)
{
	f->ranges[i] = f->ranges[--f->count];
}

/* No room: all of this kind, which makes some. */
static void give_up(struct flush_ranges *f, bool kernel)
{
	for (uint32_t i = f->count; i-- > 0;)
		if (!f->ranges[i].space == kernel)
			drop(f, i);
	if (kernel)
		f->all_kernel = true;
	else
		f->all_user = true;
}

void flush_ranges_add(struct flush_ranges *f, const void *space, uint64_t start, uint64_t end)
{
	if (space ? f->all_user : f->all_kernel)
		return;
	/* Downwards: drop() puts the last one, which has been looked at, into the gap. */
	for (uint32_t i = f->count; i-- > 0;) {
		struct flush_range *r = &f->ranges[i];

		if (r->space != space || !touch(r, start, end))
			continue;
		start = min(start, r->start);
		end = max(end, r->end);
		drop(f, i);
	}
	if (f->count == FLUSH_RANGES) {
		give_up(f, !space);
		return;
	}
	f->ranges[f->count++] = (struct flush_range){space, start, end};
}

void flush_ranges_copy(struct flush_ranges *to, const struct flush_ranges *from)
{
	to->count = from->count;
	to->all_user = from->all_user;
	to->all_kernel = from->all_kernel;
	for (uint32_t i = 0; i < from->count; i++)
		to->ranges[i] = from->ranges[i];
}
