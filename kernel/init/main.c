/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which the kernel comes up, in one screen.
 *
 * kernel_main() runs on the boot stack with interrupts off and may not sleep; it ends by becoming
 * the first processor's idle thread. init_main() is the first kernel thread: from there on
 * everything may sleep. It ends by becoming process 1.
 */
#include "crash.h"
#include "ktest_run.h"

#include <arch/boot.h>
#include <arch/power.h>
#include <arch/smp.h>
#include <base/kasan.h>
#include <base/log.h>
#include <base/panic_arch.h>
#include <block/block.h>
#include <bus/bus.h>
#include <driver/builtin.h>
#include <driver/registry.h>
#include <ipc/ipc.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <linux/linux_boot.h>
#include <linux/trace.h>
#include <mem/frame.h>
#include <mem/frame_boot.h>
#include <mem/slab.h>
#include <net/socket.h>
#include <proc/futex.h>
#include <proc/proc_files.h>
#include <proc/proc_internal.h>
#include <proc/oom.h>
#include <proc/vdso.h>
#include <proc/uts.h>
#include <sched/clock.h>
#include <sched/sched_boot.h>
#include <sched/services.h>
#include <sched/thread.h>
#include <tty/tty.h>
#include <vfs/builtin_fs.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/initramfs.h>
#include <vfs/mount.h>
#include <vfs/vfs_boot.h>
#include <vm/vm_boot.h>

#include <linux/fcntl.h>

static bool option(const char *name, char *value, size_t size)
{
	return cmdline_get(boot_command_line(), name, value, size);
}

static void read_options(void)
{
	char value[64];

	if (option("quiet", value, sizeof(value)))
		log_set_console_level(LOG_WARN);
	syscall_tracing = option("trace", value, sizeof(value));
	trace_watched += syscall_tracing;
}

static void unpack_archives(void)
{
	unsigned n = boot_archive_count();
	int r = 0;

	if (!n)
		panic("no initramfs: give one to the boot loader (QEMU: -initrd FILE)");
	for (unsigned i = 0; i < n && !r; i++) {
		size_t size;
		const void *base = boot_archive(i, &size);

		r = initramfs_unpack(base, size);
	}
	if (r)
		panic("the initramfs cannot be unpacked (error %d): it must be an uncompressed "
		      "newc "
		      "cpio archive that fits into memory",
		      -r);
	boot_archives_release();
}

/* Descriptors 0, 1, 2 on the console, then the program. In the thread that becomes process 1. */
static int start_first_program(void)
{
	static const char *const env[] = {"HOME=/", "TERM=vt100", NULL};
	char path[128] = "/init";
	const char *argv[] = {path, NULL};
	struct file *f;
	int r, fd;

	option("init", path, sizeof(path));
	r = file_open_kernel("/dev/console", O_RDWR, 0, &f);
	if (r)
		log_warn("init: /dev/console cannot be opened (error %d): no standard input and "
			 "output",
			 -r);
	for (int i = 0; !r && i < 3; i++) {
		fd = fd_reserve(current()->files, 0, 3, false);
		if (fd >= 0)
			fd_install(current()->files, fd, file_get(f));
	}
	if (!r)
		file_put(f);
	r = linux_exec_kernel(path, argv, env);
	if (r)
		panic("init: %s cannot be run (error %d): is it in the initramfs, executable, and "
		      "a "
		      "64-bit ELF program?",
		      path, -r);
	return 0;
}

static void init_main(void *arg)
{
	char pattern[64];
	struct frame_stats frames;

	futex_init();		  /* sleeping on words of user memory */
	proc_files_init();	  /* /proc's view of processes */
	slab_show_init();	  /* /proc/slabinfo */
	message_init();		  /* /proc/banos/messages */
	block_init();		  /* block devices: /proc/partitions, writing back */
	vfs_start();		  /* name cache, root tmpfs, devfs, procfs, pipes */
	tty_init();		  /* terminals */
	net_init();		  /* sockets */
	ipc_init();		  /* System V's and message queues */
	unpack_archives();	  /* the root file system's contents */
	oom_init();		  /* who ends when programs use up memory */
	vdso_init();		  /* the clock that programs read */
	driver_init();		  /* the loader */
	driver_install_builtin(); /* serial ports */
	tty_choose_console();	  /* one of them, for /dev/console */
	linux_init();		  /* hooks that reach user memory */
	frame_stats(&frames);
	log_info("memory: %lu KiB of %lu KiB free", (unsigned long)frames.free * 4,
		 (unsigned long)frames.total * 4);
	if (CONFIG_TEST && option("crash", pattern, sizeof(pattern)))
		crash(pattern);
	if (option("test", pattern, sizeof(pattern)))
		ktest_run(pattern); /* does not return */
	if (process_create_first(start_first_program))
		panic("init: out of memory for the first process");
}

_Noreturn void kernel_main(void)
{
	log_info("Banos %s %s", UTS_RELEASE, UTS_VERSION);
	read_options();
	slab_init();	     /* the heap */
	kasan_init();	     /* shadow memory, in that build */
	arch_init_memory();  /* the arena of driver images */
	sched_init();	     /* run queue of this processor; threads can be made */
	arch_init_devices(); /* ACPI, interrupt controllers, clocks */
	vm_init();	     /* address spaces */
	bus_init();	     /* devices, ports, interrupts: while there is one processor */
	smp_start_all();     /* the other processors: they schedule from here on */
	epoch_start();	     /* grace periods */
	work_start();	     /* work queue */
	if (!kthread_create("init", init_main, NULL))
		panic("boot: out of memory for the init thread");
	sched_begin(); /* this context ends; the idle thread goes on */
}
