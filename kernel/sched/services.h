/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SCHED_SERVICES_H
#define SCHED_SERVICES_H

/* Start the kernel threads for grace periods and for work. */
void epoch_start(void);
void work_start(void);
/* /proc/banos/messages, at boot. */
void message_init(void);

#endif
