/* SPDX-License-Identifier: BSD-2-Clause */
/* Codes of calls that a signal cut short, as Linux numbers them: never seen by programs. */
#ifndef LINUX_RESTART_H
#define LINUX_RESTART_H

#include <lib/errno.h>
#include <proc/signal.h>

static inline bool is_restart(int64_t r)
{
	return r == -ERESTARTSYS || r == -ERESTARTNOINTR || r == -ERESTARTNOHAND ||
	       r == -ERESTART_RESTARTBLOCK;
}

#endif
