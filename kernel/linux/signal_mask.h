/* SPDX-License-Identifier: BSD-2-Clause */
/* A signal mask for the time of one call: ppoll, pselect6, epoll_pwait. In sys_signal.c. */
#ifndef LINUX_SIGNAL_MASK_H
#define LINUX_SIGNAL_MASK_H

#include <base/types.h>

/* Install the program's mask; address 0: none, nothing changes. 0, -EINVAL (size), -EFAULT. */
int signal_mask_enter(uaddr_t mask, size_t size);
/*
 * The call is over. interrupted: a signal ended it, so the old mask comes back only after that
 * signal's handler has been set up (it must see the mask of the call).
 */
void signal_mask_leave(bool interrupted);

#endif
