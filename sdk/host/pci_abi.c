/* SPDX-License-Identifier: BSD-2-Clause */
/* <banos/pci.h> on simulated devices. */
#include "pci.h"
#include "host.h"
#include "task.h"
#include <base/banos_struct.h>
#include <linux/pci_regs.h>
#include <lib/errno.h>
#include <lib/string.h>

#define ENABLE_FLAGS (BANOS_PCI_IO | BANOS_PCI_MEMORY | BANOS_PCI_MASTER)
#define KINDS	     (BANOS_PCI_MSIX | BANOS_PCI_MSI | BANOS_PCI_LINE)
#define STEPS_MAX    48 /* of a list of capabilities, in 256 bytes */

typedef struct Banos_Model_Device Device;

/* --- configuration space ---------------------------------------------------------------------- */

static uint32_t get(const Device *d, uint32_t offset, uint32_t width)
{
	uint32_t value = 0;

	if (d->dead)
		return width == 4 ? UINT32_MAX : (1u << (8 * width)) - 1;
	memcpy(&value, d->config + offset, width);
	if (offset == PCI_COMMAND && width >= 2)
		value = (value & ~0x7u) | d->enabled;
	return value;
}

static int check_access(const Device *d, uint32_t offset, uint32_t width)
{
	if (!d)
		return -ENODEV;
	if ((width != 1 && width != 2 && width != 4) || offset % width || offset >= CONFIG_SIZE)
		return -EINVAL;
	return 0;
}

int32_t banos_pci_read(Banos_Device *device, uint32_t offset, uint32_t width, uint32_t *value)
{
	Device *d = pci_of_driver(device);
	int r = value ? check_access(d, offset, width) : -EINVAL;

	if (!r)
		*value = get(d, offset, width);
	return r;
}

static bool overlaps(uint32_t offset, uint32_t width, uint32_t first, uint32_t size)
{
	return size && offset < first + size && first < offset + width;
}

int32_t banos_pci_write(Banos_Device *device, uint32_t offset, uint32_t width, uint32_t value)
{
	Device *d = pci_of_driver(device);
	int r = check_access(d, offset, width);

	if (r)
		return r;
	if (overlaps(offset, width, PCI_COMMAND, 2) ||
	    overlaps(offset, width, PCI_BASE_ADDRESS_0, 4 * PCI_BARS) ||
	    overlaps(offset, width, d->msi, d->msi ? 24 : 0) ||
	    overlaps(offset, width, d->msix, d->msix ? PCI_CAP_MSIX_SIZEOF : 0))
		return -EPERM;
	/* Of the rest only the line that the firmware has written down can be written to. */
	if (!d->dead && offset == PCI_INTERRUPT_LINE && width == 1)
		d->config[offset] = (uint8_t)value;
	return 0;
}

int32_t banos_pci_capability(Banos_Device *device, uint32_t id, uint32_t after, uint32_t *offset)
{
	Device *d = pci_of_driver(device);
	uint32_t at;

	if (!d)
		return -ENODEV;
	if (!offset || id > 0xff || (after && (after < 0x40 || after > 0xfc)) || after % 4)
		return -EINVAL;
	*offset = 0;
	at = get(d, after ? after + 1 : PCI_CAPABILITY_LIST, 1);
	for (unsigned i = 0; i < STEPS_MAX && at >= 0x40 && at <= 0xfc; i++) {
		if (get(d, at, 1) == id) {
			*offset = at;
			return 0;
		}
		at = get(d, at + 1, 1) & ~3u;
	}
	return -ENOENT;
}

int32_t banos_pci_extended_capability(Banos_Device *device, uint32_t id, uint32_t after,
				      uint32_t *offset)
{
	if (!pci_of_driver(device))
		return -ENODEV;
	if (!offset || id > 0xffff || (after && (after < 0x100 || after > 0xffc)) || after % 4)
		return -EINVAL;
	*offset = 0;
	return -ENOENT;
}

/* --- what it answers to ----------------------------------------------------------------------- */

static bool has_bar(const Device *d, bool ports)
{
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (d->model->bars[i].length &&
		    ports == !!(d->model->bars[i].flags & BANOS_PCI_BAR_PORTS))
			return true;
	return false;
}

static int check_enable(const Device *d, uint32_t flags)
{
	if (!d)
		return -ENODEV;
	return flags && !(flags & ~ENABLE_FLAGS) ? 0 : -EINVAL;
}

int32_t banos_pci_enable(Banos_Device *device, uint32_t flags)
{
	Device *d = pci_of_driver(device);
	int r = check_enable(d, flags);

	if (r)
		return r;
	if ((flags & BANOS_PCI_IO && !has_bar(d, true)) ||
	    (flags & BANOS_PCI_MEMORY && !has_bar(d, false)))
		return -ENXIO;
	d->enabled |= flags;
	return 0;
}

int32_t banos_pci_disable(Banos_Device *device, uint32_t flags)
{
	Device *d = pci_of_driver(device);
	int r = check_enable(d, flags);

	if (!r)
		d->enabled &= ~flags;
	return r;
}

