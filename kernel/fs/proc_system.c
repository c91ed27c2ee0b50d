/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics nodes of the system as a whole, in the formats that Linux's programs parse. They
 * are written here, above everything they read, so that the low folders need not know formats.
 */
#include "procfs.h"

#include <arch/boot.h>
#include <base/panic.h>
#include <base/percpu.h>
#include <base/random.h>
#include <block/cache.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/message.h>
#include <sched/thread.h>
#include <vfs/dentry.h>
#include <vfs/super.h>

#define KIB_PER_PAGE (PAGE_SIZE / 1024)
#define TICK_NS	     (NSEC_PER_SEC / 100) /* the unit of times in /proc/stat */

typedef unsigned long long ull;

static void show_meminfo(struct stats_node *n, struct text *out)
{
	struct frame_stats frames;
	struct slab_stats slab;
	struct block_cache_stats block;

	frame_stats(&frames);
	slab_stats(&slab);
	block_cache_stats(&block);
	text_printf(out,
		    "MemTotal:       %8llu kB\n"
		    "MemFree:        %8llu kB\n"
		    "MemAvailable:   %8llu kB\n"
		    "Buffers:        %8llu kB\n"
		    "Cached:         %8u kB\n"
		    "SwapCached:     %8u kB\n"
		    "SwapTotal:      %8u kB\n"
		    "SwapFree:       %8u kB\n"
		    "Dirty:          %8llu kB\n"
		    "Slab:           %8llu kB\n"
		    "SReclaimable:   %8u kB\n"
		    "SUnreclaim:     %8llu kB\n",
		    (ull)frames.total * KIB_PER_PAGE, (ull)frames.free * KIB_PER_PAGE,
		    (ull)(frames.free + block.pages - block.dirty) * KIB_PER_PAGE,
		    (ull)block.pages * KIB_PER_PAGE, 0, 0, 0, 0, (ull)block.dirty * KIB_PER_PAGE,
		    (ull)slab.pages * KIB_PER_PAGE, 0, (ull)slab.pages * KIB_PER_PAGE);
}

static uint64_t idle_total(void)
{
	uint64_t sum = 0;

	for_each_cpu(c)
		sum += __atomic_load_n(&c->idle_ns, __ATOMIC_RELAXED);
	return sum;
}

static void show_uptime(struct stats_node *n, struct text *out)
{
	nsec_t up = clock_mono_ns(), idle = idle_total();

	text_printf(out, "%llu.%02llu %llu.%02llu\n", (ull)(up / NSEC_PER_SEC),
		    (ull)(up % NSEC_PER_SEC / 10000000), (ull)(idle / NSEC_PER_SEC),
		    (ull)(idle % NSEC_PER_SEC / 10000000));
}

static void show_loadavg(struct stats_node *n, struct text *out)
{
	unsigned runnable, total;
	uint64_t loads[3];

	sched_load(&runnable, &total, loads);
	for (int i = 0; i < 3; i++)
		text_printf(out, "%llu.%02llu ", (ull)(loads[i] >> 11),
			    (ull)((loads[i] & 2047) * 100 >> 11));
	text_printf(out, "%u/%u %d\n", runnable, total, proc_source() ? proc_source()->self() : 0);
}

/* User time is not kept per processor: all that is not idle is shown as system time. */
static void show_cpu_line(struct text *out, const char *name, nsec_t busy, nsec_t idle)
{
	text_printf(out, "%s 0 0 %llu %llu 0 0 0 0 0 0\n", name, (ull)(busy / TICK_NS),
		    (ull)(idle / TICK_NS));
}

