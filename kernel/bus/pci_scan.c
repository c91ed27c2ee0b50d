/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding the PCI devices, once at boot: from bus 0 through the bridges, whose bus numbers the
 * firmware has set. A bus is looked at once, whatever bridges say, so the search ends.
 *
 * What is found is made quiet: no line, no messages, and but for bridges no access to memory.
 * Devices never go; there is no hot plug.
 *
 * What a device decodes is changed only here, before the other processors run, and where a driver
 * needs what the firmware has left off; what it has turned on stays on. Moving memory under other
 * processors' feet is not safe everywhere: QEMU before 8.2, with a thread for each processor, may
 * send what another processor writes to its interrupt controller at that moment to another device
 * (its issue 1826). Such a timer never fired again.
 */
#include "pci.h"

#include <base/log.h>
#include <base/stats.h>
#include <lib/bitmap.h>
#include <lib/format.h>
#include <mem/slab.h>

#define SLOTS	     32
#define FUNCTIONS    8
#define CLASS_BRIDGE 6

/* At boot only: the buses that were met, each to be looked at once. */
static DECLARE_BITMAP(seen, 256);
static struct root {
	uint8_t bus;
	struct pci_device *bridge; /* that leads to it, or NULL */
} queue[256];
static unsigned queued, found;

/* Its driver has gone, or never was: nothing comes from it any more. */
static void stop(Banos_Device *d)
{
	struct pci_device *p = pci_of(d);

	mutex_lock(&p->lock);
	pci_command(p, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_MASTER);
	/* The answer comes behind what the device wrote before. */
	pci_read(p, PCI_COMMAND, 2);
	mutex_unlock(&p->lock);
}

const struct device_bus pci_bus = {.stop = stop};

static void describe(struct pci_device *p)
{
	Banos_Device_Info *i = &p->device.info;
	uint32_t class = pci_read(p, PCI_CLASS_REVISION, 4);
	unsigned type = pci_read(p, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK;

	format(p->device.bus_name, sizeof(p->device.bus_name), "pci");
	format(p->device.name, sizeof(p->device.name), "0000:%02x:%02x.%u", p->bus, p->slot,
	       p->function);
	i->vendor = pci_read(p, PCI_VENDOR_ID, 2);
	i->device = pci_read(p, PCI_DEVICE_ID, 2);
	i->subvendor = i->subdevice = BANOS_MATCH_ANY;
	if (type == PCI_HEADER_TYPE_NORMAL) {
		i->subvendor = pci_read(p, PCI_SUBSYSTEM_VENDOR_ID, 2);
		i->subdevice = pci_read(p, PCI_SUBSYSTEM_ID, 2);
	}
	i->class_code = class >> 8;
	i->revision = class & 255;
}

/* PCI 3.0, 6.8.1: its length follows from its flags. */
static void measure_msi(struct pci_device *p)
{
	uint32_t flags = pci_read(p, p->msi + PCI_MSI_FLAGS, 2);

	p->msi_wide = flags & PCI_MSI_FLAGS_64BIT;
	p->msi_maskable = flags & PCI_MSI_FLAGS_MASKBIT;
	p->msi_size = p->msi_maskable ? (p->msi_wide ? 24 : 20) : p->msi_wide ? 14 : 10;
	if (p->msi + p->msi_size > 256)
		p->msi = 0;
}

static void find_capabilities(struct pci_device *p)
{
	p->config_size = 256;
	p->msi = (uint8_t)pci_find_capability(p, PCI_CAP_ID_MSI, 0);
	p->msix = (uint8_t)pci_find_capability(p, PCI_CAP_ID_MSIX, 0);
	p->express = (uint8_t)pci_find_capability(p, PCI_CAP_ID_EXP, 0);
	/* Those that would reach beyond the first 256 bytes are not there. */
	if (p->msi)
		measure_msi(p);
	if (p->msix > 256 - PCI_CAP_MSIX_SIZEOF)
		p->msix = 0;
	if (p->express > 256 - PCI_CAP_EXP_ENDPOINT_SIZEOF_V1)
		p->express = 0;
	if (p->express)
		p->config_size = pci_config_size();
}

static void make_quiet(struct pci_device *p)
{
	bool bridge = p->device.info.class_code >> 16 == CLASS_BRIDGE;

	if (p->msi)
		pci_write(p, p->msi + PCI_MSI_FLAGS, 2,
			  pci_read(p, p->msi + PCI_MSI_FLAGS, 2) & ~PCI_MSI_FLAGS_ENABLE);
	if (p->msix)
		pci_write(p, p->msix + PCI_MSIX_FLAGS, 2,
			  pci_read(p, p->msix + PCI_MSIX_FLAGS, 2) & ~PCI_MSIX_FLAGS_ENABLE);
	pci_command(p, PCI_COMMAND_INTX_DISABLE, bridge ? 0 : PCI_COMMAND_MASTER);
}

static struct pci_device *add(uint8_t bus, uint8_t slot, uint8_t function,
			      struct pci_device *bridge)
{
	struct pci_device *p = kzalloc(sizeof(*p));

	if (!p) {
		log_error("pci: out of memory: %02x:%02x.%u is left out", bus, slot, function);
		return NULL;
	}
	p->bus = bus;
	p->slot = slot;
	p->function = function;
	p->bridge = bridge;
	mutex_init(&p->lock, LOCK_DRIVER_MUTEX);
	p->device.bus = &pci_bus;
	p->device.parent = bridge ? &bridge->device : NULL;
	describe(p);
	p->pin = (uint8_t)pci_read(p, PCI_INTERRUPT_PIN, 1);
	if (p->pin > 4)
		p->pin = 0;
	find_capabilities(p);
	pci_bars_read(p);
	make_quiet(p);
	if (device_add(&p->device)) {
		kfree(p);
		return NULL;
	}
	found++;
	return p;
}

static void note_bus_behind(struct pci_device *p)
{
	uint8_t secondary = (uint8_t)pci_read(p, PCI_SECONDARY_BUS, 1);

	if (!secondary || bit_test(seen, secondary)) {
		log_warn("pci: bridge %s leads to bus %u, which is %s: what is behind it is left "
			 "out",
			 p->device.name, secondary,
			 secondary ? "another's" : "not set by the firmware");
		return;
	}
	bit_set(seen, secondary);
	queue[queued++] = (struct root){.bus = secondary, .bridge = p};
}

static void scan_function(uint8_t bus, uint8_t slot, uint8_t function, struct pci_device *bridge)
{
	uint32_t id = pci_config_read(bus, slot, function, PCI_VENDOR_ID, 4);
	struct pci_device *p;

	if ((id & 0xffff) == 0xffff || !id)
		return;
	p = add(bus, slot, function, bridge);
	if (p && (pci_read(p, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK) == PCI_HEADER_TYPE_BRIDGE)
		note_bus_behind(p);
}

static void scan_bus(uint8_t bus, struct pci_device *bridge)
{
	if (!pci_config_open_bus(bus))
		return;
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		uint32_t type = pci_config_read(bus, (uint8_t)slot, 0, PCI_HEADER_TYPE, 1);
		unsigned functions = type != 0xff && type & 0x80 ? FUNCTIONS : 1;

		for (unsigned f = 0; f < functions; f++)
			scan_function(bus, (uint8_t)slot, (uint8_t)f, bridge);
	}
}

void pci_init(void)
{
	pci_config_init();
	bit_set(seen, 0);
	queued = 1;
	for (unsigned i = 0; i < queued; i++)
		scan_bus(queue[i].bus, queue[i].bridge);
	log_info("pci: %u device%s", found, found == 1 ? "" : "s");
}
