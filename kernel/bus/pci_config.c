/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration space of PCI: through memory where the firmware says that there is a window (PCI
 * Express Base Specification, 7.2.2), else through the two ports of PCs (PCI Local Bus 3.0,
 * 3.2.2.3.2), which reach the first 256 bytes. Lock: PCI_CONFIG around the two ports.
 */
#include "pci.h"

#include <arch/io.h>
#include <arch/pci.h>
#include <base/log.h>
#include <mem/kva.h>

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc
#define BUS_SIZE     (1ul << 20)

static struct pci_window window;
static bool have_window;
static volatile uint8_t *buses[256]; /* [I once open] */
static struct spinlock lock = SPINLOCK_INIT(LOCK_PCI_CONFIG);

void pci_config_init(void)
{
	have_window = arch_pci_window(&window);
}

uint32_t pci_config_size(void)
{
	return have_window ? 4096 : 256;
}

bool pci_config_open_bus(uint8_t bus)
{
	if (!have_window || buses[bus])
		return true;
	if (bus < window.first_bus || bus > window.last_bus)
		return false;
	buses[bus] = kva_map_device(window.base + bus * BUS_SIZE, BUS_SIZE, KCACHE_DEVICE);
	if (!buses[bus])
		log_error("pci: out of memory: bus %u is left out", bus);
	return buses[bus] != NULL;
}

static volatile uint8_t *in_window(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset)
{
	return buses[bus] + ((uint32_t)slot << 15 | (uint32_t)function << 12 | offset);
}

static void set_address(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset)
{
	io_write32(PORT_ADDRESS, 0x80000000u | (uint32_t)bus << 16 | (uint32_t)slot << 11 |
					 (uint32_t)function << 8 | (offset & 0xfc));
}

static uint32_t read_ports(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset,
			   unsigned width)
{
	uint16_t port = PORT_DATA + (offset & 3);
	uint64_t irq = spin_lock_irq(&lock);
	uint32_t value;

	set_address(bus, slot, function, offset);
	value = width == 1 ? io_read8(port) : width == 2 ? io_read16(port) : io_read32(port);
	spin_unlock_irq(&lock, irq);
	return value;
}

static void write_ports(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset,
			unsigned width, uint32_t value)
{
	uint16_t port = PORT_DATA + (offset & 3);
	uint64_t irq = spin_lock_irq(&lock);

	set_address(bus, slot, function, offset);
	if (width == 1)
		io_write8(port, (uint8_t)value);
	else if (width == 2)
		io_write16(port, (uint16_t)value);
	else
		io_write32(port, value);
	spin_unlock_irq(&lock, irq);
}

uint32_t pci_config_read(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset,
			 unsigned width)
{
	volatile uint8_t *at;

	if (!have_window)
		return read_ports(bus, slot, function, offset, width);
	if (!buses[bus])
		return UINT32_MAX;
	at = in_window(bus, slot, function, offset);
	return width == 1 ? *at : width == 2 ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
}

void pci_config_write(uint8_t bus, uint8_t slot, uint8_t function, uint32_t offset, unsigned width,
		      uint32_t value)
{
	volatile uint8_t *at;

	if (!have_window) {
		write_ports(bus, slot, function, offset, width, value);
		return;
	}
	if (!buses[bus])
		return;
	at = in_window(bus, slot, function, offset);
	if (width == 1)
		*at = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)at = (uint16_t)value;
	else
		*(volatile uint32_t *)at = value;
}

void pci_command(const struct pci_device *p, uint16_t set, uint16_t clear)
{
	uint16_t was = (uint16_t)pci_read(p, PCI_COMMAND, 2);
	uint16_t now = (uint16_t)((was & ~clear) | set);

	if (now != was)
		pci_write(p, PCI_COMMAND, 2, now);
}
