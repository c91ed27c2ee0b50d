/* SPDX-License-Identifier: BSD-2-Clause */
/* A call put off until after a grace period: embedded in what is to be freed (sched/epoch.h). */
#ifndef BASE_DEFERRED_H
#define BASE_DEFERRED_H

struct epoch_head {
	struct epoch_head *next;
	void (*fn)(struct epoch_head *head);
};

#endif
