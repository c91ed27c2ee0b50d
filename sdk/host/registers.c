/* SPDX-License-Identifier: BSD-2-Clause */
/* <banos/mmio.h> and <banos/port.h>: registers of simulated devices; ports of nobody read as ones.
 */
#include "host.h"
#include "pci.h"
#include "task.h"
#include <banos/mmio.h>
#include <banos/port.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>

#define MAP_FLAGS (BANOS_MMIO_WRITE_COMBINING | BANOS_MMIO_DIRECT)
#define PORTS_END 65536u

typedef struct Banos_Model_Device Device;

static uint64_t ones(uint32_t width)
{
	return width == 8 ? UINT64_MAX : (1ull << (8 * width)) - 1;
}

/* An access inside `length` bytes, else the driver is told. */
static bool is_inside(uint64_t offset, uint32_t width, uint64_t length, bool aligned)
{
	char where[WHERE_SIZE];

	if (width <= length && offset <= length - width && (!aligned || offset % width == 0))
		return true;
	host_complain("%s: %s of %u bytes at offset 0x%llx of 0x%llx",
		      images_where(api_caller(), where), api_name(), width,
		      (unsigned long long)offset, (unsigned long long)length);
	return false;
}

/* --- memory ----------------------------------------------------------------------------------- */

struct Banos_Mmio {
	struct owner_object object;
	Device *device;
	uint32_t bar;
	uint64_t offset, length;
};

static void mmio_release(struct owner_object *object)
{
	banos_mmio_unmap(container_of(object, Banos_Mmio, object));
}

static const struct owner_class mmio_class = {.name = "mapping of registers",
					      .release = mmio_release};

int32_t banos_mmio_map(Banos_Device *device, uint32_t bar, uint64_t offset, uint64_t length,
		       uint32_t flags, Banos_Mmio **mmio)
{
	Device *d = pci_of_driver(device);
	uint64_t size;
	Banos_Mmio *m;

	if (mmio)
		*mmio = NULL;
	if (!d)
		return -ENODEV;
	if (!mmio || (flags & ~MAP_FLAGS) || bar >= PCI_BARS)
		return -EINVAL;
	size = d->model->bars[bar].length;
	if (d->model->bars[bar].flags & BANOS_PCI_BAR_PORTS || offset >= size ||
	    length > size - offset)
		return -EINVAL;
	/* A model sees accesses only by the functions of the ABI. */
	if (flags & BANOS_MMIO_DIRECT)
		return -ENXIO;
	if (host_fails())
		return -ENOMEM;
	m = host_alloc(sizeof(*m));
	m->device = d;
	m->bar = bar;
	m->offset = offset;
	m->length = length ? length : size - offset;
	m->object.scope = device;
	owner_add(device_owner(device), &m->object, &mmio_class);
	*mmio = m;
	return 0;
}

void banos_mmio_unmap(Banos_Mmio *m)
{
	if (!m)
		return;
	owner_remove(&m->object);
	free(m);
}

uint64_t banos_mmio_length(Banos_Mmio *m)
{
	return m->length;
}

static uint64_t mmio_read(Banos_Mmio *m, uint64_t offset, uint32_t width)
{
	if (!is_inside(offset, width, m->length, true))
		return ones(width);
	return pci_bar_read(m->device, m->bar, m->offset + offset, width) & ones(width);
}

static void mmio_write(Banos_Mmio *m, uint64_t offset, uint32_t width, uint64_t value)
{
	if (is_inside(offset, width, m->length, true))
		pci_bar_write(m->device, m->bar, m->offset + offset, width, value);
}

#define MMIO(bits)                                                                    \
	uint##bits##_t banos_mmio_r##bits(Banos_Mmio *m, uint64_t offset)             \
	{                                                                             \
		return (uint##bits##_t)mmio_read(m, offset, (bits) / 8);              \
	}                                                                             \
	void banos_mmio_w##bits(Banos_Mmio *m, uint64_t offset, uint##bits##_t value) \
	{                                                                             \
		mmio_write(m, offset, (bits) / 8, value);                             \
	}
MMIO(8)
MMIO(16)
MMIO(32)
MMIO(64)

static bool is_width(uint32_t width, uint32_t most)
{
	return width && width <= most && !(width & (width - 1));
}

int32_t banos_mmio_read(Banos_Mmio *m, uint64_t offset, uint32_t width, void *buffer,
			uint64_t count)
{
	if (!is_width(width, 8) || !is_inside(offset, width, m->length, true))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t value = mmio_read(m, offset, width);

		memcpy((uint8_t *)buffer + i * width, &value, width);
	}
	return 0;
}

