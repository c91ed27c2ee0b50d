/* SPDX-License-Identifier: BSD-2-Clause */
/* Within arch/x86_64 only: registers, descriptors, and what its files offer one another. */
#ifndef X86_ARCH_H
#define X86_ARCH_H

#include "layout.h"

#include <arch/trap.h>
#include <base/percpu.h>
#include <base/types.h>

extern char image_start[], boot_end[], text_end[], rodata_end[], image_end[];
extern struct cpu boot_cpu;
extern uint64_t boot_pml4[512], fastpage_table[512];

static inline paddr_t image_paddr(const void *p)
{
	return (uintptr_t)p - IMAGE_BASE_ASM;
}

static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}
static inline void msr_write(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}
static inline uint64_t cr2_read(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr2, %0" : "=r"(v));
	return v;
}
static inline uint64_t cr3_read(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr3, %0" : "=r"(v));
	return v;
}
static inline void cr3_write(uint64_t v)
{
	__asm__ volatile("movq %0, %%cr3" : : "r"(v) : "memory");
}
static inline uint64_t cr4_read(void)
{
	uint64_t v;

	__asm__ volatile("movq %%cr4, %0" : "=r"(v));
	return v;
}
static inline void cr4_write(uint64_t v)
{
	__asm__ volatile("movq %0, %%cr4" : : "r"(v) : "memory");
}
static inline void invlpg(uintptr_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};
static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(sub));
	return r;
}

/* What the processor can do, found once on the first one: cpu.c. */
struct cpu_features {
	bool mce, smep, smap, umip, pages_1g, rdrand, rdseed, xsave, fsrm, erms, invariant_tsc,
		hypervisor, rdpid, rdtscp;
	bool tsc_constant_rate; /* invariant, or provided so by the hypervisor */
	uint32_t xsave_size;	/* bytes of the save area */
	uint64_t xsave_mask;	/* components that are saved */
	uint8_t phys_bits;
	char vendor[13], model[49], hypervisor_name[13];
	uint32_t family, model_number, stepping;
};
extern struct cpu_features cpu_features;
void cpu_detect(void);	      /* first processor, once */
void cpu_setup_control(void); /* each processor: control registers, PAT, SYSCALL */
/* Each processor: its number, for programs to read (RDPID, RDTSCP). */
void cpu_publish_number(unsigned index);

/* Descriptor tables of one processor: descriptors.c. */
#define IST_NMI	       1
#define IST_DF	       2
#define IST_MC	       3
#define IST_STACK_SIZE 8192
#define IRQ_STACK_SIZE (16 * 1024)
struct x86_cpu; /* descriptors.c */
/* Allocates and fills tables and stacks; 0 or -ENOMEM. */
int descriptors_prepare(struct cpu *c);
void descriptors_load(struct cpu *c); /* on that processor */
void descriptors_early(void);	      /* first processor before memory exists */
void tss_set_stack(uint64_t top);

/* Kernel page tables: paging.c. */
extern paddr_t kernel_pml4;
void paging_build_kernel(void); /* the real tables, and loads them */

/* Local and I/O interrupt controllers. */
void apic_init(paddr_t base);
void apic_enable_local(void);
uint32_t apic_id(void);
void apic_eoi(void);
void apic_send_ipi(uint32_t apic_id, uint8_t vector);
void apic_send_others(uint8_t vector);
void apic_send_nmi_others(void);
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, uint8_t page);
void apic_timer_start(uint64_t counts);
void apic_timer_stop(void);
uint32_t apic_timer_count(void);
void pic_disable(void);
void ioapic_add(paddr_t base, uint32_t first_gsi);
void irq_dispatch(unsigned vector);
void irq_isa_override(unsigned isa, uint32_t gsi, bool level, bool active_low);

/* Clock sources and calibration: clocksource.c. */
void clocksource_init(void);
void clocksource_start(void);
void hpet_init(paddr_t base);
void pm_timer_init(uint16_t port, bool is32);

/* Firmware tables: acpi.c. */
void acpi_init(paddr_t rsdp);
struct acpi_power {
	uint16_t pm1a, pm1b, pm_timer;
	bool reset_valid, reset_io;
	uint64_t reset_address;
	uint8_t reset_value;
};
extern struct acpi_power acpi_power;
void smp_add_processor(uint32_t apic_id, bool enabled);

void fpu_init(void);
void cpu_setup_control_after_fpu(void);

#endif
