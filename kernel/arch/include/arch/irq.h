/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts, as the hardware sees them: vectors, which are what a processor is given, and
 * the lines of I/O interrupt controllers, which send them. Who shares a line, who is masked and who
 * runs where is kept above, in bus/irq.c.
 *
 * A vector has the same number on all processors, so that moving an interrupt is one write to
 * whoever sends it.
 */
#ifndef ARCH_IRQ_H
#define ARCH_IRQ_H

#include <base/types.h>

struct cpu;

struct irq_vector {
	/* Hard interrupt context, interrupts off; the controller is told when it returns. */
	void (*fn)(struct irq_vector *v);
	unsigned number;
};

/* fn is set. 0 or -ENOSPC. Context: any. */
int irq_vector_alloc(struct irq_vector *v);
/*
 * Nothing sends it any more; one that is on its way is ignored. fn may be running: the memory stays
 * for a grace period. Context: any.
 */
void irq_vector_free(struct irq_vector *v);
/* Let it arrive on that processor. Context: any. */
void irq_vector_raise(const struct irq_vector *v, const struct cpu *c);

/* How a line says that it asks. */
struct irq_mode {
	uint32_t gsi; /* number of the line: global system interrupt */
	bool level;   /* else: edge */
	bool active_low;
};

/* The line of a legacy (ISA) interrupt. False: there is none. Context: any. */
bool irq_isa_line(unsigned isa, struct irq_mode *out);
bool irq_line_exists(uint32_t gsi);
/* Send the vector to the processor; the line is masked afterwards. Context: any. */
void irq_line_route(const struct irq_mode *line, const struct irq_vector *v, const struct cpu *c);
/* An edge that comes while it is masked is lost. Context: any. */
void irq_line_mask(uint32_t gsi, bool masked);

/* What a device writes where (MSI), for the vector to arrive on that processor. Context: any. */
void irq_message(const struct irq_vector *v, const struct cpu *c, uint64_t *address,
		 uint32_t *data);

#endif
