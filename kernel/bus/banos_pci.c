/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI devices for drivers: <banos/pci.h>, but for the interrupts (pci_irq.c). */
#include "banos_port.h"
#include "pci.h"
#include <arch/paging.h>
#include <banos/export.h>
#include <banos/pci.h>
#include <base/banos_struct.h>
#include <lib/string.h>
#include <base/log.h>
#include <lib/errno.h>
#include <sched/clock.h>
#include <sched/thread.h>

#define ENABLE_FLAGS (BANOS_PCI_IO | BANOS_PCI_MEMORY | BANOS_PCI_MASTER)

_Static_assert(BANOS_PCI_IO == PCI_COMMAND_IO && BANOS_PCI_MEMORY == PCI_COMMAND_MEMORY &&
		       BANOS_PCI_MASTER == PCI_COMMAND_MASTER,
	       "bits of the command register");

/* --- configuration space ---------------------------------------------------------------------- */

#define LOOK_MAX (64ULL << 30)

static int check_access(const struct pci_device *p, uint32_t offset, uint32_t width)
{
	if (!p)
		return -ENODEV;
	if ((width != 1 && width != 2 && width != 4) || offset % width || offset >= p->config_size)
		return -EINVAL;
	return 0;
}

int32_t banos_pci_read(Banos_Device *device, uint32_t offset, uint32_t width, uint32_t *value)
{
	struct pci_device *p = pci_of_driver(device);
	int r = value ? check_access(p, offset, width) : -EINVAL;

	if (!r)
		*value = pci_read(p, offset, width);
	return r;
}
BANOS_EXPORT(banos_pci_read);

static bool overlaps(uint32_t offset, uint32_t width, uint32_t first, uint32_t size)
{
	return offset < first + size && first < offset + width;
}

static bool is_kept(const struct pci_device *p, uint32_t offset, uint32_t width)
{
	unsigned type = pci_read(p, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK;

	return overlaps(offset, width, PCI_COMMAND, 2) ||
	       overlaps(offset, width, PCI_BASE_ADDRESS_0, 4 * PCI_BARS) ||
	       /* Of a bridge, all that says what is behind it. */
	       (type != PCI_HEADER_TYPE_NORMAL && offset < 0x40) ||
	       (p->msi && overlaps(offset, width, p->msi, p->msi_size)) ||
	       (p->msix && overlaps(offset, width, p->msix, PCI_CAP_MSIX_SIZEOF));
}

int32_t banos_pci_write(Banos_Device *device, uint32_t offset, uint32_t width, uint32_t value)
{
	struct pci_device *p = pci_of_driver(device);
	int r = check_access(p, offset, width);

	if (r)
		return r;
	if (is_kept(p, offset, width))
		return -EPERM;
	pci_write(p, offset, width, value);
	return 0;
}
BANOS_EXPORT(banos_pci_write);

int32_t banos_pci_capability(Banos_Device *device, uint32_t id, uint32_t after, uint32_t *offset)
{
	struct pci_device *p = pci_of_driver(device);

	if (!p)
		return -ENODEV;
	if (!offset || id > 0xff || (after && (after < 0x40 || after > 0xfc)) || after % 4)
		return -EINVAL;
	*offset = pci_find_capability(p, (uint8_t)id, after);
	return *offset ? 0 : -ENOENT;
}
BANOS_EXPORT(banos_pci_capability);

int32_t banos_pci_extended_capability(Banos_Device *device, uint32_t id, uint32_t after,
				      uint32_t *offset)
{
	struct pci_device *p = pci_of_driver(device);

	if (!p)
		return -ENODEV;
	if (!offset || id > 0xffff || (after && (after < 0x100 || after > 0xffc)) || after % 4)
		return -EINVAL;
	*offset = pci_find_extended(p, (uint16_t)id, after);
	return *offset ? 0 : -ENOENT;
}
BANOS_EXPORT(banos_pci_extended_capability);

/* --- what it answers to ----------------------------------------------------------------------- */

static bool has_address(const struct pci_device *p, bool io)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (p->bars[i].size && p->bars[i].io == io && p->bars[i].base)
			return true;
	return false;
}

int32_t banos_pci_enable(Banos_Device *device, uint32_t flags)
{
	struct pci_device *p = pci_of_driver(device);

	if (!p)
		return -ENODEV;
	if (!flags || (flags & ~ENABLE_FLAGS))
		return -EINVAL;
	if ((flags & BANOS_PCI_IO && !has_address(p, true)) ||
	    (flags & BANOS_PCI_MEMORY && !has_address(p, false))) {
		log_error("pci: device %s: the firmware has set no address of its %s",
			  p->device.name, flags & BANOS_PCI_IO ? "ports" : "memory");
		return -ENXIO;
	}
	mutex_lock(&p->lock);
	pci_command(p, (uint16_t)flags, 0);
	mutex_unlock(&p->lock);
	return 0;
}
BANOS_EXPORT(banos_pci_enable);

int32_t banos_pci_disable(Banos_Device *device, uint32_t flags)
{
	struct pci_device *p = pci_of_driver(device);

	if (!p)
		return -ENODEV;
	if (!flags || (flags & ~ENABLE_FLAGS))
		return -EINVAL;
	mutex_lock(&p->lock);
	pci_command(p, 0, (uint16_t)flags & ~p->decodes);
	mutex_unlock(&p->lock);
	return 0;
}
BANOS_EXPORT(banos_pci_disable);

