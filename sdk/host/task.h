/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks: whatever runs driver code in banos-host. Each has a stack of its own in the one thread of
 * the process. Another one goes on only in calls of the ABI and where a task waits, never
 * elsewhere, so that one seed is one order of events. The sanitizer is told of every change of
 * stacks.
 *
 *	READY	 runs, or has given way and may run
 *	BLOCKED	 waits for a condition, a point in time, or a signal
 *	ENDED	 its function has returned
 *
 * Time is virtual: a call of the ABI takes about a microsecond, and when nobody can run the clock
 * jumps to the next deadline. When there is none, everybody waits for ever: that is told, with who
 * waits for what.
 *
 * Processors are modelled as far as a driver can tell: a task with a spinlock, in an epoch section
 * or in an interrupt stays on its processor, on which nobody else runs meanwhile. All
 * others change processors whenever they run.
 *
 * A wait is a condition that is looked at whenever somebody is to be chosen. There are few tasks,
 * so that no queues of waiters are needed, and no wake-up can be forgotten.
 *
 * Rejected: a thread for each, of which one runs at a time (a debugger would show them all, but
 * each change waits for the system's scheduler: a hundred times slower on a busy machine); real
 * parallelism (not repeatable).
 */
#ifndef HOST_TASK_H
#define HOST_TASK_H

#include <base/types.h>
#include <lib/compiler.h>
#include <lib/list.h>

#define TASK_CALLS_MAX 32 /* calls of the ABI inside one another */
#define TASK_HELD_MAX  32 /* locks of drivers at a time */

struct gate_pass;
struct Banos_Thread;

enum task_state { TASK_READY, TASK_BLOCKED, TASK_ENDED };

/* Waits for things to do whenever there is nothing: nobody need hear of it. */
#define TASK_SERVICE 1u

/* A lock that a task holds. */
struct task_held {
	const void *lock;
	unsigned class; /* order.c */
};

struct task {
	struct list link;
	char name[32];
	unsigned flags;
	enum task_state state;
	uint8_t *stack; /* the lowest usable byte */
	size_t stack_size;
	uintptr_t sp;	  /* while another runs */
	void *fake_stack; /* the sanitizer's */
	void (*function)(void *arg);
	void *arg;

	/* What it waits for. */
	bool (*ready)(const void *on);
	const void *on;
	nsec_t deadline;
	bool interruptible;
	bool interrupted; /* a signal has come; stays */
	char waits_for[96];

	/* What it has entered. */
	uint32_t cpu;
	uint32_t spins, epochs; /* spinlocks held, epoch sections */
	uint64_t epoch_since;	/* number of the outermost section */
	bool irq_off;
	bool interrupt;	      /* it is one */
	bool deferred;	      /* in a deferred call */
	bool registers_only;  /* it holds what the kernel's log waits for */
	const char *no_sleep; /* why else it must not, or NULL */
	struct task_held held[TASK_HELD_MAX];
	unsigned held_count;
	uint32_t driver_locks; /* mutexes and read-write locks held */
	uint32_t uid, gid;     /* of a program; a task has those of whoever makes it */
	int32_t process;
	struct gate_pass *gates;
	struct Banos_Thread *driver_thread;
	const void *irq_scope; /* of a driver's interrupt: what that is taken back with */
	/* Calls of the ABI that it is in, and from where; behind them the last one that is over. */
	struct {
		const char *name;
		uintptr_t from;
	} calls[TASK_CALLS_MAX];
	unsigned call_count;
};

extern struct list tasks; /* all that have not ended and been freed */

/* How everything is ordered. */
struct task_options {
	uint64_t seed; /* 0: no interruptions, in order of arrival */
	uint32_t cpus;
	nsec_t patience; /* virtual time after which the main task waits for ever */
};

/* The calling thread becomes the main task. */
void task_begin(const struct task_options *options);
struct task *task_self(void);

/* Ready to run. It is freed by task_join(). */
struct task *task_create(const char *name, void (*function)(void *arg), void *arg, unsigned flags);
/* Wait until its function has returned, and free it. */
void task_join(struct task *t);
/* A signal: its interruptible waits end, now and later. */
void task_interrupt(struct task *t);

/* Somebody else may run here. */
void task_point(void);
/*
 * Wait until ready(on), which must not change anything. 0, -ETIMEDOUT at the deadline, -EINTR.
 * what: for the report of who waits for what.
 */
int task_wait(bool (*ready)(const void *on), const void *on, nsec_t deadline, bool interruptible,
	      const char *what, ...) __printf_like(5, 6);

/* Wait until nobody else can run as things are. No time passes but what they need. */
void task_settle(void);

nsec_t task_now(void);
/* Time passes while the task is busy. */
void task_busy(nsec_t ns);
/* When something is due that no task waits for by a deadline of its own: timer.c, pci.c, block.c.
 */
nsec_t timer_next(void);
nsec_t pci_next(void);
nsec_t block_next(void);

/* A random number of the seed; below `limit`, if that is not 0. */
uint64_t task_random(uint64_t limit);
/* Is the order of events one by chance? */
bool task_has_seed(void);

/* Why it must not sleep, or NULL. */
const char *task_atomic(const struct task *t);
/* It stays on its processor. */
static inline bool task_pinned(const struct task *t)
{
	return t->spins || t->epochs || t->irq_off || t->interrupt;
}

/* Who waits for what, on stderr. */
void task_show_all(void);

#endif
