/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small /sys: registered nodes whose path begins with "/sys/", shown by the same code that
 * shows the others in /proc (procfs.c). A path that ends in a slash is a folder without files.
 *
 * There are no devices in it but processors, because no driver describes its devices yet; the
 * folders that programs look into exist and are empty.
 */
#include "procfs.h"

#include <base/percpu.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <linux/magic.h>
#include <mem/slab.h>
#include <vfs/builtin_fs.h>

#define CPU_PATH_MAX 64

static struct super *instance; /* [I] */

/* --- nodes -------------------------------------------------------------------------------- */

/* "0-3", or "0". */
static void show_cpu_list(struct stats_node *n, struct text *out)
{
	if (cpu_count() > 1)
		text_printf(out, "0-%u\n", cpu_count() - 1);
	else
		text_printf(out, "0\n");
}

static void show_empty_line(struct stats_node *n, struct text *out)
{
	text_printf(out, "\n");
}

static void show_zero(struct stats_node *n, struct text *out)
{
	text_printf(out, "0\n");
}

static void show_kernel_max(struct stats_node *n, struct text *out)
{
	text_printf(out, "%u\n", MAX_CPUS - 1);
}

static void show_address_bits(struct stats_node *n, struct text *out)
{
	text_printf(out, "64\n");
}

static void show_byte_order(struct stats_node *n, struct text *out)
{
	text_printf(out, "little\n");
}

static void show_huge_pages(struct stats_node *n, struct text *out)
{
	text_printf(out, "always madvise [never]\n");
}

static struct stats_node nodes[] = {
	{.path = "/sys/block/"},
	{.path = "/sys/bus/"},
	{.path = "/sys/class/tty/"},
	{.path = "/sys/class/net/"},
	{.path = "/sys/class/block/"},
	{.path = "/sys/dev/block/"},
	{.path = "/sys/dev/char/"},
	{.path = "/sys/devices/system/cpu/online", .show = show_cpu_list},
	{.path = "/sys/devices/system/cpu/possible", .show = show_cpu_list},
	{.path = "/sys/devices/system/cpu/present", .show = show_cpu_list},
	{.path = "/sys/devices/system/cpu/offline", .show = show_empty_line},
	{.path = "/sys/devices/system/cpu/isolated", .show = show_empty_line},
	{.path = "/sys/devices/system/cpu/kernel_max", .show = show_kernel_max},
	{.path = "/sys/devices/system/node/online", .show = show_zero},
	{.path = "/sys/devices/system/node/possible", .show = show_zero},
	{.path = "/sys/devices/system/node/node0/cpulist", .show = show_cpu_list},
	{.path = "/sys/firmware/"},
	{.path = "/sys/fs/cgroup/"},
	{.path = "/sys/kernel/address_bits", .show = show_address_bits},
	{.path = "/sys/kernel/cpu_byteorder", .show = show_byte_order},
	{.path = "/sys/kernel/debug/"},
	{.path = "/sys/kernel/mm/transparent_hugepage/enabled", .show = show_huge_pages},
	{.path = "/sys/module/"},
	{.path = "/sys/power/"},
};

/* --- processors --------------------------------------------------------------------------- */

struct cpu_node {
	struct stats_node node;
	unsigned index;
	char path[CPU_PATH_MAX];
};

static void show_index(struct stats_node *n, struct text *out)
{
	text_printf(out, "%u\n", container_of(n, struct cpu_node, node)->index);
}

/* Every processor is shown as a core of its own in one package, without further threads. */
static int add_cpu_node(unsigned index, const char *name,
			void (*show)(struct stats_node *n, struct text *out))
{
	struct cpu_node *c = kzalloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->index = index;
	format(c->path, sizeof(c->path), "/sys/devices/system/cpu/cpu%u/topology/%s", index, name);
	c->node.path = c->path;
	c->node.show = show;
	stats_add(&c->node);
	return 0;
}

static int add_cpu(unsigned index)
{
	return add_cpu_node(index, "core_id", show_index) ?:
		       add_cpu_node(index, "physical_package_id", show_zero) ?:
		       add_cpu_node(index, "thread_siblings_list", show_index) ?:
		       add_cpu_node(index, "core_siblings_list", show_cpu_list);
}

/* --- the filesystem ----------------------------------------------------------------------- */

static int sysfs_mount(const struct fs_type *type, const char *source, const char *options,
		       struct super **out)
{
	*out = super_get(instance);
	return 0;
}

static struct fs_type sysfs_type = {.name = "sysfs", .mount = sysfs_mount};

int sysfs_init(void)
{
	int r = proc_node_tree_create(&sysfs_type, SYSFS_MAGIC, "/sys/", &instance);

	for (unsigned i = 0; !r && i < cpu_count(); i++)
		r = add_cpu(i);
	if (r)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		stats_add(&nodes[i]);
	fs_type_register(&sysfs_type);
	return 0;
}
