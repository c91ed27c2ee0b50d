/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages between processors; message.c says how, and doc/messages.md what it costs. */
#ifndef SCHED_MESSAGE_H
#define SCHED_MESSAGE_H

#include <base/percpu.h>
#include <lib/bitmap.h>
#include <lib/mailbox.h>

/* What is pending: bits of a mailbox's word. */
#define MESSAGE_WAKE  1u /* need_resched, a thread's work or its slice is to be looked at */
#define MESSAGE_CALL  2u /* a struct message waits */
#define MESSAGE_FLUSH 4u /* translations are to be dropped: flush.c */
#define MESSAGE_TRACE 8u /* log where it is */

struct message {
	struct mailbox_item item;
	void (*fn)(void *arg);
	void *arg;
	uint32_t done; /* [a] set by the target when fn has returned */
};

/* Own processor, interrupts off. Others read them without order, for /proc/banos/messages. */
struct message_counts {
	uint64_t raised;	   /* bits set for other processors */
	uint64_t interrupts;	   /* interrupts that followed */
	uint64_t coalesced;	   /* none, because one was under way */
	uint64_t attended;	   /* none, because the target was looking */
	uint64_t flushes;	   /* invalidations that some other processor had to know of */
	uint64_t targets;	   /* those processors, added up */
	uint64_t flush_interrupts; /* interrupts for them */
	uint64_t lazy;		   /* targets left alone: they did not use the space */
	uint64_t idle;		   /* targets left alone: idle */
	uint64_t let_go;	   /* lazy targets asked after all, as page tables were freed */
	uint64_t ranges;	   /* ranges dropped here */
	uint64_t full;		   /* times that everything was dropped here instead */
	uint64_t late;		   /* waits above a millisecond */
	uint64_t wait_ns;	   /* time spent waiting for other processors */
};

/*
 * Run fn(arg) on the processors in the map (this one included if named) and wait until all have.
 * fn runs with interrupts off and must not wait. While waiting, the caller serves its own
 * mailbox. Context: process, or interrupts off with no spinlock held; not in interrupts.
 */
void message_call(const unsigned long *cpus, void (*fn)(void *arg), void *arg);
void message_call_all(void (*fn)(void *arg), void *arg);

/* Tell a processor; the sender does not wait. Context: any. */
void message_raise(struct cpu *c, uint32_t kind);

/* Every processor that answers interrupts logs a backtrace; nobody waits for it. Context: process.
 */
void message_backtrace_all(void);

#endif
