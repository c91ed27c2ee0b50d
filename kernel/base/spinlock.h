/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks: ticket locks of four bytes, first come first served, with the class of the lock for
 * the order checker (base/lockcheck.c). Taking one disables preemption. Locks that interrupt
 * handlers take (class flag IRQ) must be taken with interrupts disabled.
 *
 * The tickets are two bytes in one 16-bit word: the high byte is the next ticket, the low one
 * the ticket being served. Bytes suffice because at most MAX_CPUS < 256 processors wait.
 *
 * In a virtual machine the host may take the processor away whose ticket is served, and all that
 * come after it wait for the host's scheduler, hand-over by hand-over: with more virtual processors
 * than real ones a busy lock all but stops. There, whoever finds the lock free takes it
 * (spin_unfair); it takes a ticket all the same, so that both ways may meet on one lock.
 */
#ifndef BASE_SPINLOCK_H
#define BASE_SPINLOCK_H

#include <arch/cpu.h>
#include <base/count.h>
#include <base/lockcheck.h>
#include <base/percpu.h>

struct spinlock {
	uint16_t tickets; /* [a] next << 8 | serving */
	uint16_t class;	  /* [I] enum lock_class */
};

#define SPINLOCK_INIT(cls)                   \
	{                                    \
		.tickets = 0, .class = (cls) \
	}

static inline void spin_init(struct spinlock *l, enum lock_class class)
{
	*l = (struct spinlock)SPINLOCK_INIT(class);
}

extern bool spin_unfair; /* [I once the boot processor's features are known] */

/* Waits until the word serves `ticket`; out of line: the uncontended path does not come here. */
void spin_wait(struct spinlock *l, uint8_t ticket);
/* Takes the lock as soon as it is seen free, before whoever waits longer. */
void spin_lock_unfair(struct spinlock *l);

/* Takes the lock if it is free, and says so; preemption is disabled. */
static inline bool spin_take_free(struct spinlock *l)
{
	uint16_t was = __atomic_load_n(&l->tickets, __ATOMIC_RELAXED);

	return (uint8_t)(was >> 8) == (uint8_t)was &&
	       __atomic_compare_exchange_n(&l->tickets, &was, (uint16_t)(was + 0x100), false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void spin_lock(struct spinlock *l)
{
	uint16_t was;

	preempt_disable();
	lockcheck_acquire(l->class, l, LOCKCHECK_SPIN);
	count_spinlock();
	if (spin_unfair) {
		spin_lock_unfair(l);
		return;
	}
	was = __atomic_fetch_add(&l->tickets, 0x100, __ATOMIC_ACQUIRE);
	if (unlikely((uint8_t)(was >> 8) != (uint8_t)was))
		spin_wait(l, was >> 8);
}

static inline bool spin_trylock(struct spinlock *l)
{
	preempt_disable();
	if (spin_take_free(l)) {
		lockcheck_acquire(l->class, l, LOCKCHECK_SPIN | LOCKCHECK_TRY);
		count_spinlock();
		return true;
	}
	preempt_enable();
	return false;
}

/* Only the holder writes the low byte, so a plain byte store with release order is enough. */
static inline void spin_unlock_noresched(struct spinlock *l)
{
	uint8_t *serving = (uint8_t *)&l->tickets;

	lockcheck_release(l->class, l, LOCKCHECK_SPIN);
	__atomic_store_n(serving, (uint8_t)(*serving + 1), __ATOMIC_RELEASE);
}

static inline void spin_unlock(struct spinlock *l)
{
	spin_unlock_noresched(l);
	preempt_enable();
}

/* The interrupt-safe pair: returns the interrupt state to hand to the unlock. */
static inline uint64_t spin_lock_irq(struct spinlock *l)
{
	uint64_t flags = irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irq(struct spinlock *l, uint64_t flags)
{
	spin_unlock_noresched(l);
	irq_restore(flags);
	preempt_enable();
}

static inline bool spin_is_locked(const struct spinlock *l)
{
	uint16_t t = __atomic_load_n(&l->tickets, __ATOMIC_RELAXED);

	return (uint8_t)(t >> 8) != (uint8_t)t;
}

#endif
