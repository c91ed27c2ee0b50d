/* SPDX-License-Identifier: BSD-2-Clause */
/* Within sched/: what message.c, flush.c and the scheduler share. */
#ifndef SCHED_MESSAGE_INTERNAL_H
#define SCHED_MESSAGE_INTERNAL_H

#include <base/types.h>
#include <sched/message.h>

/* A processor's end of all this. The first line is written by all senders, the rest by its owner.
 */
struct mail {
	struct mailbox box;
	struct message_counts counts __aligned(CACHE_LINE); /* [own, interrupts off] */
	struct message slots[MAX_CPUS];			    /* for a sender that waits, by target */
};

/* 0 or -ENOMEM. */
int message_cpu_prepare(struct cpu *c);
int flush_cpu_prepare(struct cpu *c);

/* The same kind to all processors of the map but this one. Preemption off. Returns interrupts. */
unsigned message_raise_map(const unsigned long *cpus, uint32_t kind);

/*
 * While a thread waits awake others need not interrupt its processor: attend, then serve again and
 * again, then leave. Preemption off throughout; interrupts as they were.
 */
void message_attend(void);
void message_serve(void);
void message_leave(void);

/* The same for a wait for other processors, whose time is counted. */
struct message_wait {
	nsec_t since;
};
void message_wait_begin(struct message_wait *w);
void message_wait_end(struct message_wait *w);

/* Drop what others have asked this processor to drop. Interrupts off. */
void flush_drain(void);
/* Likewise, if there is anything; after leaving a state in which it was not asked at once. */
void flush_owed(struct cpu *c);

#endif
