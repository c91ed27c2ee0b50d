/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of PCI devices in memory, for drivers: <banos/mmio.h>. */
#include "pci.h"
#include <banos/export.h>
#include <banos/mmio.h>
#include <base/banos_refuse.h>
#include <base/log.h>
#include <lib/errno.h>
#include <mem/kva.h>
#include <mem/slab.h>

#define MAP_FLAGS (BANOS_MMIO_WRITE_COMBINING | BANOS_MMIO_DIRECT)

struct Banos_Mmio {
	struct owner_object object;
	volatile uint8_t *base; /* [I] */
	uint64_t length;	/* [I] */
	bool direct;		/* [I] */
	bool complained;	/* [a] about a bad access */
};

static void release(struct owner_object *object)
{
	banos_mmio_unmap(container_of(object, Banos_Mmio, object));
}

static const struct owner_class mmio_class = {.name = "mapping of registers", .release = release};

/* Where that part of the BAR is. */
static int find(const struct pci_device *p, uint32_t index, uint64_t offset, uint64_t *length,
		paddr_t *base)
{
	const struct pci_bar *bar = &p->bars[index];

	if (bar->io || offset >= bar->size || *length > bar->size - offset)
		return -EINVAL;
	if (!*length)
		*length = bar->size - offset;
	*base = bar->base + offset;
	if (!bar->base) {
		log_error("pci: device %s: the firmware has set no address of its BAR %u",
			  p->device.name, index);
		return -ENXIO;
	}
	if (!pci_memory_is_free(*base, *length)) {
		log_error("pci: device %s: BAR %u lies in the machine's memory: not mapped",
			  p->device.name, index);
		return -ENXIO;
	}
	return 0;
}

int32_t banos_mmio_map(Banos_Device *device, uint32_t index, uint64_t offset, uint64_t length,
		       uint32_t flags, Banos_Mmio **mmio)
{
	struct pci_device *p = pci_of_driver(device);
	Banos_Mmio *m;
	paddr_t base;
	int r;

	if (mmio)
		*mmio = NULL;
	if (!p)
		return -ENODEV;
	if (!mmio || (flags & ~MAP_FLAGS) || index >= PCI_BARS)
		return BANOS_REFUSE(device_owner(device), -EINVAL, "%s",
				    !mmio		? "where the handle goes is NULL"
				    : index >= PCI_BARS ? "index must be 0 to 5"
							: "flags has a bit that is not known");
	r = find(p, index, offset, &length, &base);
	if (r)
		return r;
	m = kzalloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->length = length;
	m->direct = flags & BANOS_MMIO_DIRECT;
	m->base = kva_map_device(base, length,
				 flags & BANOS_MMIO_WRITE_COMBINING ? KCACHE_WRITE_COMBINING
								    : KCACHE_DEVICE);
	if (!m->base) {
		kfree(m);
		return -ENOMEM;
	}
	m->object.scope = device;
	owner_add(device_owner(device), &m->object, &mmio_class);
	*mmio = m;
	return 0;
}
BANOS_EXPORT(banos_mmio_map);

void banos_mmio_unmap(Banos_Mmio *m)
{
	if (!m)
		return;
	owner_remove(&m->object);
	kva_unmap_device((void *)m->base);
	kfree(m);
}
BANOS_EXPORT(banos_mmio_unmap);

uint64_t banos_mmio_length(Banos_Mmio *m)
{
	return m->length;
}
BANOS_EXPORT(banos_mmio_length);

/* --- access ----------------------------------------------------------------------------------- */

static bool inside(Banos_Mmio *m, uint64_t offset, uint32_t width)
{
	if (likely(width <= m->length && offset <= m->length - width &&
		   ((uintptr_t)m->base + offset) % width == 0))
		return true;
	if (!__atomic_exchange_n(&m->complained, true, __ATOMIC_RELAXED))
		log_error("driver %s: access of %u bytes at offset %#lx of %#lx bytes of registers",
			  m->object.owner->name, width, offset, m->length);
	return false;
}

/* The type is volatile: each access is made, once, in this width and order. */
#define ACCESS(bits)                                                                  \
	uint##bits##_t banos_mmio_r##bits(Banos_Mmio *m, uint64_t offset)             \
	{                                                                             \
		if (!inside(m, offset, (bits) / 8))                                   \
			return (uint##bits##_t)UINT64_MAX;                            \
		return *(volatile uint##bits##_t *)(m->base + offset);                \
	}                                                                             \
	BANOS_EXPORT(banos_mmio_r##bits);                                             \
	void banos_mmio_w##bits(Banos_Mmio *m, uint64_t offset, uint##bits##_t value) \
	{                                                                             \
		if (inside(m, offset, (bits) / 8))                                    \
			*(volatile uint##bits##_t *)(m->base + offset) = value;       \
	}                                                                             \
	BANOS_EXPORT(banos_mmio_w##bits)

ACCESS(8);
ACCESS(16);
ACCESS(32);
ACCESS(64);

static bool width_is_possible(uint32_t width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

static void read_one(volatile uint8_t *from, uint32_t width, uint8_t *to)
{
	uint64_t value = width == 1   ? *from
			 : width == 2 ? *(volatile uint16_t *)from
			 : width == 4 ? *(volatile uint32_t *)from
				      : *(volatile uint64_t *)from;

	__builtin_memcpy(to, &value, width);
}

static void write_one(volatile uint8_t *to, uint32_t width, const uint8_t *from)
{
	uint64_t value = 0;

	__builtin_memcpy(&value, from, width);
	if (width == 1)
		*to = (uint8_t)value;
	else if (width == 2)
		*(volatile uint16_t *)to = (uint16_t)value;
	else if (width == 4)
		*(volatile uint32_t *)to = (uint32_t)value;
	else
		*(volatile uint64_t *)to = value;
}

int32_t banos_mmio_read(Banos_Mmio *m, uint64_t offset, uint32_t width, void *buffer,
			uint64_t count)
{
	if (!width_is_possible(width) || !inside(m, offset, width))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++)
		read_one(m->base + offset, width, (uint8_t *)buffer + i * width);
	return 0;
}
BANOS_EXPORT(banos_mmio_read);

int32_t banos_mmio_write(Banos_Mmio *m, uint64_t offset, uint32_t width, const void *buffer,
			 uint64_t count)
{
	if (!width_is_possible(width) || !inside(m, offset, width))
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++)
		write_one(m->base + offset, width, (const uint8_t *)buffer + i * width);
	return 0;
}
BANOS_EXPORT(banos_mmio_write);

void banos_mmio_barrier(void)
{
	/* A full fence also empties what write-combining has gathered (SDM volume 3, 12.3.1). */
	cpu_fence();
}
BANOS_EXPORT(banos_mmio_barrier);

void *banos_mmio_address(Banos_Mmio *m)
{
	return m->direct ? (void *)m->base : NULL;
}
BANOS_EXPORT(banos_mmio_address);
