/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PROC_OOM_H
#define PROC_OOM_H

struct process;

#define OOM_ADJUST_NEVER (-1000) /* process->oom_adjust: is never ended for its memory */

void oom_init(void);
/* As /proc/PID/oom_score shows it: 0 to 2000, about 667 for one that uses next to nothing. */
unsigned process_oom_score(struct process *p);
/*
 * Free the memory of a process that is ending, without waiting for its threads. 0, -ESRCH: it has
 * none, -EINVAL: it does not end, or somebody who does not has the same memory. Context: process.
 */
int process_release_memory(struct process *p);

#endif