int32_t banos_pci_bar(Banos_Device *device, uint32_t index, Banos_Pci_Bar *out)
{
	struct pci_device *p = pci_of_driver(device);
	const struct pci_bar *bar;
	Banos_Pci_Bar known;

	if (!p)
		return -ENODEV;
	if (BANOS_STRUCT_CHECK(device_owner(device), Banos_Pci_Bar, out) || index >= PCI_BARS)
		return -EINVAL;
	bar = &p->bars[index];
	if (!bar->size)
		return -ENOENT;
	known = (Banos_Pci_Bar){
		.flags = (bar->io ? BANOS_PCI_BAR_PORTS : 0) |
			 (bar->wide ? BANOS_PCI_BAR_WIDE : 0) |
			 (bar->prefetch ? BANOS_PCI_BAR_PREFETCH : 0),
		.address = bar->base,
		.length = bar->size,
	};
	BANOS_STRUCT_PUT(Banos_Pci_Bar, out, &known);
	return 0;
}
BANOS_EXPORT(banos_pci_bar);

int32_t banos_pci_ports(Banos_Device *device, uint32_t index, uint32_t offset, uint32_t length,
			Banos_Ports **ports)
{
	struct pci_device *p = pci_of_driver(device);
	const struct pci_bar *bar;

	if (ports)
		*ports = NULL;
	if (!p)
		return -ENODEV;
	if (!ports || index >= PCI_BARS)
		return -EINVAL;
	bar = &p->bars[index];
	if (!bar->io || offset >= bar->size || length > bar->size - offset)
		return -EINVAL;
	if (!bar->base)
		return -ENXIO;
	return banos_ports_create(device_owner(device), device, (uint32_t)bar->base + offset,
				  length ? length : (uint32_t)bar->size - offset, ports);
}
BANOS_EXPORT(banos_pci_ports);

/*
 * The direct map has all memory of the machine's own, and nothing else. A device that claims more
 * than can be looked through in a moment does not get it.
 */
bool pci_memory_is_free(paddr_t base, uint64_t size)
{
	unsigned level;
	paddr_t end;

	if (base >= DIRECT_SIZE)
		return true;
	if (size > LOOK_MAX)
		return false;
	end = min(base + size, (paddr_t)DIRECT_SIZE);
	for (paddr_t pa = base & PAGE_MASK; pa < end; pa += PAGE_SIZE)
		if (kernel_lookup(DIRECT_BASE + pa, &level))
			return false;
	return true;
}

/* --- reset ------------------------------------------------------------------------------------ */

#define HEADER_WORDS 16
#define RESET_NS     (100 * NSEC_PER_MSEC) /* PCI Express 4.0, 6.6.2: what it is allowed */
#define RESET_TRIES  10

static bool has_reset(const struct pci_device *p)
{
	return p->express && pci_read(p, p->express + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR;
}

static void pause(void)
{
	thread_sleep_until(clock_mono_ns() + RESET_NS, WAIT_UNINTERRUPTIBLE);
}

/* Its requests come to an end, or do not in time, and are lost. */
static void wait_for_requests(const struct pci_device *p)
{
	for (unsigned i = 0;
	     i < RESET_TRIES && pci_read(p, p->express + PCI_EXP_DEVSTA, 2) & PCI_EXP_DEVSTA_TRPND;
	     i++)
		pause();
}

static int reset(struct pci_device *p)
{
	uint32_t header[HEADER_WORDS], control;

	for (unsigned i = 0; i < HEADER_WORDS; i++)
		header[i] = pci_read(p, 4 * i, 4);
	control = pci_read(p, p->express + PCI_EXP_DEVCTL, 2);
	pci_command(p, PCI_COMMAND_INTX_DISABLE,
		    PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	wait_for_requests(p);
	pci_write(p, p->express + PCI_EXP_DEVCTL, 2, control | PCI_EXP_DEVCTL_BCR_FLR);
	for (unsigned i = 0; i < RESET_TRIES; i++) {
		pause();
		if (pci_read(p, PCI_VENDOR_ID, 4) == header[0])
			break;
	}
	if (pci_read(p, PCI_VENDOR_ID, 4) != header[0])
		return -EIO;
	pci_write(p, p->express + PCI_EXP_DEVCTL, 2, control & ~PCI_EXP_DEVCTL_BCR_FLR);
	for (unsigned i = HEADER_WORDS - 1; i >= PCI_CACHE_LINE_SIZE / 4; i--)
		pci_write(p, 4 * i, 4, header[i]);
	pci_write(p, PCI_COMMAND, 2,
		  (header[1] & 0xffff & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_DISABLE);
	return 0;
}

int32_t banos_pci_reset(Banos_Device *device, uint32_t flags)
{
	struct pci_device *p = pci_of_driver(device);
	int r;

	if (!p)
		return -ENODEV;
	if (flags != BANOS_PCI_RESET_FUNCTION)
		return -EINVAL;
	if (!has_reset(p))
		return -EOPNOTSUPP;
	mutex_lock(&p->lock);
	r = p->irqs ? -EBUSY : reset(p);
	mutex_unlock(&p->lock);
	return r;
}
BANOS_EXPORT(banos_pci_reset);
