/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/lock_stat: a line for each class of locks (doc/locking.md) that was waited for, with the
 * number of waits, their sum and the longest, in nanoseconds. Writing 0 to it starts afresh.
 * /proc/sys/kernel/lock_stat, 1 or 0, turns the counting on and off.
 */
#include "procfs.h"

#include <arch/timer.h>
#include <base/lockcheck.h>
#include <base/lockstat.h>
#include <lib/errno.h>
#include <sched/epoch.h>

typedef unsigned long long ull;

static void show_locks(struct stats_node *n, struct text *out)
{
	text_printf(out, "%-20s %12s %16s %14s\n", "class", "waits", "total ns", "longest ns");
	for (unsigned i = 0; i < LOCK_CLASS_COUNT; i++) {
		const char *name;
		struct lockstat s = lockstat_read(i, &name);

		if (s.waits)
			text_printf(out, "%-20s %12llu %16llu %14llu\n", name, (ull)s.waits,
				    (ull)arch_cycles_ns(s.cycles), (ull)arch_cycles_ns(s.worst));
	}
}

static bool is_digit(const char *text, size_t len, char digit)
{
	return len && text[0] == digit && (len == 1 || (len == 2 && text[1] == '\n'));
}

static ssize_t clear_locks(struct stats_node *n, const char *text, size_t len)
{
	if (!is_digit(text, len, '0'))
		return -EINVAL;
	lockstat_clear();
	return (ssize_t)len;
}

static void show_switch(struct stats_node *n, struct text *out)
{
	text_printf(out, "%d\n", __atomic_load_n(&lockstat_on, __ATOMIC_RELAXED));
}

static ssize_t store_switch(struct stats_node *n, const char *text, size_t len)
{
	bool on = is_digit(text, len, '1');

	if (!on && !is_digit(text, len, '0'))
		return -EINVAL;
	__atomic_store_n(&lockstat_on, on, __ATOMIC_RELAXED);
	/* Nobody is about to add any more: a clearing after this one lasts. */
	if (!on)
		epoch_wait();
	return (ssize_t)len;
}

static struct stats_node nodes[] = {
	{.path = "lock_stat", .show = show_locks, .store = clear_locks, .mode = 0600},
	{.path = "sys/kernel/lock_stat", .show = show_switch, .store = store_switch, .mode = 0644},
};

void proc_locks_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		stats_add(&nodes[i]);
}
