/* SPDX-License-Identifier: MIT */
/*
 * Timers. A timer calls a function at a point in time of the monotonic clock, once or again and
 * again. Created by banos_timer_create, ended by banos_timer_destroy: the only two that change
 * who owns it. Nothing is leaked into the time after the driver: what it forgets is destroyed
 * before its code goes.
 */
#ifndef BANOS_TIMER_H
#define BANOS_TIMER_H

#include <banos/driver.h>

typedef struct Banos_Timer Banos_Timer;
typedef void (*Banos_Timer_Function)(void *ctx);

/*
 * Call the function in the timer interrupt itself: precise, but it must be short and must not
 * sleep. Without the flag it is called by a kernel thread and may sleep; the driver's other timers,
 * and its work without a queue, wait meanwhile. Either way there is at most one call of a timer at
 * a time.
 */
#define BANOS_TIMER_INTERRUPT 1u

/* The shortest period. */
#define BANOS_TIMER_PERIOD_MIN 100000u

BANOS_API_BEGIN

/*
 * A new timer in *timer, not armed. 0; -EINVAL for an unknown flag, a NULL
 * pointer or what is no driver; -ENOMEM.
 * Context: any. Since 0.9.
 */
int32_t banos_timer_create(Banos_Driver *driver, Banos_Timer_Function function, void *ctx,
			   uint32_t flags, Banos_Timer **timer);

/*
 * Call at `deadline_ns`, at once if that is past; then every `period_ns` (0: never again),
 * leaving out what was missed. The kernel may be late by `slack_ns` in order to do several things
 * at once. Arming an armed timer moves it. 0; -EINVAL for a period below the minimum; -ESHUTDOWN
 * while it is being cancelled or destroyed. Context: any. Since 0.9.
 */
int32_t banos_timer_arm(Banos_Timer *timer, uint64_t deadline_ns, uint64_t period_ns,
			uint64_t slack_ns);

/*
 * Disarm, and wait for a call in progress: when it returns no call runs, and none will until the
 * timer is armed again. 1 if it was armed, 0 if not; -EDEADLK from the timer's own function.
 * Context: may sleep. Since 0.9.
 */
int32_t banos_timer_cancel_sync(Banos_Timer *timer);

/* Cancel as above and free the timer. 0 or -EDEADLK. NULL is allowed. Context: may sleep. Since
 * 0.9. */
int32_t banos_timer_destroy(Banos_Timer *timer);

BANOS_API_END

#endif
