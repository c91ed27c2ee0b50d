/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads and the scheduler's interface. */
#ifndef SCHED_THREAD_H
#define SCHED_THREAD_H

#include <arch/thread.h>
#include <base/cred.h>
#include <base/percpu.h>
#include <base/spinlock.h>
#include <base/types.h>
#include <lib/bitmap.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <sched/epoch.h>
#include <sched/timer.h>

struct fd_table;
struct fs_context;
struct gate_pass;
struct process;
struct sem_undo_list;
struct vm_space;

enum thread_state {
	THREAD_RUNNABLE, /* running or on a run queue */
	THREAD_SLEEPING, /* waits for thread_unblock() */
	THREAD_DEAD,	 /* will never run again */
};

/*
 * Progress of a wait (blocker.c): exactly one party moves it from WAITING to an end. While it waits
 * the word is WAIT_WAITING + the wait's mode (WAIT_INTERRUPTIBLE...), so that a signal cannot end
 * a wait by what it knew of an earlier one.
 */
enum wait_state { WAIT_NONE, WAIT_WOKEN, WAIT_TIMEDOUT, WAIT_INTERRUPTED, WAIT_WAITING = 8 };

/* Reasons to do work before returning to user mode: thread->work. */
#define THREAD_WORK_SIGNAL   1 /* a signal is to be looked at */
#define THREAD_WORK_KILL     2 /* ... that ends the process */
#define THREAD_WORK_CPU_TIME 4 /* the budget of processor time is used up */
#define THREAD_WORK_TRACE    8 /* the end of a system call is to be told to the tracer */

#define THREAD_NAME_SIZE  16
#define KERNEL_STACK_SIZE (16 * 1024)

enum thread_policy { THREAD_NORMAL, THREAD_FIFO, THREAD_RR, THREAD_BATCH, THREAD_IDLE };

struct sched_entity {
	struct rb_node node;   /* [rq lock] in the tree of its run queue */
	uint64_t vruntime;     /* [rq lock] weighted run time in ns */
	nsec_t exec_start;     /* [rq lock] when it last began to run */
	uint64_t runtime_ns;   /* [rq lock] total */
	nsec_t budget_end;     /* [rq lock] run time at which work is to be marked, or NEVER */
	uint32_t weight;       /* [rq lock] from the nice level; 1024 at 0 */
	int8_t nice;	       /* [rq lock] */
	uint8_t policy;	       /* [rq lock] enum thread_policy */
	uint8_t rt_priority;   /* [rq lock; readers a] what counts: the greater of own and lent */
	uint8_t own_priority;  /* [rq lock] 1..99 of FIFO and RR, else 0 */
	uint8_t lent_priority; /* [rq lock] by those who wait for what it holds, or 0 */
	bool to_end;	       /* [rq lock] real-time: behind its equals when it leaves */
	struct list rt_link;   /* [rq lock] in rt_queue */
};

struct thread {
	struct arch_thread arch; /* saved context: owned by the switch; must be first */
	struct spinlock lock;	 /* THREAD: serialises wake-ups and changes of placement */
	uint32_t refs;		 /* [a] */
	uint32_t state;		 /* [a] enum thread_state; leaves SLEEPING only under lock */
	uint32_t on_cpu;	 /* [a] its stack and registers are in use by a processor */
	bool on_rq;		 /* [rq lock] */
	bool is_idle;		 /* [I] */
	uint32_t cpu;		 /* [a] processor it runs or last ran on; changes under lock */
	uint32_t wait;		 /* [a] enum wait_state */
	uint32_t wait_how; /* mode of the current or last wait; written by the thread itself */
	uint32_t work;	   /* [a] THREAD_WORK_* */
	struct sched_entity sched;
	DECLARE_BITMAP(affinity, MAX_CPUS); /* [lock] processors it may use */
	void *stack; /* [I] kernel stack from kva_alloc, guard pages around it */
	struct vm_space
		*space; /* user address space, or NULL for a kernel thread; changed by itself */
	struct process *process; /* [I] NULL for kernel threads */
	struct fd_table *files;	 /* vfs: descriptors; shared by reference; changed by itself */
	struct fs_context *fs;	 /* vfs: root, working directory, umask; likewise */
	struct cred *cred; /* owned; changed by the thread itself, read by others under epoch */
	struct timer sleep_timer;  /* times the current wait out */
	struct lockcheck locks;	   /* sleeping locks held (test builds) */
	uint32_t driver_locks;	   /* sleeping locks of drivers it holds; by itself */
	uint32_t completing;	   /* it ends ios of block devices: nested; by itself */
	struct gate_pass *gates;   /* of drivers that it is inside; by itself */
	const void *driver_thread; /* what a driver calls it, or NULL; by itself */
	const void
		*irq_scope; /* of a driver's interrupt: what that is taken back with; by itself */
	unsigned fail_nth;  /* alloc_fail_nth() of this thread */
	int32_t tid;	    /* [I] */
	char name[THREAD_NAME_SIZE]; /* [I] but for PR_SET_NAME and exec by itself */
	nsec_t start_ns;	     /* [I] */
	uint64_t system_cycles; /* [a] in the kernel, up to cpu->kernel_since; see thread_times() */
	uint64_t shown_user, shown_system; /* [rq lock] what was told last: never steps back */
	uint64_t switches_voluntary, switches_forced; /* [rq lock] */
	struct list process_link;		      /* [PROC_TREE] in process->threads */
	void *proc_data;			      /* proc/: signal mask and the like */
	struct sem_undo_list *sem_undo; /* ipc: what its end undoes; or NULL; changed by itself */
	struct list *closing_rights;	/* net: files it is putting (rights.c); by itself */
	struct epoch_head epoch;	/* frees the memory after a grace period */
};