int32_t banos_pci_bar(Banos_Device *device, uint32_t index, Banos_Pci_Bar *out)
{
	Device *d = pci_of_driver(device);
	Banos_Pci_Bar known;

	if (!d)
		return -ENODEV;
	if (BANOS_STRUCT_CHECK(device_owner(device), Banos_Pci_Bar, out) || index >= PCI_BARS)
		return -EINVAL;
	if (!d->model->bars[index].length)
		return -ENOENT;
	known = (Banos_Pci_Bar){
		.flags = d->model->bars[index].flags,
		.address = d->bases[index],
		.length = d->model->bars[index].length,
	};
	BANOS_STRUCT_PUT(Banos_Pci_Bar, out, &known);
	return 0;
}

int32_t banos_pci_ports(Banos_Device *device, uint32_t index, uint32_t offset, uint32_t length,
			Banos_Ports **ports)
{
	Device *d = pci_of_driver(device);
	uint64_t size;

	if (ports)
		*ports = NULL;
	if (!d)
		return -ENODEV;
	if (!ports || index >= PCI_BARS)
		return -EINVAL;
	size = d->model->bars[index].length;
	if (!(d->model->bars[index].flags & BANOS_PCI_BAR_PORTS) || offset >= size ||
	    length > size - offset)
		return -EINVAL;
	return ports_create(device_owner(device), d, index, offset,
			    (uint32_t)d->bases[index] + offset,
			    length ? length : (uint32_t)size - offset, ports);
}

/* --- interrupts ------------------------------------------------------------------------------- */

void pci_update_line(Device *d)
{
	bool on = d->wants_line && !d->mute && !d->dead;

	if (!pci_is_legacy(d) || d->line == NO_LINE || d->shares == on)
		return;
	d->shares = on;
	irq_line_share(irq_line(d->line), on);
}

void pci_interrupt(Device *d, uint32_t vector, uint32_t on)
{
	if (pci_is_legacy(d)) {
		d->wants_line = on;
		pci_update_line(d);
		return;
	}
	if (!d->kind || d->kind == BANOS_PCI_LINE)
		d->wants_line = on;
	if (d->dead || d->mute || !d->kind || vector >= d->source_count)
		return;
	if (d->kind != BANOS_PCI_LINE && on && !(d->enabled & BANOS_PCI_MASTER)) {
		host_complain("device %s: its messages are lost: BANOS_PCI_MASTER is not enabled",
			      d->name);
		return;
	}
	irq_source_set(&d->sources[vector], on);
}

void pci_spurious(Device *d)
{
	for (uint32_t i = 0; i < d->source_count; i++)
		irq_source_spurious(&d->sources[i]);
	if (d->line != NO_LINE)
		irq_source_spurious(irq_line(d->line));
}

static uint32_t count_of(const Device *d, uint32_t kind)
{
	return kind == BANOS_PCI_MSIX  ? d->model->msix
	       : kind == BANOS_PCI_MSI ? d->model->msi
				       : d->model->line;
}

static void give_back(struct irq_source *s, void *ctx)
{
	Device *d = ctx;

	if (--d->irqs)
		return;
	for (uint32_t i = 0; i < d->source_count; i++)
		irq_source_fini(&d->sources[i]);
	d->source_count = 0;
	d->kind = 0;
}

static int allocate(Device *d, uint32_t kind, uint32_t count, Banos_Irq **irqs)
{
	struct owner *owner = device_owner(&d->device);

	d->kind = kind;
	d->source_count = count;
	for (uint32_t i = 0; i < count; i++)
		irq_source_init(&d->sources[i], kind == BANOS_PCI_LINE, "%u of %s", i, d->name);
	for (uint32_t i = 0; i < count; i++) {
		irqs[i] = irq_create(owner, &d->device, &d->sources[i], give_back, d);
		if (irqs[i]) {
			d->irqs++;
			continue;
		}
		d->irqs++; /* so that the last that goes takes the sources along */
		while (i > 0)
			banos_irq_free(irqs[--i]);
		give_back(NULL, d);
		return -ENOMEM;
	}
	irq_source_set(&d->sources[0], kind == BANOS_PCI_LINE && d->wants_line);
	return (int)count;
}

int32_t banos_pci_irq_alloc(Banos_Device *device, uint32_t min, uint32_t max, uint32_t flags,
			    Banos_Irq **irqs)
{
	static const uint32_t kinds[] = {BANOS_PCI_MSIX, BANOS_PCI_MSI, BANOS_PCI_LINE};
	Device *d = pci_of_driver(device);

	if (!d)
		return -ENODEV;
	if (!irqs || !min || min > max || (flags & ~KINDS))
		return -EINVAL;
	if (d->kind)
		return -EBUSY;
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint32_t count = count_of(d, kinds[i]);

		if ((!flags || flags & kinds[i]) && count >= min)
			return allocate(d, kinds[i], count < max ? count : max, irqs);
	}
	return -ENOSPC;
}

/* --- reset ------------------------------------------------------------------------------------ */

int32_t banos_pci_reset(Banos_Device *device, uint32_t flags)
{
	Device *d = pci_of_driver(device);

	if (!d)
		return -ENODEV;
	if (flags != BANOS_PCI_RESET_FUNCTION)
		return -EINVAL;
	if (!d->model->reset || !d->model->restart)
		return -EOPNOTSUPP;
	if (d->kind)
		return -EBUSY;
	if (d->dead)
		return -EIO;
	d->enabled &= ~BANOS_PCI_MASTER;
	d->wants_line = false;
	d->model->restart(d->state);
	return 0;
}
