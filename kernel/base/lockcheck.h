/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock checker. Every lock belongs to a class; base/lock_classes.def lists the classes, one a
 * line, in the order in which they may be taken (outermost first). In test builds every
 * acquisition is checked against the locks already held: a class taken after a later one, a
 * sleep with a spinlock held, a lock of interrupt handlers taken with interrupts enabled, are
 * panics that name both locks. In release builds all of it compiles to nothing.
 */
#ifndef BASE_LOCKCHECK_H
#define BASE_LOCKCHECK_H

#include <base/types.h>

enum lock_class {
	LOCK_NONE, /* a lock that was never initialised */
#define LOCK_CLASS(name, flags, why) LOCK_##name,
#include <base/lock_classes.def>
#undef LOCK_CLASS
	LOCK_CLASS_COUNT
};

/* Class flags in lock_classes.def. */
#define LOCKF_SPIN  1 /* a spinlock */
#define LOCKF_SLEEP 2 /* a mutex or rwlock: may sleep */
#define LOCKF_IRQ   4 /* also taken by interrupt handlers: interrupts must be off */
#define LOCKF_NEST  8 /* several of the class at once: the owner documents the order */

#define LOCKCHECK_SPIN	1
#define LOCKCHECK_SLEEP 2
#define LOCKCHECK_TRY	4 /* cannot deadlock, so the order is not checked, but it is recorded */

#define LOCKCHECK_DEPTH 16

/* Locks held by one thread (sleeping ones) or one processor (spinlocks), oldest first. */
struct lockcheck {
	unsigned depth;
	struct {
		uint16_t class;
		const void *lock;
		uintptr_t where;
	} held[LOCKCHECK_DEPTH];
};

#if CONFIG_LOCKCHECK
void lockcheck_acquire(unsigned class, const void *lock, unsigned flags);
void lockcheck_release(unsigned class, const void *lock, unsigned flags);
/* Panics when a spinlock is held or in an interrupt handler: called wherever a thread may sleep. */
void lockcheck_might_sleep(void);
/* Forget all but the first `depth` locks: of a driver that has returned with them. */
void lockcheck_trim_spin(unsigned depth);
void lockcheck_trim_sleep(unsigned depth);
/* Where the current thread's sleeping locks are recorded; set once by sched/. */
extern struct lockcheck *(*lockcheck_thread)(void);
#else
static inline void lockcheck_acquire(unsigned class, const void *lock, unsigned flags)
{
	(void)class, (void)lock, (void)flags;
}
static inline void lockcheck_release(unsigned class, const void *lock, unsigned flags)
{
	(void)class, (void)lock, (void)flags;
}
static inline void lockcheck_might_sleep(void)
{
}
static inline void lockcheck_trim_spin(unsigned depth)
{
	(void)depth;
}
static inline void lockcheck_trim_sleep(unsigned depth)
{
	(void)depth;
}
#endif

#endif
