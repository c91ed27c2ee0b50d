/* SPDX-License-Identifier: MIT */
/*
 * Threads in the kernel. Interface "banos.core". A thread runs one function; it ends when that
 * returns. Who made it stops it: the function looks at banos_thread_should_stop() between two
 * pieces of work, and waits interruptibly, so that a stop is noticed at once.
 */
#ifndef BANOS_THREAD_H
#define BANOS_THREAD_H

#include <banos/driver.h>

typedef struct Banos_Thread Banos_Thread;
typedef void (*Banos_Thread_Function)(void *ctx);

BANOS_API_BEGIN

/*
 * A running thread in *thread; 15 bytes of the name are shown. flags: 0. 0; -EINVAL; -ENOMEM. It
 * must be destroyed, also when its function has returned. Context: may sleep. Since 0.9.
 */
int32_t banos_thread_create(Banos_Driver *driver, const char *name, Banos_Thread_Function function,
			    void *ctx, uint32_t flags, Banos_Thread **thread);
/* 1 in a thread of a driver that is being stopped, else 0. Context: any. Since 0.9. */
int32_t banos_thread_should_stop(void);
/*
 * Ask it to stop, wait until its function has returned, and free it. From then on its interruptible
 * waits end with -EINTR. NULL is allowed; -EDEADLK from the thread itself. Context: may sleep.
 * Since 0.9.
 */
int32_t banos_thread_destroy(Banos_Thread *thread);

BANOS_API_END

#endif
