/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' interrupts, for those in this folder that make them. */
#ifndef BUS_BANOS_IRQ_H
#define BUS_BANOS_IRQ_H

#include "irq.h"
#include <banos/irq.h>
#include <base/owner.h>

/*
 * A driver's interrupt from that source, not bound; scope as in base/owner.h. give_back(priv) is
 * called when it is freed; it has no handler then. 0 or -ENOMEM: give_back is not called then.
 * Context: process.
 */
int banos_irq_create(struct owner *owner, const void *scope, struct irq_source *source,
		     void (*give_back)(void *priv), void *priv, Banos_Irq **out);

#endif
