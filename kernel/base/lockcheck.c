/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The lock checker (test builds). The order of all classes is total: it is the order of the lines
 * in lock_classes.def. So a check is a comparison with what is held, needs no graph, and finds an
 * inversion the first time either half of it runs, not only when both meet.
 *
 * Sleeping locks held are kept in the thread, spinlocks in the processor. Since every sleeping
 * class comes before every spinning one, a spinlock needs comparing with spinlocks only.
 * Locks taken by trylock cannot deadlock: they are recorded but not checked.
 */
#include "lockcheck.h"

#if CONFIG_LOCKCHECK

#include <arch/cpu.h>
#include <base/panic.h>
#include <base/percpu.h>
#include <lib/compiler.h>

static const struct {
	const char *name;
	unsigned flags;
} classes[] = {
	{"none", 0},
#define LOCK_CLASS(name, flags, why) {#name, flags},
#include <base/lock_classes.def>
#undef LOCK_CLASS
};

struct lockcheck *(*lockcheck_thread)(void);

static struct lockcheck *table_for(unsigned flags)
{
	if (flags & LOCKCHECK_SPIN)
		return &this_cpu()->locks;
	return lockcheck_thread ? lockcheck_thread() : NULL;
}

static void check_order(const struct lockcheck *t, unsigned class, const void *lock)
{
	for (unsigned i = 0; i < t->depth; i++) {
		unsigned held = t->held[i].class;

		if (t->held[i].lock == lock)
			panic("lock %s (%p) is taken twice; first at %p", classes[class].name, lock,
			      (void *)t->held[i].where);
		if (held > class)
			panic("lock order: %s is taken while %s is held (since %p); "
			      "lock_classes.def has them the other way round",
			      classes[class].name, classes[held].name, (void *)t->held[i].where);
		if (held == class && !(classes[class].flags & LOCKF_NEST))
			panic("lock order: two locks of class %s at once", classes[class].name);
	}
}

void lockcheck_acquire(unsigned class, const void *lock, unsigned flags)
{
	uint64_t irq = irq_save();
	struct lockcheck *t = table_for(flags);

	if (panic_quiet() || !t)
		goto out;
	if (!class || class >= LOCK_CLASS_COUNT)
		panic("lock %p has no class: it was never initialised", lock);
	if (!(flags & LOCKCHECK_TRY)) {
		if (flags & LOCKCHECK_SLEEP)
			lockcheck_might_sleep();
		check_order(t, class, lock);
	}
	if (classes[class].flags & LOCKF_IRQ && irq_state_enabled(irq))
		panic("lock %s is taken by interrupt handlers too, but interrupts are on here",
		      classes[class].name);
	if (flags & LOCKCHECK_SPIN && this_cpu()->irq_depth && !(classes[class].flags & LOCKF_IRQ))
		panic("lock %s is taken in an interrupt handler, but its class does not say so",
		      classes[class].name);
	if (t->depth == LOCKCHECK_DEPTH)
		panic("more than %d locks held at once", LOCKCHECK_DEPTH);
	t->held[t->depth].class = (uint16_t) class;
	t->held[t->depth].lock = lock;
	t->held[t->depth].where = (uintptr_t)__builtin_return_address(0);
	t->depth++;
out:
	irq_restore(irq);
}

void lockcheck_release(unsigned class, const void *lock, unsigned flags)
{
	uint64_t irq = irq_save();
	struct lockcheck *t = table_for(flags);

	if (panic_quiet() || !t)
		goto out;
	for (unsigned i = t->depth; i-- > 0;) {
		if (t->held[i].lock != lock)
			continue;
		for (t->depth--; i < t->depth; i++)
			t->held[i] = t->held[i + 1];
		goto out;
	}
	panic("lock %s (%p) is released but not held here",
	      class < LOCK_CLASS_COUNT ? classes[class].name : "?", lock);
out:
	irq_restore(irq);
}

void lockcheck_might_sleep(void)
{
	uint64_t irq = irq_save(); /* or we might move and look at another processor's locks */
	const struct lockcheck *t = &this_cpu()->locks;

	if (panic_quiet())
		goto out;
	if (t->depth)
		panic("sleeping with the spinlock %s held (since %p)",
		      classes[t->held[0].class].name, (void *)t->held[0].where);
	if (in_interrupt())
		panic("sleeping in an interrupt handler");
out:
	irq_restore(irq);
}

void lockcheck_trim_spin(unsigned depth)
{
	this_cpu()->locks.depth = min(this_cpu()->locks.depth, depth);
}

void lockcheck_trim_sleep(unsigned depth)
{
	struct lockcheck *l = lockcheck_thread ? lockcheck_thread() : NULL;

	if (l)
		l->depth = min(l->depth, depth);
}

#endif
