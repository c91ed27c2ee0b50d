/* SPDX-License-Identifier: BSD-2-Clause */
/* Device interrupts. Handlers run in hard interrupt context with interrupts disabled. */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include <stdbool.h>
#include <stdint.h>

typedef void (*irq_fn)(void *ctx);

/*
 * Attach a handler to a legacy (ISA) interrupt 0..15 or, with irq_attach_gsi, to a global system
 * interrupt. Several handlers of one line are called one after the other. The line is unmasked.
 * 0, -EINVAL for a line that does not exist, -ENOMEM. Context: process.
 */
int irq_attach_isa(unsigned irq, irq_fn fn, void *ctx);
int irq_attach_gsi(unsigned gsi, bool level, bool active_low, irq_fn fn, void *ctx);

#endif
