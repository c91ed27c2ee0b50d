/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor: what every architecture provides below everything else.
 * Context of every function here: any.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <lib/compiler.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most processors the kernel runs on; ticket locks count in a byte, so below 256. */
#define MAX_CPUS   64
#define CACHE_LINE 64

/* Hint inside a spinning loop. */
static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/* What was written before it, to memory and to devices, is seen before anything after it. */
static inline void cpu_fence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

/* Disable interrupts on this processor; returns the earlier state for irq_restore(). */
static inline uint64_t irq_save(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline bool irq_state_enabled(uint64_t flags)
{
	return flags & 0x200;
}

static inline void irq_restore(uint64_t flags)
{
	if (irq_state_enabled(flags))
		__asm__ volatile("sti" : : : "memory");
}

static inline uint64_t cpu_flags(void)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline bool irq_enabled(void)
{
	return irq_state_enabled(cpu_flags());
}

static inline void irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

/* Flags that compiled code relies on being clear: direction (DF), alignment or user access (AC). */
static inline bool cpu_flags_clean(uint64_t flags)
{
	return !(flags & 0x40400);
}

/* Clear them, and say whether one was set. */
static inline bool cpu_clean_flags(void)
{
	uint64_t flags = cpu_flags();

	if (likely(cpu_flags_clean(flags)))
		return false;
	__asm__ volatile("pushq %0; popfq" : : "r"(flags & ~0x40400ul) : "memory", "cc");
	return true;
}

/* Enable interrupts and halt until one comes, with no gap between the two. */
static inline void cpu_idle_wait(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

/* A free-running per-processor counter: for seeding and measuring, not a clock. */
static inline uint64_t cpu_cycles(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

/* One word from the hardware's random generator; false when there is none or it is dry. */
bool cpu_random(uint64_t *out);

/* Zero or copy one page, by the best means the processor reports. */
void page_clear(void *page);
void page_copy(void *to, const void *from);

/* Halt this processor for ever, interrupts off. */
_Noreturn void cpu_stop(void);

#endif
