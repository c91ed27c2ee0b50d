/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting the other processors (MultiProcessor Specification, B.4; Intel SDM volume 3, 8.4).
 *
 * One at a time: allocate everything it needs, write its parameters into the trampoline's page,
 * INIT, two STARTUPs, wait for it to say that it is there. Its first stack, from kva_alloc, is its
 * idle thread's. One that says nothing in a second is reported, and its memory is not reused, since
 * it might still wake up; the index goes to the next one.
 *
 * While it starts it runs on the boot tables, in which the trampoline's page is mapped for this
 * time only, executable and not writable.
 */
#include "arch.h"

#include "boot/memory.h"

#include <arch/enter.h>
#include <arch/smp.h>
#include <arch/thread.h>
#include <base/log.h>
#include <base/panic_arch.h>
#include <base/random.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/fastpage.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/sched_boot.h>
#include <sched/thread.h>

struct cpu boot_cpu = {.self = &boot_cpu};

static uint8_t ids[MAX_CPUS * 4];
static unsigned id_count;
static uint32_t started; /* [a] set by the processor that is starting */
/* [I after boot] there are processors that do not run the kernel: no command goes to all others */
static bool left_out;

struct parameters {
	uint64_t cr3, stack, cpu, entry, kernel_cr3;
};
extern char trampoline_start[], trampoline_end[], trampoline_parameters[];

void smp_add_processor(uint32_t id, bool enabled)
{
	if (!enabled)
		return;
	if (id_count == sizeof(ids)) {
		left_out = true;
		log_warn("acpi: too many processors; APIC id %u left out", id);
		return;
	}
	ids[id_count++] = (uint8_t)id;
}

/* First C code of another processor, on its idle thread's stack. */
static _Noreturn void smp_entry(struct cpu *c, uint64_t kernel_cr3)
{
	cr3_write(kernel_cr3);
	descriptors_load(c);
	/* Loading selectors has cleared nothing we need: %gs keeps its base from the MSR. */
	cpu_setup_control();
	cpu_publish_number(c->index);
	apic_enable_local();
	msr_write(MSR_GS_BASE, (uintptr_t)c);
	msr_write(MSR_KERNEL_GS_BASE, 0);
	tss_set_stack(c->kernel_stack);
	__atomic_store_n(&started, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&c->online, __ATOMIC_ACQUIRE))
		cpu_relax();
	kernel_processor_entry();
}

static struct cpu *cpu_create(unsigned index, uint32_t id)
{
	struct cpu *c = kzalloc(sizeof(*c));

	if (!c)
		return NULL;
	c->self = c;
	c->index = index;
	c->hw_id = id;
	c->stack_guard = boot_cpu.stack_guard;
	if (descriptors_prepare(c) || sched_cpu_prepare(c))
		return NULL; /* what it got so far stays: boot only, and memory is out anyway */
	c->kernel_stack = c->current->arch.stack_top;
	return c;
}

static void trampoline_prepare(struct cpu *c)
{
	char *page = fastpage_map(TRAMPOLINE_ADDRESS);
	struct parameters *p =
		(struct parameters *)(page + (trampoline_parameters - trampoline_start));

	memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	*p = (struct parameters){.cr3 = image_paddr(boot_pml4),
				 .stack = c->kernel_stack - sizeof(struct trap_frame),
				 .cpu = (uintptr_t)c,
				 .entry = (uintptr_t)smp_entry,
				 .kernel_cr3 = kernel_pml4};
	p->stack = ALIGN_DOWN(p->stack, 16);
	fastpage_unmap(page);
}

/* The boot tables' identity entry of the trampoline's page: pt_low, reached through the direct map.
 */
static void trampoline_map(bool on)
{
	uint64_t *table = boot_pml4;

	for (unsigned level = 4; level > 1; level--)
		table = paddr_to_direct(table[0] & ~0xfffUL & ~(1UL << 63));
	table[TRAMPOLINE_ADDRESS / PAGE_SIZE] = on ? TRAMPOLINE_ADDRESS | PTE_P : 0;
}

static bool start(struct cpu *c)
{
	nsec_t give_up;

	/* The new processor looks at %gs:current and its stack through the kernel's real tables
	 * only. */
	__atomic_store_n(&started, 0, __ATOMIC_RELEASE);
	trampoline_prepare(c);
	boot_pml4[256 + ((KVA_BASE >> 39) & 255)] =
		((uint64_t *)paddr_to_direct(kernel_pml4))[256 + ((KVA_BASE >> 39) & 255)];
	boot_pml4[256 + ((DIRECT_BASE >> 39) & 255)] =
		((uint64_t *)paddr_to_direct(kernel_pml4))[256 + ((DIRECT_BASE >> 39) & 255)];
	apic_send_init(c->hw_id);
	clock_delay_ns(10 * NSEC_PER_MSEC);
	for (unsigned i = 0; i < 2; i++) {
		apic_send_startup(c->hw_id, TRAMPOLINE_ADDRESS >> 12);
		give_up = clock_mono_ns() + (i ? NSEC_PER_SEC : 50 * NSEC_PER_MSEC);
		while (clock_mono_ns() < give_up) {
			if (__atomic_load_n(&started, __ATOMIC_ACQUIRE))
				return true;
			cpu_relax();
		}
	}
	return false;
}

void smp_start_all(void)
{
	unsigned n = 1;

	clocksource_start();
	trampoline_map(true);
	for (unsigned i = 0; i < id_count; i++) {
		struct cpu *c;

		if (ids[i] == boot_cpu.hw_id)
			continue;
		if (n == MAX_CPUS) {
			left_out = true;
			log_warn("smp: more than %d processors; the rest is left out", MAX_CPUS);
			break;
		}
		c = cpu_create(n, ids[i]);
		if (!c) {
			left_out = true;
			log_error("smp: out of memory for processor %u; it is left out", n);
			break;
		}
		if (!start(c)) {
			left_out = true;
			log_error("smp: the processor with APIC id %u did not come up; it is left "
				  "out",
				  ids[i]);
			apic_send_init(c->hw_id); /* if it is on its way after all: stop */
			continue;
		}
		cpu_table[n++] = c;
	}
	trampoline_map(false);
	cpu_set_count(n);
	for (unsigned i = 1; i < n; i++)
		__atomic_store_n(&cpu_table[i]->online, true, __ATOMIC_RELEASE);
	log_info("smp: %u processor%s", n, n == 1 ? "" : "s");
}

void arch_send_message_interrupt(struct cpu *c)
{
	apic_send_ipi(c->hw_id, VECTOR_MESSAGE);
}

void arch_send_message_interrupts(const unsigned long *cpus, unsigned n)
{
	if (n > 1 && n == cpu_count() - 1 && !left_out) {
		apic_send_others(VECTOR_MESSAGE);
		return;
	}
	for_each_cpu(c) {
		if (bit_test(cpus, c->index))
			arch_send_message_interrupt(c);
	}
}

void arch_stop_others(void)
{
	apic_send_nmi_others();
}
