/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate between the kernel and a driver's code. Two things happen there.
 *
 * Keeping count. The code of a driver must not go while somebody is in it, or may come. What a
 * driver has made itself (a timer, an interrupt, a thread) ends synchronously when it is
 * destroyed, so it needs no count, and goes on during the driver's own uninit, which may need it.
 * What comes from outside is kept out by one of
 *   - owner_hold(): something refers to the driver for longer (an open file, a mapping, another
 *     driver); it cannot be removed meanwhile, and calls that belong to such a hold cost nothing;
 *   - gate_enter() .. gate_leave(): a call that comes out of the blue (the text of a node).
 * Both fail once the gate is closed. Objects that a driver may unregister while programs use them
 * have a gate of their own, which their unregistration closes.
 *
 * Looking at what comes back. Each call is between gate_call_begin() and gate_call_end(), or
 * in GATE_CALL: a driver that returns with interrupts off, with the direction flag set or with a
 * lock is named in the log at once, and the state is put right as far as can be, instead of a hang
 * much later and far away.
 *
 * Closing: `closed` is set, and after a grace period every call that did not see it has counted
 * itself in. A processor counts calls that enter and calls that leave on it apart; since
 * what has left is added up before what has entered, equal sums mean that nobody was inside.
 *
 * Rejected: one atomic counter of calls (a shared cache line in every call), a reference for each
 * call in a file (the file holds the driver already).
 */
#ifndef SCHED_GATE_H
#define SCHED_GATE_H

#include <base/owner.h>
#include <base/types.h>

/*
 * What a driver's callback may return as an error. The kernel's own results, which restart system
 * calls, begin above; a driver must not make one up.
 */
#define DRIVER_MAX_ERRNO 511

struct gate_call {
	uint32_t preempt; /* preempt_count() */
	uint32_t locks;	  /* sleeping locks of drivers that the thread holds */
	bool irq;	  /* interrupts are enabled */
	uint32_t spins;	  /* spinlocks held, as the lock checker knows */
	uint32_t held;	  /* sleeping locks held, likewise */
};

/* An open gate. 0 or -ENOMEM. Context: any. */
int gate_init(struct gate *g);
void gate_fini(struct gate *g);

/* A thread's way through a gate, on its stack. */
struct gate_pass {
	struct gate *gate;
	struct gate_pass *outer; /* the thread is inside that one, too */
};

/* False: what is behind it is going, answer -ENODEV. Context: process. */
bool gate_enter(struct gate *g, struct gate_pass *pass);
void gate_leave(struct gate_pass *pass);
/* Is the current thread inside? */
bool gate_is_inside(const struct gate *g);
/* For good: when it returns nobody is inside, and nobody gets in. Context: process, not inside. */
void gate_shut(struct gate *g);

/* Until owner_drop() the driver is not removed. False: it is going. Context: any. */
bool owner_hold(struct owner *o);
void owner_drop(struct owner *o);

/*
 * What a driver makes in its init is visible at once, but programs come in when the init is over:
 * if it fails, nobody is inside who would have to be waited for. In the installation: it begins, it
 * is over.
 */
void owner_starts(struct owner *o);
void owner_started(struct owner *o, bool good);
/*
 * For a program that holds the owner and is inside none of its gates: wait until its init is over.
 * 0; -ENODEV: it has failed; -EINTR. Context: process.
 */
int owner_await_start(struct owner *o);
/* For those who cannot wait. */
static inline bool owner_is_ready(const struct owner *o)
{
	return __atomic_load_n(&o->start, __ATOMIC_ACQUIRE) == OWNER_READY;
}

void gate_call_begin(struct gate_call *call);
/* `what` is what was called, for the message. True: the driver broke a rule. */
bool gate_call_end(struct owner *o, const struct gate_call *call, const char *what);

/* Evaluates `expression`, a call of the driver, and looks at what it leaves behind. */
#define GATE_CALL(owner, what, expression)                   \
	({                                                   \
		struct gate_call call_;                      \
		gate_call_begin(&call_);                     \
		__typeof__(expression) result_ = expression; \
		gate_call_end(owner, &call_, what);          \
		result_;                                     \
	})
/* The same for functions that return nothing. */
#define GATE_CALL_VOID(owner, what, expression)     \
	do {                                        \
		struct gate_call call_;             \
		gate_call_begin(&call_);            \
		expression;                         \
		gate_call_end(owner, &call_, what); \
	} while (0)

/*
 * Let nobody in any more, and see that nobody is inside. -EBUSY when somebody is or the driver is
 * held: the gate is open again then. Context: process.
 */
int owner_close(struct owner *o);
/* Undo owner_close. */
void owner_open(struct owner *o);
/*
 * For good, of an owner whose objects are gone: waits until those who had come in through them
 * have left. Context: process.
 */
void owner_shut(struct owner *o);

#endif
