/* SPDX-License-Identifier: BSD-2-Clause */
/* For banos-host: threads, clock and waits, as far as the loader uses them. See task.c. */
#ifndef HOST_THREAD_H
#define HOST_THREAD_H

#include <base/types.h>

#define WAIT_UNINTERRUPTIBLE 0u

struct thread;
/* Never the same for two that run at once. */
struct thread *current(void);

nsec_t clock_mono_ns(void);
int thread_sleep_until(nsec_t deadline, unsigned how);

#endif
