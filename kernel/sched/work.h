/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work for process context, submitted from anywhere. A queue does its work in order of submission,
 * in one kernel thread. What others wait behind must be short, so that there are several for all:
 *
 *	the system's		short work, which waits for nobody and calls no driver
 *	work_release_queue	gives up what programs had: files among it, and so a driver's close,
 *				which may take as long as the driver likes
 *	work_driver_queue	drivers' functions for which there is no better thread:
 *				sched/banos_queue.h
 */
#ifndef SCHED_WORK_H
#define SCHED_WORK_H

#include <base/types.h>
#include <lib/list.h>

struct work_queue;

extern struct work_queue *const work_release_queue, *const work_driver_queue;

struct work {
	struct list link;	   /* [queue lock] */
	void (*fn)(struct work *); /* [I] may free the work */
	struct work_queue *queue;  /* [I] */
	uint32_t pending;	   /* [a] queued and not yet started */
};

/* Work for the system's queue. */
void work_init(struct work *w, void (*fn)(struct work *));
/* Work for another queue. */
void work_init_for(struct work *w, struct work_queue *queue, void (*fn)(struct work *));
/* False if it was already pending. Context: any. */
bool work_submit(struct work *w);
/* Take it back: true if it was pending, so that it will not run for that submission. Context: any.
 */
bool work_cancel(struct work *w);
/* Wait until the work is neither pending nor running. Context: process. */
void work_flush(struct work *w);

/* A queue with a thread of its own; NULL when memory is out. Context: process. */
struct work_queue *work_queue_create(const char *name);
/* Nothing is pending or running, or will be submitted. Context: process, not from its work. */
void work_queue_destroy(struct work_queue *q);

#endif
