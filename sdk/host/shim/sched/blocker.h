/* SPDX-License-Identifier: BSD-2-Clause */
/* For banos-host: waiting for each other. Each wake-up is counted, and who waits looks again. */
#ifndef HOST_BLOCKER_H
#define HOST_BLOCKER_H

#include <sched/thread.h>

struct blocker {
	uint64_t wakes;
};

#define BLOCKER_INIT(class) \
	{                   \
		0           \
	}

static inline void blocker_wake_all(struct blocker *b)
{
	b->wakes++;
}

/* Until it is woken. */
void blocker_wait(struct blocker *b);

/* Waits without an end only, and without signals. */
#define WAIT_UNTIL(b, condition, deadline, how) \
	({                                      \
		(void)(deadline), (void)(how);  \
		while (!(condition))            \
			blocker_wait(b);        \
		0;                              \
	})

#endif
