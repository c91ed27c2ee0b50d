/* SPDX-License-Identifier: BSD-2-Clause */
/* Work for process context, submitted from anywhere, done in order by one kernel thread. */
#ifndef SCHED_WORK_H
#define SCHED_WORK_H

#include <base/types.h>
#include <lib/list.h>

struct work {
	struct list link;	   /* [work lock] */
	void (*fn)(struct work *); /* [I] may free the work */
	uint32_t pending;	   /* [a] queued and not yet started */
};

void work_init(struct work *w, void (*fn)(struct work *));
/* False if it was already pending. Context: any. */
bool work_submit(struct work *w);
/* Wait until the work is neither pending nor running. Context: process. */
void work_flush(struct work *w);

#endif
