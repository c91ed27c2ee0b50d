/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread in which a driver's timers and its work without a queue of its own are run. */
#ifndef SCHED_BANOS_QUEUE_H
#define SCHED_BANOS_QUEUE_H

struct owner;
struct work_queue;

/*
 * The queue for functions of this driver, so that one driver's do not wait for another's. It is
 * made for the first who asks where a thread can be made; elsewhere (a spinlock is held, an
 * interrupt) all drivers share one. It stays until banos_queue_end(). 0 or -ENOMEM. Context: any.
 */
int banos_queue_of(struct owner *o, struct work_queue **out);
/* Nothing of the driver is in it, or will be. Context: process. */
void banos_queue_end(struct owner *o);

#endif
