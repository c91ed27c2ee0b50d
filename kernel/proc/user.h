/* SPDX-License-Identifier: BSD-2-Clause */
/* What the processes of one user have together: counts against limits. */
#ifndef PROC_USER_H
#define PROC_USER_H

#include <base/types.h>

struct user;

/* One more queued signal: NULL when that is above the limit, or no memory. Context: any. */
struct user *user_charge_signal(uint32_t uid, uint64_t limit);
void user_uncharge_signal(struct user *u); /* NULL is allowed */

#endif
