/* SPDX-License-Identifier: BSD-2-Clause */
/* Other processors. */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

struct cpu;

/* Start every processor firmware lists; reports and leaves out those that stay silent. */
void smp_start_all(void);
/* Raise the message interrupt on a processor. Context: any. */
void arch_send_message_interrupt(struct cpu *c);
/* The same on the n of the map, none of which is this one. Interrupts off. */
void arch_send_message_interrupts(const unsigned long *cpus, unsigned n);
/* Stop all others for good, whatever they do (panic). Context: any. */
void arch_stop_others(void);

#endif
