/* SPDX-License-Identifier: BSD-2-Clause */
/* What poll and select have in common. */
#ifndef LINUX_POLL_ARGS_H
#define LINUX_POLL_ARGS_H

#include <base/types.h>

#define POLL_FEW 16 /* an array of so many is on the stack */

/* Of poll_until(), as a call returns it: how a wait that a signal ended is restarted. */
int64_t poll_result(int r);
/* The time left, for calls that report it. Failing to write it is no error, as on Linux. */
void put_time_left(uaddr_t uts, nsec_t deadline);

#endif
