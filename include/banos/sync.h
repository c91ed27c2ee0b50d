/* SPDX-License-Identifier: MIT */
/*
 * Locks and events. Interface "banos.core".
 *
 * The caller provides the storage, 64 bytes each, and calls init before the first use and fini
 * before the memory goes. `name` is a text that stays: it names the kind of lock (not the single
 * lock) in messages and for the checks of test builds and of banos-host.
 *
 *	mutex	   one holder; may sleep to get it, may sleep while holding it
 *	rwlock	   many readers or one writer; like a mutex otherwise
 *	spinlock   one holder; disables interrupts on this processor meanwhile; never sleep
 *	event	   a flag to wait for; set from anywhere, interrupts included
 *
 * A callback returns with as many locks held as it was called with: the kernel looks, and names the
 * driver that broke the rule. Nothing here can fail for want of memory.
 *
 * Order: take locks of one kind in an order of your own making, and mutexes and rwlocks before
 * spinlocks. Register and unregister devices and nodes with no lock held. While a spinlock is held
 * only functions of context "any" may be called.
 */
#ifndef BANOS_SYNC_H
#define BANOS_SYNC_H

#include <banos/types.h>

typedef struct Banos_Mutex {
	uint64_t storage[8];
} Banos_Mutex;
typedef struct Banos_Rwlock {
	uint64_t storage[8];
} Banos_Rwlock;
typedef struct Banos_Spinlock {
	uint64_t storage[8];
} Banos_Spinlock;
typedef struct Banos_Event {
	uint64_t storage[8];
} Banos_Event;

BANOS_SIZE(Banos_Mutex, 64);
BANOS_SIZE(Banos_Rwlock, 64);
BANOS_SIZE(Banos_Spinlock, 64);
BANOS_SIZE(Banos_Event, 64);

/* For time-outs: wait for ever. */
#define BANOS_FOREVER UINT64_MAX

/* A wait that a signal to the calling program, or banos_thread_destroy() of the calling thread,
 * ends. */
#define BANOS_WAIT_INTERRUPTIBLE 1u

/* The event is reset by the one waiter that it lets go; without the flag it stays set, and lets all
 * go, until it is reset. */
#define BANOS_EVENT_AUTO 1u

BANOS_API_BEGIN

/* Free, at first. The memory stays the caller's, and where it is, until fini. Context: any. Since
 * 0.9. */
void banos_mutex_init(Banos_Mutex *mutex, const char *name);
/* Wait until nobody else holds it, and take it. Who holds it already does not ask again. Context:
 * may sleep; no spinlock held. Since 0.9. */
void banos_mutex_lock(Banos_Mutex *mutex);
/* The same. 0; -EINTR (see BANOS_WAIT_INTERRUPTIBLE): not locked then. Context: may sleep; no
 * spinlock held. Since 0.9. */
int32_t banos_mutex_lock_interruptible(Banos_Mutex *mutex);
/* 1: locked, 0: somebody has it. Context: any but interrupts. Since 0.9. */
int32_t banos_mutex_trylock(Banos_Mutex *mutex);
/* By the thread that has locked it. Context: any but interrupts. Since 0.9. */
void banos_mutex_unlock(Banos_Mutex *mutex);
/* Nobody holds it or waits for it. The memory may go when it returns. Context: may sleep. Since
 * 0.9. */
void banos_mutex_fini(Banos_Mutex *mutex);

/* As for mutexes. Context: any. Since 0.9. */
void banos_rwlock_init(Banos_Rwlock *lock, const char *name);
/* Wait until nobody writes, or until nobody else has it. A reader does not ask again, nor for
 * writing. Context: may sleep; no spinlock held. Since 0.9. */
void banos_rwlock_read_lock(Banos_Rwlock *lock);
void banos_rwlock_write_lock(Banos_Rwlock *lock);
/* By the thread that has locked it, in the same way. Context: any but interrupts. Since 0.9. */
void banos_rwlock_read_unlock(Banos_Rwlock *lock);
void banos_rwlock_write_unlock(Banos_Rwlock *lock);
/* As for mutexes. Context: may sleep. Since 0.9. */
void banos_rwlock_fini(Banos_Rwlock *lock);

/* As for mutexes. Context: any. Since 0.9. */
void banos_spin_init(Banos_Spinlock *lock, const char *name);
/* Returns a token for the unlock that follows, on the same processor. Who holds it already does
 * not ask again. Context: any. Since 0.9. */
uint64_t banos_spin_lock(Banos_Spinlock *lock);
/* The token is what lock has returned; several are unlocked in reverse order. Context: any. Since
 * 0.9. */
void banos_spin_unlock(Banos_Spinlock *lock, uint64_t token);
/* Nobody holds it or waits for it. Context: any. Since 0.9. */
void banos_spin_fini(Banos_Spinlock *lock);

/* Not set, at first. The memory stays the caller's, and where it is, until fini. flags:
 * BANOS_EVENT_*. 0, or -EINVAL for an unknown flag. Context: any. Since 0.9. */
int32_t banos_event_init(Banos_Event *event, const char *name, uint32_t flags);
/* Set it: one waiter goes (AUTO), or all. Setting what is set changes nothing. Context: any.
 * Since 0.9. */
void banos_event_set(Banos_Event *event);
/* Nobody is let go until it is set again. Context: any. Since 0.9. */
void banos_event_reset(Banos_Event *event);
/*
 * Wait until it is set, at most `timeout_ns` (0: only look; BANOS_FOREVER). flags:
 * BANOS_WAIT_INTERRUPTIBLE. 0; -ETIMEDOUT; -EINTR; -EINVAL for an unknown flag. One that is
 * reset before those it has woken have run may let none of them go. Context: may sleep.
 * Since 0.9.
 */
int32_t banos_event_wait(Banos_Event *event, uint64_t timeout_ns, uint32_t flags);
/*
 * Nobody waits and nobody will set it. Returns when whoever set it last is done with it, so that
 * the memory may go: a waiter that frees the event must call this first. Context: may sleep.
 * Since 0.9.
 */
void banos_event_fini(Banos_Event *event);

BANOS_API_END

#endif
