/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For banos-host: the kernel's spinlocks around lists of its own. One task runs at a time and gives
 * way only in calls of the ABI, so that they have nothing to do.
 */
#ifndef HOST_SPINLOCK_H
#define HOST_SPINLOCK_H

#include <base/types.h>

struct spinlock {
	uint32_t unused;
};

#define SPINLOCK_INIT(class) \
	{                    \
		0            \
	}
/* The classes of locks are the kernel's; their names are not looked at. */
#define spin_init(l, class) ((l)->unused = 0)

static inline void spin_lock(struct spinlock *l)
{
	(void)l;
}

static inline void spin_unlock(struct spinlock *l)
{
	(void)l;
}

static inline uint64_t spin_lock_irq(struct spinlock *l)
{
	(void)l;
	return 0;
}

static inline void spin_unlock_irq(struct spinlock *l, uint64_t flags)
{
	(void)l, (void)flags;
}

#endif
