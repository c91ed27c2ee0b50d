/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages between processors: call a function there, in interrupt context.
 *
 * Each processor has a stack of messages that others push and it takes whole. The sender that
 * finds it empty raises the interrupt; a sender that finds messages there need not, because an
 * interrupt is under way for them, and the target takes all that is there when it comes. So no
 * message is left behind: the last push to a stack that the target has emptied finds it
 * empty and raises another.
 */
#ifndef SCHED_MESSAGE_H
#define SCHED_MESSAGE_H

#include <base/percpu.h>
#include <lib/bitmap.h>

struct message {
	struct message *next; /* [a] while queued */
	void (*fn)(void *arg);
	void *arg;
	uint32_t done; /* [a] set by the target when fn has returned */
};

/*
 * Run fn(arg) on the processors in the map (this one included if named) and wait until all have.
 * fn runs with interrupts off and must not wait. While waiting, the caller serves its own
 * queue. Context: process, or interrupts off with no spinlock held; not in interrupts.
 */
void message_call(const unsigned long *cpus, void (*fn)(void *arg), void *arg);
void message_call_all(void (*fn)(void *arg), void *arg);

#endif
