/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI, for the files of this folder. */
#ifndef BUS_PCI_H
#define BUS_PCI_H

#include "device.h"
#include "irq.h"
#include <linux/pci_regs.h>

#define PCI_BARS 6

struct pci_bar {
	uint64_t base; /* [I] 0: not there, or not set by the firmware */
	uint64_t size; /* [I] a power of two; 0: not there */
	bool io;       /* [I] ports, else memory */
	bool wide;     /* [I] 64 bits: the next one is its upper half */
	bool prefetch; /* [I] reading has no effect */
	bool claimed;  /* [I] its ports are its own: port_range */
};

struct pci_irqs;

struct pci_device {
	Banos_Device device;
	uint8_t bus, slot, function;   /* [I] */
	uint8_t pin;		       /* [I] line A to D as 1 to 4, 0: none */
	uint8_t msi, msix, express;    /* [I] offsets of capabilities, or 0 */
	uint8_t msi_size;	       /* [I] bytes of that capability */
	bool msi_wide, msi_maskable;   /* [I] what it had when it was found */
	uint16_t decodes;	       /* [I] of PCI_COMMAND: as the firmware left it */
	uint32_t config_size;	       /* [I] 256 or 4096 */
	struct pci_bar bars[PCI_BARS]; /* [I] */
	struct pci_device *bridge;     /* [I] behind which it is, or NULL: on a root bus */
	struct mutex lock;	       /* DRIVER_MUTEX: interrupts, command register, reset */
	struct pci_irqs *irqs;	       /* [lock] those in use, or NULL */
};

extern const struct device_bus pci_bus;

static inline struct pci_device *pci_of(Banos_Device *d)
{
	return container_of(d, struct pci_device, device);
}

/* The PCI device that a driver hands in, or NULL when it is none, or no driver has it. Context:
 * any.
 */
static inline struct pci_device *pci_of_driver(Banos_Device *d)
{
	return d && d->bus == &pci_bus && device_owner(d) ? pci_of(d) : NULL;
}

/* --- configuration space: pci_config.c. width: 1, 2, 4; offset a multiple of it, inside. Context:
 * any. */
void pci_config_init(void);
/* Make a bus reachable. False: it is not. Context: process. */
bool pci_config_open_bus(uint8_t bus);
uint32_t pci_config_size(void);
uint32_t pci_config_read(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset,
			 unsigned width);
void pci_config_write(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset, unsigned width,
		      uint32_t value);

static inline uint32_t pci_read(const struct pci_device *p, uint32_t offset, unsigned width)
{
	return pci_config_read(p->bus, p->slot, p->function, offset, width);
}
static inline void pci_write(const struct pci_device *p, uint32_t offset, unsigned width,
			     uint32_t value)
{
	pci_config_write(p->bus, p->slot, p->function, offset, width, value);
}

/* The next capability of that kind behind `after` (0: from the beginning), or 0. A list that runs
 * in a circle ends. Context: any. */
uint32_t pci_find_capability(const struct pci_device *p, uint8_t id, uint32_t after);
uint32_t pci_find_extended(const struct pci_device *p, uint16_t id, uint32_t after);

/* Set and clear bits of the command register. Holds: p->lock. */
void pci_command(const struct pci_device *p, uint16_t set, uint16_t clear);

/* Sizes and addresses of the BARs, decoding off meanwhile: pci_bar.c. */
void pci_bars_read(struct pci_device *p);

/* Is none of it memory of the machine's own? A BAR there cannot be. Context: any. */
bool pci_memory_is_free(paddr_t base, uint64_t size);

/* The line that its pin drives. False: nobody knows. pci_route.c. Context: any. */
bool pci_route(const struct pci_device *p, struct irq_mode *out);

/* Find all devices, at boot: pci_scan.c. */
void pci_init(void);

#endif
