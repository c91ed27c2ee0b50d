/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For banos-host: the loader's mutexes. Whoever has one calls no function that gives way to other
 * tasks, or is the only task that wants it (the script, which installs and removes), so that they
 * have nothing to do.
 */
#ifndef HOST_MUTEX_H
#define HOST_MUTEX_H

#include <base/types.h>

struct mutex {
	uint32_t unused;
};

/* The classes of locks are the kernel's; their names are not looked at. */
#define MUTEX_INIT(class) \
	{                 \
		0         \
	}

static inline void mutex_lock(struct mutex *m)
{
	(void)m;
}

static inline bool mutex_trylock(struct mutex *m)
{
	(void)m;
	return true;
}

static inline void mutex_unlock(struct mutex *m)
{
	(void)m;
}

#endif
