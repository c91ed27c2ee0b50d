/* SPDX-License-Identifier: BSD-2-Clause */
/* What test kernels alone have in /proc/sys/debug, for tests/guest/no_memory.c. */
#include "procfs.h"

#include <lib/errno.h>
#include <lib/format.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <vfs/dentry.h>

static unsigned left; /* when it was turned off last; one thread at a time uses it */

static void show_left(struct stats_node *n, struct text *out)
{
	text_printf(out, "%u\n", left);
}

/* "N": the Nth allocation from now on that this thread makes fails; "0": none. */
static ssize_t store_nth(struct stats_node *n, const char *text, size_t len)
{
	char digits[12];
	uint64_t nth;

	while (len && text[len - 1] == '\n')
		len--;
	if (!len || len >= sizeof(digits))
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		digits[i] = text[i];
	digits[len] = 0;
	if (parse_u64(digits, 10, &nth) || nth > UINT32_MAX)
		return -EINVAL;
	left = alloc_fail_nth((unsigned)nth);
	return (ssize_t)len;
}

/* How many blocks are allocated, when what is only cached or about to be freed is gone. */
static void show_objects(struct stats_node *n, struct text *out)
{
	struct slab_stats s;

	dentry_prune(NULL);
	epoch_barrier();
	epoch_barrier(); /* what the deferred calls deferred */
	slab_stats(&s);
	text_printf(out, "%llu\n", (unsigned long long)s.objects);
}

static struct stats_node nodes[] = {
	{.path = "sys/debug/fail-nth", .show = show_left, .store = store_nth, .mode = 0600},
	{.path = "sys/debug/objects", .show = show_objects, .mode = 0400},
};

void proc_debug_init(void)
{
	for (size_t i = 0; CONFIG_TEST && i < ARRAY_SIZE(nodes); i++)
		stats_add(&nodes[i]);
}
