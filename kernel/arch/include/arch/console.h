/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's serial port has two users: the log, which writes by polling in any context, and
 * a terminal's driver on the same port. Whoever touches its registers holds this lock.
 */
#ifndef ARCH_CONSOLE_H
#define ARCH_CONSOLE_H

#include <base/types.h>

struct spinlock;

extern struct spinlock console_port_lock; /* class CONSOLE; interrupts off */

/* Is that the hardware whose data register is at this I/O port? Context: any. */
bool console_port_is(uint32_t io_base);

#endif