int32_t banos_mmio_write(Banos_Mmio *m, uint64_t offset, uint32_t width, const void *buffer,
			 uint64_t count)
{
	if (!is_width(width, 8) || !is_inside(offset, width, m->length, true))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t value = 0;

		memcpy(&value, (const uint8_t *)buffer + i * width, width);
		mmio_write(m, offset, width, value);
	}
	return 0;
}

/* Everything is in order here. */
void banos_mmio_barrier(void)
{
}

void *banos_mmio_address(Banos_Mmio *m)
{
	return NULL;
}

/* --- ports ------------------------------------------------------------------------------------ */

struct Banos_Ports {
	struct owner_object object;
	struct list link; /* in claimed */
	Device *device;	  /* or NULL: nobody answers */
	uint32_t bar, offset;
	uint32_t first, count;
};

static struct list claimed = LIST_INIT(claimed);

static void ports_release(struct owner_object *object)
{
	banos_ports_release(container_of(object, Banos_Ports, object));
}

static const struct owner_class ports_class = {.name = "range of ports", .release = ports_release};

int32_t ports_create(struct owner *owner, Device *d, uint32_t bar, uint32_t offset, uint32_t first,
		     uint32_t count, Banos_Ports **out)
{
	Banos_Ports *p;

	list_for_each_entry(p, &claimed, link)
		if (first < p->first + p->count && p->first < first + count)
			return -EBUSY;
	if (host_fails())
		return -ENOMEM;
	p = host_alloc(sizeof(*p));
	p->device = d;
	p->bar = bar;
	p->offset = offset;
	p->first = first;
	p->count = count;
	p->object.scope = d && !pci_is_legacy(d) ? &d->device : NULL;
	list_add_tail(&p->link, &claimed);
	owner_add(owner, &p->object, &ports_class);
	*out = p;
	return 0;
}

int32_t banos_ports_claim(Banos_Driver *driver, uint32_t first, uint32_t count, uint32_t flags,
			  Banos_Ports **ports)
{
	struct owner *owner = owner_find(driver);
	uint32_t bar = 0, offset = 0;
	Device *d;

	if (ports)
		*ports = NULL;
	if (!owner || !ports || flags || !count || first >= PORTS_END || count > PORTS_END - first)
		return -EINVAL;
	d = pci_legacy_at(first, count, &bar, &offset);
	return ports_create(owner, d, bar, offset, first, count, ports);
}

void banos_ports_release(Banos_Ports *p)
{
	if (!p)
		return;
	list_del(&p->link);
	owner_remove(&p->object);
	free(p);
}

void ports_orphan(Device *d)
{
	Banos_Ports *p;

	list_for_each_entry(p, &claimed, link)
		if (p->device == d)
			p->device = NULL;
}

static uint32_t port_read(Banos_Ports *p, uint32_t offset, uint32_t width)
{
	if (!is_inside(offset, width, p->count, false) || !p->device)
		return (uint32_t)ones(width);
	return (uint32_t)(pci_bar_read(p->device, p->bar, p->offset + offset, width) & ones(width));
}

static void port_write(Banos_Ports *p, uint32_t offset, uint32_t width, uint32_t value)
{
	if (is_inside(offset, width, p->count, false) && p->device)
		pci_bar_write(p->device, p->bar, p->offset + offset, width, value);
}

#define PORT(bits)                                                                     \
	uint##bits##_t banos_port_r##bits(Banos_Ports *p, uint32_t offset)             \
	{                                                                              \
		return (uint##bits##_t)port_read(p, offset, (bits) / 8);               \
	}                                                                              \
	void banos_port_w##bits(Banos_Ports *p, uint32_t offset, uint##bits##_t value) \
	{                                                                              \
		port_write(p, offset, (bits) / 8, value);                              \
	}
PORT(8)
PORT(16)
PORT(32)

int32_t banos_port_read(Banos_Ports *p, uint32_t offset, uint32_t width, void *buffer,
			uint64_t count)
{
	if (!is_width(width, 4) || !is_inside(offset, width, p->count, false))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		uint32_t value = port_read(p, offset, width);

		memcpy((uint8_t *)buffer + i * width, &value, width);
	}
	return 0;
}

int32_t banos_port_write(Banos_Ports *p, uint32_t offset, uint32_t width, const void *buffer,
			 uint64_t count)
{
	if (!is_width(width, 4) || !is_inside(offset, width, p->count, false))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		uint32_t value = 0;

		memcpy(&value, (const uint8_t *)buffer + i * width, width);
		port_write(p, offset, width, value);
	}
	return 0;
}
