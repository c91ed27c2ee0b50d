/* SPDX-License-Identifier: MIT */
/*
 * Work: functions to be called soon, in a thread, one after the other. Interface "banos.core".
 *
 * A queue has a thread of its own; what is submitted to it runs in order of submission, so no two
 * of its functions run at once. Without a queue (NULL) it is run by a thread that serves the
 * driver's other work without a queue, and its timers: for short work, since those wait behind it.
 */
#ifndef BANOS_WORK_H
#define BANOS_WORK_H

#include <banos/driver.h>

typedef struct Banos_Workqueue Banos_Workqueue;
typedef struct Banos_Work Banos_Work;
typedef void (*Banos_Work_Function)(void *ctx);

BANOS_API_BEGIN

/*
 * A new queue in *queue, shown as a thread of that name (15 bytes of it). flags: 0. 0; -EINVAL;
 * -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_workqueue_create(Banos_Driver *driver, const char *name, uint32_t flags,
			       Banos_Workqueue **queue);
/* Its work has been destroyed. NULL is allowed; -EDEADLK from work of its own, -EBUSY while there
 * is work for it. Context: may sleep. Since 0.9. */
int32_t banos_workqueue_destroy(Banos_Workqueue *queue);

/* Work for a queue (NULL: the driver's) in *work. 0; -EINVAL; -ENOMEM. Context: any. Since 0.9. */
int32_t banos_work_create(Banos_Driver *driver, Banos_Workqueue *queue,
			  Banos_Work_Function function, void *ctx, Banos_Work **work);
/*
 * Have it run. 1: submitted; 0: it was waiting already and will run once; -ESHUTDOWN: it is being
 * cancelled or destroyed. It may submit itself again. Context: any. Since 0.9.
 */
int32_t banos_work_submit(Banos_Work *work);
/* It does not wait and does not run when this returns. 1: it had been waiting; 0; -EDEADLK from its
 * own function. Context: may sleep. Since 0.9. */
int32_t banos_work_cancel_sync(Banos_Work *work);
/* Cancel, and free. NULL is allowed; -EDEADLK as above. Context: may sleep. Since 0.9. */
int32_t banos_work_destroy(Banos_Work *work);

BANOS_API_END

#endif
