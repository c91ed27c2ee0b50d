/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's serial port has two users: the log, which writes by polling in any context, and
 * the terminal on the same port (tty/serial.c). Whoever touches its registers holds this lock.
 */
#ifndef ARCH_CONSOLE_H
#define ARCH_CONSOLE_H

struct spinlock;

extern struct spinlock console_port_lock; /* class CONSOLE; interrupts off */

#endif
