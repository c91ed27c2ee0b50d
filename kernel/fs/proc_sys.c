/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small files of the system as a whole: constants and limits in /proc/sys, and the lists that
 * programs expect to exist although nothing is in them here (no disks, no swap).
 */
#include "procfs.h"

#include <arch/page.h>
#include <base/percpu.h>
#include <lib/format.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <vfs/chardev.h>
#include <vfs/dentry.h>
#include <vfs/fdtable.h>
#include <vm/space.h>

typedef unsigned long long ull;

/* --- files with a constant ---------------------------------------------------------------- */

struct constant {
	struct stats_node node;
	const char *text;
};

static void show_constant(struct stats_node *n, struct text *out)
{
	text_printf(out, "%s\n", container_of(n, struct constant, node)->text);
}

#define CONSTANT(path_, text_)                                                    \
	{                                                                         \
		.node = {.path = (path_), .show = show_constant}, .text = (text_) \
	}

static struct constant constants[] = {
	CONSTANT("sys/kernel/domainname", "(none)"),
	CONSTANT("sys/kernel/cap_last_cap", "40"),
	CONSTANT("sys/kernel/ngroups_max", "65536"),
	CONSTANT("sys/kernel/overflowuid", "65534"),
	CONSTANT("sys/kernel/overflowgid", "65534"),
	CONSTANT("sys/kernel/core_pattern", "core"),
	CONSTANT("sys/kernel/core_uses_pid", "0"),
	CONSTANT("sys/kernel/randomize_va_space", "2"),
	CONSTANT("sys/kernel/panic", "0"),
	CONSTANT("sys/kernel/tainted", "0"),
	CONSTANT("sys/kernel/kptr_restrict", "2"),
	CONSTANT("sys/kernel/threads-max", "32768"),
	CONSTANT("sys/vm/overcommit_memory", "0"),
	CONSTANT("sys/vm/overcommit_ratio", "50"),
	CONSTANT("sys/vm/swappiness", "0"),
	CONSTANT("sys/vm/panic_on_oom", "0"),
	CONSTANT("sys/vm/nr_hugepages", "0"),
	CONSTANT("sys/fs/file-max", "9223372036854775807"),
	CONSTANT("sys/fs/pipe-max-size", "1048576"),
	CONSTANT("sys/fs/overflowuid", "65534"),
	CONSTANT("sys/fs/overflowgid", "65534"),
	CONSTANT("sys/fs/suid_dumpable", "0"),
	CONSTANT("sys/fs/leases-enable", "0"),
	CONSTANT("partitions", "major minor  #blocks  name\n"),
	CONSTANT("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"),
};

/* --- files with a number of the kernel's -------------------------------------------------- */

static void show_max_map_count(struct stats_node *n, struct text *out)
{
	text_printf(out, "%u\n", VM_REGIONS_MAX);
}

static void show_mmap_min_addr(struct stats_node *n, struct text *out)
{
	text_printf(out, "%llu\n", (ull)USER_START);
}

static void show_nr_open(struct stats_node *n, struct text *out)
{
	text_printf(out, "%u\n", FD_LIMIT_MAX);
}

/* Nobody counts files: all processes together may have as many as memory holds. */
static void show_file_nr(struct stats_node *n, struct text *out)
{
	text_printf(out, "0\t0\t9223372036854775807\n");
}

/* Forget cached names; there is no other cache that could be dropped. */
static ssize_t store_drop_caches(struct stats_node *n, const char *text, size_t len)
{
	dentry_prune(NULL);
	return (ssize_t)len;
}

static void show_vmstat(struct stats_node *n, struct text *out)
{
	struct frame_stats frames;
	struct slab_stats slab;

	frame_stats(&frames);
	slab_stats(&slab);
	text_printf(out,
		    "nr_free_pages %llu\nnr_slab_reclaimable 0\nnr_slab_unreclaimable %llu\n"
		    "pgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n",
		    (ull)frames.free, (ull)slab.pages);
}

/* --- devices ------------------------------------------------------------------------------ */

struct device_list {
	struct text *out;
	unsigned last;
};

static void show_device(const struct chardev *c, void *ctx)
{
	struct device_list *l = ctx;
	const char *name = c->name ? c->name : "unnamed";
	size_t len = 0;

	if (DEV_MAJOR(c->rdev) == l->last)
		return;
	l->last = DEV_MAJOR(c->rdev);
	/* The first device's name without its number stands for all of the major number. */
	while (name[len] && name[len] != '/' && (name[len] < '0' || name[len] > '9'))
		len++;
	text_printf(l->out, "%3u ", l->last);
	text_write(l->out, l->last == 1 ? "mem" : name, l->last == 1 ? 3 : len);
	text_printf(l->out, "\n");
}

static void show_devices(struct stats_node *n, struct text *out)
{
	struct device_list l = {.out = out};

	text_printf(out, "Character devices:\n");
	chardev_for_each(show_device, &l);
	text_printf(out, "\nBlock devices:\n");
}

static void show_nothing(struct stats_node *n, struct text *out)
{
}

static struct stats_node nodes[] = {
	{.path = "devices", .show = show_devices},
	{.path = "diskstats", .show = show_nothing},
	{.path = "vmstat", .show = show_vmstat},
	{.path = "sys/vm/max_map_count", .show = show_max_map_count},
	{.path = "sys/vm/mmap_min_addr", .show = show_mmap_min_addr},
	{.path = "sys/vm/drop_caches",
	 .show = show_nothing,
	 .store = store_drop_caches,
	 .mode = 0644},
	{.path = "sys/fs/nr_open", .show = show_nr_open},
	{.path = "sys/fs/file-nr", .show = show_file_nr},
};

void proc_sys_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(constants); i++)
		stats_add(&constants[i].node);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		stats_add(&nodes[i]);
}
