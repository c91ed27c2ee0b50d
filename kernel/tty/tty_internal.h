/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of this folder only. */
#ifndef TTY_TTY_INTERNAL_H
#define TTY_TTY_INTERNAL_H

#include <base/types.h>

/* /dev/tty and /dev/console. */
int tty_register_aliases(void);

#endif
