/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory and ports of PCI devices: what their base address registers say (PCI Local Bus 3.0,
 * 6.2.5.1). The firmware has set the addresses; what it has not set stays unused, and the driver
 * that wants it is told so. What a device says is not trusted: a size is a power of two or there is
 * none, and nothing reaches beyond what the processor can address.
 */
#include "pci.h"

#include <base/log.h>
#include <lib/compiler.h>

#define ADDRESS_BITS_MAX 52
#define PORTS_MAX	 0x10000u

/* What the register keeps of all ones. */
static uint32_t probe(const struct pci_device *p, uint32_t offset)
{
	uint32_t was = pci_read(p, offset, 4), kept;

	pci_write(p, offset, 4, UINT32_MAX);
	kept = pci_read(p, offset, 4);
	pci_write(p, offset, 4, was);
	return kept;
}

/* The size that a mask of address bits means, or 0. */
static uint64_t size_of(uint64_t mask)
{
	uint64_t size = mask & -mask;

	/* All bits above the lowest must be there. */
	return mask && mask + size == 0 ? size : 0;
}

static void read_ports(struct pci_bar *bar, uint32_t value, uint32_t kept)
{
	uint32_t mask = kept & (uint32_t)PCI_BASE_ADDRESS_IO_MASK;

	bar->io = true;
	/* The upper half need not be there. */
	if (mask && mask < PORTS_MAX)
		mask |= ~(PORTS_MAX - 1);
	bar->size = size_of(mask | ~(uint64_t)UINT32_MAX);
	bar->base = value & (uint32_t)PCI_BASE_ADDRESS_IO_MASK;
	if (!mask || bar->size > 256 || bar->base >= PORTS_MAX)
		*bar = (struct pci_bar){.io = true};
}

static void read_memory(const struct pci_device *p, struct pci_bar *bar, uint32_t offset,
			uint32_t value, uint32_t kept)
{
	uint64_t mask = kept & PCI_BASE_ADDRESS_MEM_MASK, base = value & PCI_BASE_ADDRESS_MEM_MASK;

	bar->prefetch = value & PCI_BASE_ADDRESS_MEM_PREFETCH;
	if (bar->wide) {
		mask |= (uint64_t)probe(p, offset + 4) << 32;
		base |= (uint64_t)pci_read(p, offset + 4, 4) << 32;
	} else if (mask) {
		mask |= ~(uint64_t)UINT32_MAX;
	}
	bar->size = size_of(mask);
	bar->base = base;
	/* Some devices keep fewer upper bits than there are: such a size is none. */
	if (bar->size && (base & (bar->size - 1) || base >> ADDRESS_BITS_MAX ||
			  bar->size >> (ADDRESS_BITS_MAX - 1)))
		bar->base = 0;
}

/* Returns how many registers it took. */
static unsigned read_one(struct pci_device *p, unsigned i, unsigned count)
{
	uint32_t offset = PCI_BASE_ADDRESS_0 + 4 * i, value = pci_read(p, offset, 4), kept;
	struct pci_bar *bar = &p->bars[i];

	kept = probe(p, offset);
	if (value & PCI_BASE_ADDRESS_SPACE_IO) {
		read_ports(bar, value, kept);
		return 1;
	}
	bar->wide = (value & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
	if (bar->wide && i + 1 == count) {
		bar->wide = false; /* its upper half would be something else */
		return 1;
	}
	read_memory(p, bar, offset, value, kept);
	return bar->wide ? 2 : 1;
}

void pci_bars_read(struct pci_device *p)
{
	uint16_t command = (uint16_t)pci_read(p, PCI_COMMAND, 2);
	unsigned type = pci_read(p, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK;
	unsigned count = type == PCI_HEADER_TYPE_NORMAL	  ? PCI_BARS
			 : type == PCI_HEADER_TYPE_BRIDGE ? 2
							  : 0;

	p->decodes = command & (PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	/* What it is about to be given for a moment is somebody else's. */
	pci_write(p, PCI_COMMAND, 2, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (unsigned i = 0; i < count;)
		i += read_one(p, i, count);
	pci_write(p, PCI_COMMAND, 2, command);
}
