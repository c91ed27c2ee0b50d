/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TTY_BANOS_TTY_H
#define TTY_BANOS_TTY_H

struct tty;

/*
 * The terminal that a driver has registered under this name, or the first one of all if name is
 * NULL; NULL when there is none. It stays for ever. Context: process.
 */
struct tty *banos_tty_find(const char *name);

#endif