/* A kernel thread, started; NULL when memory is out. The caller gets no reference. Context:
 * process. */
struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg);
/* The same, but the caller may take a reference before it calls thread_start(). */
struct thread *kthread_prepare(const char *name, void (*fn)(void *arg), void *arg);

/* A thread that is not yet on a run queue; refs is 1; see proc/fork.c for users. */
struct thread *thread_create(const char *name);
void thread_start(struct thread *t);
struct thread *thread_get(struct thread *t);
void thread_put(struct thread *t);
/* The current thread ends; its reference is dropped once it is off its stack. */
_Noreturn void thread_exit(void);

/* Give the processor away; returns when scheduled again. */
void schedule(void);
void thread_yield(void);
/* The same because somebody else should run: a real-time thread stays before its equals. */
void thread_reschedule(void);
/* Make a SLEEPING thread runnable; true if it was. Context: any, interrupts in any state. */
bool thread_unblock(struct thread *t);
/* A signal for t: end its wait if the wait may be interrupted so. Set t->work first. */
void thread_interrupt(struct thread *t);
/* If t runs on another processor, make it pass through the kernel soon (t->work). Context: any. */
void thread_kick(struct thread *t);
/* True if the current wait mode would be ended by what is pending in current()->work. */
bool thread_interrupted(unsigned how);

/* Sleep until the deadline: 0, or -EINTR when `how` allows it. Context: process. */
int thread_sleep_until(nsec_t deadline, unsigned how);

void thread_set_nice(struct thread *t, int nice);
/* own_priority: 1..99 for FIFO and RR, else 0. */
void thread_set_policy(struct thread *t, enum thread_policy policy, unsigned own_priority);
/* Run with this real-time priority at least (0: with its own), whatever the policy. Context: any;
 * calls for one thread are serialised by the caller. */
void thread_lend_priority(struct thread *t, unsigned priority);

/* Processor time of a thread so far, the running stretch included; and how it divides. */
nsec_t thread_runtime_ns(struct thread *t);
void thread_times(struct thread *t, nsec_t *user, nsec_t *system);
/* Mark THREAD_WORK_CPU_TIME when t has run `left` longer; NEVER: do not. Context: any. */
void thread_set_budget(struct thread *t, nsec_t left);

/* The stretch in the kernel ends, on the way to user mode or at a switch. Interrupts off. */
static inline void thread_leaves_kernel(struct thread *t)
{
	struct cpu *c = this_cpu();

	WRITE_ONCE(t->system_cycles, t->system_cycles + cpu_cycles() - c->kernel_since);
	WRITE_ONCE(c->kernel_since, 0);
}
/* Change the processors t may use (MAX_CPUS bits); false if none of them exists. */
bool thread_set_affinity(struct thread *t, const unsigned long *cpus);

/* Runnable and running threads over all processors, and load averages << 11: /proc/loadavg. */
void sched_load(unsigned *runnable, unsigned *total, uint64_t loads[3]);

#endif
