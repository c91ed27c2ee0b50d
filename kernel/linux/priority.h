/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may change how others are scheduled. In sys_priority.c. */
#ifndef LINUX_PRIORITY_H
#define LINUX_PRIORITY_H

#include <base/types.h>

struct process;
struct thread;

/* RLIMIT_NICE of p lets it have this level. */
bool nice_allowed(struct process *p, int nice);
/* The caller's effective user is the thread's real or effective one. */
bool same_owner(struct thread *t);
/* That, or CAP_SYS_NICE. */
bool may_schedule(struct thread *t);

#endif
