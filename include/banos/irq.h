/* SPDX-License-Identifier: MIT */
/*
 * Interrupts. Interface "banos.irq". Lines of legacy (ISA) devices and of the I/O interrupt
 * controllers are here; those of a PCI device come from <banos/pci.h>, and are used in the same
 * way.
 *
 *	allocated	the driver has it; nothing arrives
 *	bound		it arrives on one processor: `hard` is called there, then perhaps `thread`
 *	masked		what arrives meanwhile is called for after the unmasking (a level that is
 *			still there, an edge or a message that came), once
 *
 * `hard` is called with interrupts off, for short work: context interrupt. There is at most one
 * call of it at a time. It makes the device stop asking (each device has its own way), and says:
 *
 *	BANOS_IRQ_NONE		my device has not asked
 *	BANOS_IRQ_HANDLED	it has, and that is done
 *	BANOS_IRQ_WAKE		it has: call `thread`
 *
 * `thread` is called by a kernel thread of the interrupt's own, and may sleep. A line that is
 * triggered by level is masked until it has returned, for all who share it.
 *
 * An interrupt that nobody handles, 100,000 times in a row or nearly so, is masked for good, with a
 * message that names it: the system goes on without it. Binding it anew, when nobody else is bound,
 * ends that.
 */
#ifndef BANOS_IRQ_H
#define BANOS_IRQ_H

#include <banos/driver.h>

typedef struct Banos_Irq Banos_Irq;

#define BANOS_IRQ_NONE	  0u
#define BANOS_IRQ_HANDLED 1u
#define BANOS_IRQ_WAKE	  2u

typedef uint32_t (*Banos_Irq_Hard)(void *ctx);
typedef void (*Banos_Irq_Thread)(void *ctx);

/* Others may have the same line: `hard` then is called for their interrupts, too. */
#define BANOS_IRQ_SHARED 1u
/* The number is that of an I/O controller's line (ACPI 6.4, 5.2.13: global system interrupt), not
 * that of a legacy interrupt (0 to 15). The next two are for such lines; those of legacy interrupts
 * are as the firmware says. */
#define BANOS_IRQ_GSI	2u
#define BANOS_IRQ_LEVEL 4u /* triggered by level, else by edge */
#define BANOS_IRQ_LOW	8u /* asks when low or falling, else when high or rising */

/* The kernel chooses a processor: that to which the fewest interrupts go. */
#define BANOS_CPU_ANY 0xffffffffu

BANOS_API_BEGIN

/*
 * A line in *irq. flags: BANOS_IRQ_*. 0; -EBUSY: somebody has it, and one of the two does not
 * share, or not in the same mode (level and low); -EINVAL: no driver, no such line, an unknown
 * flag; -ENOSPC: the machine has no more; -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_irq_alloc_line(Banos_Driver *driver, uint32_t line, uint32_t flags, Banos_Irq **irq);

/*
 * From now on it arrives, on processor `cpu` if that exists and nobody else is bound to the line,
 * else where the kernel chooses (BANOS_CPU_ANY). `hard` may be NULL: then it is as one that always
 * says BANOS_IRQ_WAKE; `thread` may be NULL. One that is masked stays masked. flags: 0. 0; -EINVAL;
 * -EBUSY: it is bound; -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_irq_bind(Banos_Irq *irq, Banos_Irq_Hard hard, Banos_Irq_Thread thread, void *ctx,
		       uint32_t cpu, uint32_t flags);
/*
 * `hard` is not called until banos_irq_unmask(); a call in progress on another processor goes on.
 * Neither counts: masking what is masked changes nothing. A line that is shared is masked for all.
 * Context: any. Since 0.9.
 */
void banos_irq_mask(Banos_Irq *irq);
void banos_irq_unmask(Banos_Irq *irq);
/* Let it, with all who share it, arrive on that processor. 0; -EINVAL: there is none, or it is not
 * bound. Context: any. Since 0.9. */
int32_t banos_irq_set_cpu(Banos_Irq *irq, uint32_t cpu);
/*
 * It arrives no more: when this returns neither `hard` nor `thread` runs or will. It stays
 * allocated. 0, also when it was not bound; -EDEADLK from `thread`. Context: may sleep. Since 0.9.
 */
int32_t banos_irq_unbind(Banos_Irq *irq);
/* Unbind it, and give it back. NULL is allowed; -EDEADLK as above. Context: may sleep. Since 0.9.
 */
int32_t banos_irq_free(Banos_Irq *irq);

BANOS_API_END

#endif
