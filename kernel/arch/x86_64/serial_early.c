/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's serial port (COM1) from the first instruction on, by polling: what the log and
 * panic write to. A driver runs the same port by interrupts later and shares the lock.
 */
#include "serial_early.h"

#include <arch/console.h>
#include <arch/io.h>
#include <base/panic_arch.h>
#include <base/spinlock.h>

#define COM1	       0x3f8
#define LINE_STATUS    5
#define TRANSMIT_EMPTY 0x20

struct spinlock console_port_lock = SPINLOCK_INIT(LOCK_CONSOLE);

bool console_port_is(uint32_t io_base)
{
	return io_base == COM1;
}

/* A port that is not there reads as all ones, so nothing waits for it; the loop is bounded all the
 * same. */
static void put(char c)
{
	for (unsigned i = 0; i < 1000000; i++) {
		if (io_read8(COM1 + LINE_STATUS) & TRANSMIT_EMPTY)
			break;
		cpu_relax();
	}
	io_write8(COM1, (uint8_t)c);
}

void serial_early_write(const char *text, size_t len)
{
	bool dying = panic_in_progress(); /* the lock's holder may have been stopped */
	uint64_t flags = 0;

	if (!dying)
		flags = spin_lock_irq(&console_port_lock);
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
	if (!dying)
		spin_unlock_irq(&console_port_lock, flags);
}
