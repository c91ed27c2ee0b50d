/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TTY_SERIAL_H
#define TTY_SERIAL_H

/* Finds the serial ports of a PC and makes terminals of them. 0 or -errno. Context: process. */
int serial_init(void);

struct tty;

/* The terminal of ttyS<index>, or NULL. */
struct tty *serial_tty(unsigned index);

#define SERIAL_PORTS 4

#endif
