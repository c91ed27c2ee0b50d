/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/sys/debug/operations of the counting kernel (base/count.h). "1" counts the calls of the
 * thread that writes it, "0" ends that. A line for each call made meanwhile:
 *
 *	NAME TIMES LOCKED SHARED WRITES SPINLOCKS
 */
#include "count_show.h"

#include "trace.h"

#include <base/count.h>

#if CONFIG_COUNT

#include <base/percpu.h>
#include <base/stats.h>
#include <lib/errno.h>

static void show_operations(struct stats_node *n, struct text *out)
{
	struct counts c;
	uint32_t times;

	for (unsigned i = 0; i < COUNT_EVENTS; i++) {
		const char *name = i == COUNT_FAULT ? "page_fault" : syscall_name(i);

		if (count_least(i, &c, &times))
			text_printf(out, "%s %u %u %u %u %u\n", name ? name : "?", times, c.locked,
				    c.shared, c.writes, c.spins);
	}
}

static ssize_t store_operations(struct stats_node *n, const char *text, size_t len)
{
	if (!len || (text[0] != '0' && text[0] != '1'))
		return -EINVAL;
	count_thread(text[0] == '1' ? current() : NULL);
	return (ssize_t)len;
}

static struct stats_node node = {.path = "sys/debug/operations",
				 .show = show_operations,
				 .store = store_operations,
				 .mode = 0600};

void count_show_init(void)
{
	stats_add(&node);
}

#else

void count_show_init(void)
{
}

#endif