static void show_stat(struct stats_node *n, struct text *out)
{
	nsec_t up = clock_mono_ns(), idle = idle_total(), all = up * cpu_count();
	uint64_t interrupts = 0, switches = 0;
	unsigned runnable, total;
	uint64_t loads[3];
	char name[16];

	show_cpu_line(out, "cpu ", all > idle ? all - idle : 0, idle);
	for_each_cpu(c) {
		nsec_t mine = __atomic_load_n(&c->idle_ns, __ATOMIC_RELAXED);

		format(name, sizeof(name), "cpu%u", c->index);
		show_cpu_line(out, name, up > mine ? up - mine : 0, mine);
		interrupts += __atomic_load_n(&c->interrupts, __ATOMIC_RELAXED);
		switches += __atomic_load_n(&c->switches, __ATOMIC_RELAXED);
	}
	sched_load(&runnable, &total, loads);
	text_printf(out,
		    "intr %llu\nctxt %llu\nbtime %llu\nprocesses %u\n"
		    "procs_running %u\nprocs_blocked 0\n",
		    (ull)interrupts, (ull)switches, (ull)((clock_wall_ns() - up) / NSEC_PER_SEC),
		    total, runnable);
}

static void show_type(const struct fs_type *type, void *ctx)
{
	text_printf(ctx, "%s\t%s\n", type->needs_device ? "" : "nodev", type->name);
}

static void show_filesystems(struct stats_node *n, struct text *out)
{
	fs_type_for_each(show_type, out);
}

static void show_pid_max(struct stats_node *n, struct text *out)
{
	text_printf(out, "32768\n");
}

/* A random UUID of version 4. */
static void show_uuid(struct text *out, const uint8_t b[16])
{
	for (int i = 0; i < 16; i++) {
		unsigned v = b[i];

		if (i == 6)
			v = (v & 0x0f) | 0x40;
		if (i == 8)
			v = (v & 0x3f) | 0x80;
		text_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", v);
	}
	text_printf(out, "\n");
}

static uint8_t boot_id[16]; /* [I] */

static void show_boot_id(struct stats_node *n, struct text *out)
{
	show_uuid(out, boot_id);
}

static void show_random_uuid(struct stats_node *n, struct text *out)
{
	uint8_t b[16];

	random_bytes(b, sizeof(b));
	show_uuid(out, b);
}

static void show_entropy(struct stats_node *n, struct text *out)
{
	text_printf(out, "256\n");
}

static void show_dentry_state(struct stats_node *n, struct text *out)
{
	uint64_t held, unused;

	dentry_stats(&held, &unused);
	text_printf(out, "%llu\t%llu\t45\t0\t0\t0\n", (ull)held, (ull)unused);
}

static ssize_t store_sysrq(struct stats_node *n, const char *text, size_t len)
{
	if (len && text[0] == 'c')
		panic("sysrq: crash asked for");
	if (len && text[0] == 'l')
		message_backtrace_all();
	return (ssize_t)len;
}

static void show_cmdline(struct stats_node *n, struct text *out)
{
	text_printf(out, "%s\n", boot_command_line());
}

static void show_cpuinfo(struct stats_node *n, struct text *out)
{
	struct cpu_info info;

	arch_cpu_info(&info);
	for_each_cpu(c) {
		text_printf(out,
			    "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n"
			    "model name\t: %s\nstepping\t: %u\napicid\t\t: %u\n"
			    "flags\t\t:%s%s%s\n\n",
			    c->index, info.vendor, info.family, info.model_number, info.model,
			    info.stepping, c->hw_id, info.smep ? " smep" : "",
			    info.smap ? " smap" : "", info.umip ? " umip" : "");
	}
}

static struct stats_node nodes[] = {
	{.path = "cmdline", .show = show_cmdline},
	{.path = "cpuinfo", .show = show_cpuinfo},
	{.path = "meminfo", .show = show_meminfo},
	{.path = "uptime", .show = show_uptime},
	{.path = "loadavg", .show = show_loadavg},
	{.path = "stat", .show = show_stat},
	{.path = "filesystems", .show = show_filesystems},
	{.path = "sysrq-trigger", .store = store_sysrq, .mode = 0200},
	{.path = "sys/kernel/pid_max", .show = show_pid_max},
	{.path = "sys/kernel/random/boot_id", .show = show_boot_id},
	{.path = "sys/kernel/random/uuid", .show = show_random_uuid},
	{.path = "sys/kernel/random/entropy_avail", .show = show_entropy},
	{.path = "sys/fs/dentry-state", .show = show_dentry_state},
};

void proc_system_init(void)
{
	random_bytes(boot_id, sizeof(boot_id));
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		stats_add(&nodes[i]);
}
