/* SPDX-License-Identifier: BSD-2-Clause */
/* The first C code, and the architecture's part of a panic. */
#include "arch.h"

#include "boot/bootinfo.h"
#include "boot/memory.h"
#include "serial_early.h"

#include <arch/boot.h>
#include <base/log.h>
#include <base/panic_arch.h>
#include <base/spinlock.h>
#include <lib/cmdline.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/frame_boot.h>

BUILD_ASSERT(offsetof(struct cpu, self) == CPU_SELF, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, current) == CPU_CURRENT, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, entry_scratch) == CPU_SCRATCH, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, kernel_stack) == CPU_KERNEL_STACK, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, preempt_count) == CPU_PREEMPT, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, need_resched) == CPU_RESCHED, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, stack_guard) == 40, "the compiler's %gs:40");
BUILD_ASSERT(offsetof(struct cpu, irq_depth) == CPU_IRQ_DEPTH, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, irq_stack) == CPU_IRQ_STACK, "entry.S");
BUILD_ASSERT(offsetof(struct cpu, kernel_since) == CPU_KERNEL_SINCE, "entry.S");

_Noreturn void kernel_start(unsigned protocol, paddr_t info);

/* The stack guard changes under this function's feet, so it must not be protected itself. */
__attribute__((no_stack_protector)) static void choose_stack_guard(void)
{
	uint64_t guard = 0;

	cpu_random(&guard);
	guard ^= cpu_cycles() * 0x9e3779b97f4a7c15UL;
	/* A zero byte stops string functions from running over it. */
	boot_cpu.stack_guard = guard & ~0xffUL;
}

_Noreturn __attribute__((no_stack_protector)) void kernel_start(unsigned protocol, paddr_t info)
{
	char word[8];

	boot_cpu.preempt_count = 1; /* until the scheduler runs */
	cpu_table[0] = &boot_cpu;
	cpu_set_count(1);
	log_set_console(serial_early_write);
	descriptors_early();
	cpu_detect();
	spin_unfair = cpu_features.hypervisor;
	choose_stack_guard();
	bootinfo_read(protocol, info);
	panic_resets = cmdline_get(boot_info.command_line, "panic", word, sizeof(word)) &&
		       !strcmp(word, "-1");
	boot_memory_init();
	paging_build_kernel();
	cpu_setup_control_after_fpu();
	cpu_publish_number(0);
	kernel_main();
}

void cpu_setup_control_after_fpu(void)
{
	fpu_init(); /* chooses the components that XCR0 enables */
	cpu_setup_control();
}

const char *boot_command_line(void)
{
	return boot_info.command_line;
}

unsigned boot_archive_count(void)
{
	return boot_info.module_count;
}

const void *boot_archive(unsigned i, size_t *size)
{
	*size = boot_info.modules[i].end - boot_info.modules[i].start;
	return paddr_to_direct(boot_info.modules[i].start);
}

void boot_archives_release(void)
{
	boot_memory_release_modules();
}

void arch_init_memory(void)
{
	paddr_t start, end;

	boot_memory_driver_arena(&start, &end);
	kva_boot_add_arena(start, end);
}

void arch_init_devices(void)
{
	if (descriptors_prepare(&boot_cpu))
		panic("boot: too little memory for the first processor's stacks");
	descriptors_load(&boot_cpu);
	msr_write(MSR_GS_BASE, (uintptr_t)&boot_cpu);
	acpi_init(boot_info.rsdp);
	boot_cpu.hw_id = apic_id();
	clocksource_init();
}

void arch_log_registers(const struct trap_frame *f)
{
	log_error("RIP %#018lx RSP %#018lx RFLAGS %#lx CS %#lx error %#lx vector %lu",
		  (unsigned long)f->rip, (unsigned long)f->rsp, (unsigned long)f->rflags,
		  (unsigned long)f->cs, (unsigned long)f->error, (unsigned long)f->vector);
	log_error("RAX %016lx RBX %016lx RCX %016lx RDX %016lx", (unsigned long)f->rax,
		  (unsigned long)f->rbx, (unsigned long)f->rcx, (unsigned long)f->rdx);
	log_error("RSI %016lx RDI %016lx RBP %016lx R8  %016lx", (unsigned long)f->rsi,
		  (unsigned long)f->rdi, (unsigned long)f->rbp, (unsigned long)f->r8);
	log_error("R9  %016lx R10 %016lx R11 %016lx R12 %016lx", (unsigned long)f->r9,
		  (unsigned long)f->r10, (unsigned long)f->r11, (unsigned long)f->r12);
	log_error("R13 %016lx R14 %016lx R15 %016lx CR2 %016lx", (unsigned long)f->r13,
		  (unsigned long)f->r14, (unsigned long)f->r15, (unsigned long)cr2_read());
	log_error("CR3 %016lx", (unsigned long)cr3_read());
}

void arch_cpu_info(struct cpu_info *out)
{
	const struct cpu_features *f = &cpu_features;

	*out = (struct cpu_info){.vendor = f->vendor,
				 .model = f->model,
				 .family = f->family,
				 .model_number = f->model_number,
				 .stepping = f->stepping,
				 .smep = f->smep,
				 .smap = f->smap,
				 .umip = f->umip};
}
