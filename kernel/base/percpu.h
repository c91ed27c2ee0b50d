/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-processor state. %gs points at this processor's struct cpu whenever kernel code runs
 * (entry.S sees to it), so one instruction reaches a field. Fields without a letter are
 * touched only by their own processor with preemption (or, for those that interrupt handlers
 * touch, interrupts) disabled.
 */
#ifndef BASE_PERCPU_H
#define BASE_PERCPU_H

#include <arch/cpu.h>
#include <base/lockcheck.h>
#include <lib/compiler.h>

struct thread;
struct run_queue;
struct timer_queue;
struct mail;
struct flush_queue;
struct page;

/* The offsets of the first members are known to assembly: see arch/x86_64/entry.S. */
struct cpu {
	struct cpu *self;	    /*  0 [I] this structure */
	struct thread *current;	    /*  8 the running thread */
	uint64_t entry_scratch;	    /* 16 user stack pointer during system call entry */
	uint64_t kernel_stack;	    /* 24 top of the running thread's kernel stack */
	uint32_t preempt_count;	    /* 32 preemption is disabled while not 0 */
	uint32_t need_resched;	    /* 36 [a] set from anywhere: run the scheduler when possible */
	uint64_t stack_guard;	    /* 40 [I] the compilers' stack protector reads %gs:40 */
	uint32_t index;		    /* 48 [I] 0..cpu_count()-1; never a hardware id */
	uint32_t hw_id;		    /* 52 [I] what the interrupt controller calls it (APIC id) */
	uint32_t irq_depth;	    /* 56 nesting of interrupt handlers */
	uint32_t fastpage_used;	    /* 60 bit map of fast-page slots in use */
	uint64_t irq_stack;	    /* 64 [I] top of the interrupt stack */
	uint64_t kernel_since;	    /* 72 [a] cpu_cycles() at the entry from user mode, or at the
				     * switch to the thread; 0: in user mode. Interrupts off */
	bool online;		    /* [a] runs the scheduler */
	bool idle;		    /* [a] in the idle loop: quiescent until it leaves it */
	struct run_queue *rq;	    /* [I] */
	struct timer_queue *timers; /* [I] */
	struct mail *mail;	    /* [I] sched/message.c */
	struct flush_queue *flush;  /* [I] sched/flush.c */
	bool lazy;		    /* [a] does not use the loaded space: sched/flush.c */
	uint64_t quiescent;	    /* [a] counts passages through a quiescent state */
	uint64_t idle_ns;	    /* [a] time spent idle: /proc/stat */
	uint64_t idle_since;	    /* when it became idle, while it is */
	uint64_t interrupts;	    /* [a] interrupts taken: /proc/stat */
	uint64_t switches;	    /* [a] context switches: /proc/stat */
	uint32_t fault_depth;	    /* arch: nesting of kernel faults, against recursion */
	struct {
		struct page *head;
		unsigned count;
	} frames;		/* mem/frame.c: cache of single frames, interrupts off */
	void *space;		/* vm: address space whose tables are loaded */
	void *arch;		/* [I] the architecture's own per-processor data */
	struct lockcheck locks; /* spinlocks held (test builds) */
};

extern struct cpu *cpu_table[MAX_CPUS]; /* [I] after boot; NULL beyond cpu_count() */

/* Processors that run, counted once all are up. */
unsigned cpu_count(void);
void cpu_set_count(unsigned n);

static inline struct cpu *cpu_by_index(unsigned i)
{
	return cpu_table[i];
}

#define for_each_cpu(c)                                        \
	for (unsigned c##_i = 0; c##_i < cpu_count(); c##_i++) \
		for (struct cpu *c = cpu_table[c##_i]; c; c = NULL)

static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__ volatile("movq %%gs:0, %0" : "=r"(c));
	return c;
}

/* The running thread; constant as seen from the thread itself, so no preemption guard. */
static inline struct thread *current(void)
{
	struct thread *t;

	__asm__("movq %%gs:8, %0" : "=r"(t));
	return t;
}

static inline unsigned this_cpu_index(void)
{
	return this_cpu()->index;
}

static inline void preempt_disable(void)
{
	__asm__ volatile("incl %%gs:32" : : : "memory", "cc");
}

/* Lets the scheduler run if it was asked to meanwhile; sched/ provides it. */
void preempt_check(void);

static inline void preempt_enable_noresched(void)
{
	__asm__ volatile("decl %%gs:32" : : : "memory", "cc");
}

static inline void preempt_enable(void)
{
	bool maybe;

	__asm__ volatile("decl %%gs:32; cmpl $0, %%gs:36" : "=@ccne"(maybe) : : "memory");
	if (unlikely(maybe))
		preempt_check();
}

static inline unsigned preempt_count(void)
{
	unsigned n;

	__asm__ volatile("movl %%gs:32, %0" : "=r"(n));
	return n;
}

/*
 * True in an interrupt handler: no current process to speak of, no sleeping. One instruction,
 * or a thread that moves between two would read another processor's.
 */
static inline bool in_interrupt(void)
{
	unsigned depth;

	__asm__ volatile("movl %%gs:56, %0" : "=r"(depth));
	return depth != 0;
}

#endif
