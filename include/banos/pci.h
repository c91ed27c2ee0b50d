/* SPDX-License-Identifier: MIT */
/*
 * PCI devices (PCI Local Bus 3.0; PCI Express Base 4.0). Interface "banos.pci".
 *
 * Their bus is "pci", their name "SEGMENT:BUS:SLOT.FUNCTION" in hexadecimal; vendor, device,
 * subvendor, subdevice and class_code are those of configuration space. The functions here take a
 * device from its probe to its remove, and give -ENODEV at other times, and for devices of other
 * buses. What they make belongs to the driver, and to the device: see <banos/device.h>.
 *
 * Before probe and after remove the device decodes what the firmware gave it, but reaches no memory
 * by itself and raises no interrupt.
 *
 * What a device says is not to be trusted: check what is read from it before it is used as an
 * offset or a length.
 */
#ifndef BANOS_PCI_H
#define BANOS_PCI_H

#include <banos/device.h>
#include <banos/irq.h>
#include <banos/port.h>

/* For banos_pci_enable(). */
#define BANOS_PCI_IO	 1u /* it answers at its ports */
#define BANOS_PCI_MEMORY 2u /* ... at its memory */
#define BANOS_PCI_MASTER 4u /* it may reach memory by itself, and send messages */

/* For banos_pci_bar(). */
#define BANOS_PCI_BAR_PORTS    1u /* else memory */
#define BANOS_PCI_BAR_WIDE     2u /* 64 bits: the next one is its upper half */
#define BANOS_PCI_BAR_PREFETCH 4u /* reading it changes nothing */

typedef struct Banos_Pci_Bar {
	uint32_t size;
	uint32_t flags;	  /* BANOS_PCI_BAR_* */
	uint64_t address; /* as the device sees it; 0: the firmware has set none */
	uint64_t length;
} Banos_Pci_Bar;

BANOS_SIZE(Banos_Pci_Bar, 24);
BANOS_OFFSET(Banos_Pci_Bar, address, 8);
BANOS_OFFSET(Banos_Pci_Bar, length, 16);

/* Kinds of interrupts, for banos_pci_irq_alloc(), which tries them in this order. 0: any. */
#define BANOS_PCI_MSIX 1u
#define BANOS_PCI_MSI  2u
#define BANOS_PCI_LINE 4u /* INTA to INTD; shared, triggered by level */

/* For banos_pci_reset(). */
#define BANOS_PCI_RESET_FUNCTION 1u

BANOS_API_BEGIN

/*
 * Configuration space. width: 1, 2 or 4; the offset is a multiple of it, below 256, or 4,096 where
 * the machine reaches that far. 0 (with *value, when reading); -EINVAL; -ENODEV; writing to what
 * the kernel keeps (command register, BARs, MSI and MSI-X) is -EPERM: there are functions for it.
 * Context: any. Since 0.9.
 */
int32_t banos_pci_read(Banos_Device *device, uint32_t offset, uint32_t width, uint32_t *value);
int32_t banos_pci_write(Banos_Device *device, uint32_t offset, uint32_t width, uint32_t value);

/*
 * Where the next capability of that kind behind the one at `after` (0: from the beginning) is, in
 * *offset. The numbers are in <linux/pci_regs.h>: PCI_CAP_ID_*, PCI_EXT_CAP_ID_*. 0; -ENOENT;
 * -EINVAL; -ENODEV. Lists that are broken end. Context: any. Since 0.9.
 */
int32_t banos_pci_capability(Banos_Device *device, uint32_t id, uint32_t after, uint32_t *offset);
int32_t banos_pci_extended_capability(Banos_Device *device, uint32_t id, uint32_t after,
				      uint32_t *offset);

/*
 * flags: BANOS_PCI_IO and so on. Disable undoes enable: what the firmware has turned on may stay
 * on, but is not to be relied on. 0; -EINVAL; -ENODEV; -ENXIO: the firmware has set no address for
 * any of its BARs of that kind. Context: may sleep. Since 0.9.
 */
int32_t banos_pci_enable(Banos_Device *device, uint32_t flags);
int32_t banos_pci_disable(Banos_Device *device, uint32_t flags);

/* What base address register `index` (0 to 5) says, into *bar, whose size is set; flags that the
 * driver does not know are to be ignored. 0; -ENOENT: it has none there; -EINVAL; -ENODEV. Memory
 * is mapped by <banos/mmio.h>. Context: any. Since 0.9. */
int32_t banos_pci_bar(Banos_Device *device, uint32_t index, Banos_Pci_Bar *bar);

/*
 * The `length` ports from `offset` of a BAR in *ports (length 0: all that follow), which are
 * released by banos_ports_release(). 0; -EBUSY: they are claimed already; -ENXIO: the firmware has
 * set no address; -EINVAL: outside, or no BAR of ports; -ENODEV; -ENOMEM. Context: may sleep. Since
 * 0.9.
 */
int32_t banos_pci_ports(Banos_Device *device, uint32_t index, uint32_t offset, uint32_t length,
			Banos_Ports **ports);

/*
 * From `min` to `max` interrupts in irqs[], all of one kind: the first of the kinds in `flags` that
 * gives enough. Of MSI and of the line there is one. Each is bound and freed as in <banos/irq.h>;
 * when the last is freed others may be had. Messages need banos_pci_enable(BANOS_PCI_MASTER), too.
 * Returns how many there are; -ENOSPC: the device or the machine has fewer than min; -EBUSY: it has
 * some already; -EINVAL; -ENODEV; -ENOMEM. Context: may sleep. Since 0.9.
 */
int32_t banos_pci_irq_alloc(Banos_Device *device, uint32_t min, uint32_t max, uint32_t flags,
			    Banos_Irq **irqs);

/*
 * Put the device into the state after power-on. flags: BANOS_PCI_RESET_FUNCTION. It keeps its BARs,
 * and is then enabled as before, but for BANOS_PCI_MASTER. 0; -EOPNOTSUPP: it cannot; -EBUSY: it
 * has interrupts, which must be freed before; -EIO: it does not come back; -EINVAL; -ENODEV.
 * Context: may sleep. Since 0.9.
 */
int32_t banos_pci_reset(Banos_Device *device, uint32_t flags);

BANOS_API_END

#endif
