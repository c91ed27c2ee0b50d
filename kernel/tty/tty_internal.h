/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of this folder only. */
#ifndef TTY_TTY_INTERNAL_H
#define TTY_TTY_INTERNAL_H

#include <base/types.h>

struct tty;

/* The session that has the terminal, if any, has it no more. tty->lock held. */
void tty_disown(struct tty *tty);

/* /dev/tty and /dev/console. */
int tty_register_aliases(void);

#endif
