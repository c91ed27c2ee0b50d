/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts of what a system call does to memory that others may use, in the counting kernel
 * (build/count; base/count.c says how). Everywhere else all of it is nothing.
 */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#include <base/types.h>

struct counts {
	uint32_t locked; /* read-modify-writes, full fences and stores that act as one */
	uint32_t shared; /* those of them on memory that is not the thread's or processor's own */
	uint32_t writes; /* all writes to such memory, `shared` among them */
	uint32_t spins;	 /* spinlocks taken */
};

struct stats_node;
struct thread;

#define COUNT_FAULT  512 /* beyond all numbers of calls: a page fault of the program */
#define COUNT_EVENTS 513

#if CONFIG_COUNT
/* Count what this thread does (NULL: nobody any more); what was gathered before is forgotten. */
void count_thread(struct thread *t);
/* One event from begin to end, on the thread that is counted; they nest. */
struct counts count_begin(void);
void count_end(struct counts began, unsigned event);
/* The least of one event of the kind, and how many there were: false if none. */
bool count_least(unsigned event, struct counts *out, uint32_t *times);
void count_spinlock(void);
#else
static inline struct counts count_begin(void)
{
	return (struct counts){0};
}
static inline void count_end(struct counts began, unsigned event)
{
	(void)began, (void)event;
}
static inline void count_spinlock(void)
{
}
#endif

#endif
