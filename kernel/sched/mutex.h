/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeping locks. Context: process; not in interrupt handlers, not under spinlocks. */
#ifndef SCHED_MUTEX_H
#define SCHED_MUTEX_H

#include <sched/blocker.h>

/*
 * Mutual exclusion. Those who sleep get it in order of arrival. Newcomers may come between until
 * the oldest has been woken and runs.
 */
struct mutex {
	uintptr_t word; /* [a] the owner and who waits: see mutex.c */
	struct blocker waiters;
	uint16_t class; /* [I] enum lock_class */
};

#define MUTEX_INIT(cls)                                                                \
	{                                                                              \
		.word = 0, .waiters = BLOCKER_INIT(LOCK_MUTEX_WAITERS), .class = (cls) \
	}
void mutex_init(struct mutex *m, enum lock_class class);
void mutex_lock(struct mutex *m);
/* 0, or -EINTR when a signal came first. */
int mutex_lock_interruptible(struct mutex *m);
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_is_held(const struct mutex *m); /* by the current thread */

/*
 * Many readers or one writer. Those who sleep get it in order of arrival (readers that arrive
 * together go together). Newcomers may come between until the oldest has been woken and runs.
 */
struct rwlock {
	uint32_t state; /* [a] readers, WRITER, WAITERS: see rwlock.c */
	struct blocker waiters;
	struct thread *writer; /* [a] for assertions */
	uint16_t class;	       /* [I] */
};

void rwlock_init(struct rwlock *l, enum lock_class class);
void rwlock_read_lock(struct rwlock *l);
void rwlock_read_unlock(struct rwlock *l);
void rwlock_write_lock(struct rwlock *l);
void rwlock_write_unlock(struct rwlock *l);
bool rwlock_try_read_lock(struct rwlock *l);
bool rwlock_try_write_lock(struct rwlock *l);
/* Turn the writer into a reader without letting another writer in. */
void rwlock_downgrade(struct rwlock *l);
bool rwlock_is_write_held(const struct rwlock *l); /* by the current thread */

#endif
