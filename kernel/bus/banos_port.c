/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' ports: <banos/port.h>. */
#include "banos_port.h"

#include <arch/io.h>
#include <banos/export.h>
#include <base/banos_refuse.h>
#include <base/log.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <mem/slab.h>

static void release(struct owner_object *object)
{
	banos_ports_release(container_of(object, Banos_Ports, object));
}

static const struct owner_class ports_class = {.name = "range of ports", .release = release};

int banos_ports_create(struct owner *owner, const void *scope, uint32_t first, uint32_t count,
		       Banos_Ports **out)
{
	Banos_Ports *p = kzalloc(sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->range = (struct port_range){.first = first, .count = count, .name = owner->name};
	p->object.scope = scope;
	r = port_range_claim(&p->range);
	if (r) {
		kfree(p);
		return r;
	}
	owner_add(owner, &p->object, &ports_class);
	*out = p;
	return 0;
}

int32_t banos_ports_claim(Banos_Driver *driver, uint32_t first, uint32_t count, uint32_t flags,
			  Banos_Ports **ports)
{
	struct owner *owner = owner_find(driver);

	if (ports)
		*ports = NULL;
	if (!owner || !ports)
		return BANOS_REFUSE_CALLER(owner);
	if (flags)
		return BANOS_REFUSE(owner, -EINVAL, "flags must be 0");
	return banos_ports_create(owner, NULL, first, count, ports);
}
BANOS_EXPORT(banos_ports_claim);

void banos_ports_release(Banos_Ports *p)
{
	if (!p)
		return;
	owner_remove(&p->object);
	port_range_release(&p->range);
	kfree(p);
}
BANOS_EXPORT(banos_ports_release);

/* --- access ----------------------------------------------------------------------------------- */

static bool inside(Banos_Ports *p, uint32_t offset, uint32_t width)
{
	if (likely(width <= p->range.count && offset <= p->range.count - width))
		return true;
	if (!__atomic_exchange_n(&p->complained, true, __ATOMIC_RELAXED))
		log_error("driver %s: access of %u bytes at offset %#x of a range of %#x ports",
			  p->object.owner->name, width, offset, p->range.count);
	return false;
}

static uint16_t port_at(const Banos_Ports *p, uint32_t offset)
{
	return (uint16_t)(p->range.first + offset);
}

uint8_t banos_port_r8(Banos_Ports *p, uint32_t offset)
{
	return inside(p, offset, 1) ? io_read8(port_at(p, offset)) : 0xff;
}
BANOS_EXPORT(banos_port_r8);

uint16_t banos_port_r16(Banos_Ports *p, uint32_t offset)
{
	return inside(p, offset, 2) ? io_read16(port_at(p, offset)) : 0xffff;
}
BANOS_EXPORT(banos_port_r16);

uint32_t banos_port_r32(Banos_Ports *p, uint32_t offset)
{
	return inside(p, offset, 4) ? io_read32(port_at(p, offset)) : 0xffffffff;
}
BANOS_EXPORT(banos_port_r32);

void banos_port_w8(Banos_Ports *p, uint32_t offset, uint8_t value)
{
	if (inside(p, offset, 1))
		io_write8(port_at(p, offset), value);
}
BANOS_EXPORT(banos_port_w8);

void banos_port_w16(Banos_Ports *p, uint32_t offset, uint16_t value)
{
	if (inside(p, offset, 2))
		io_write16(port_at(p, offset), value);
}
BANOS_EXPORT(banos_port_w16);

void banos_port_w32(Banos_Ports *p, uint32_t offset, uint32_t value)
{
	if (inside(p, offset, 4))
		io_write32(port_at(p, offset), value);
}
BANOS_EXPORT(banos_port_w32);

static bool width_is_possible(uint32_t width)
{
	return width == 1 || width == 2 || width == 4;
}

int32_t banos_port_read(Banos_Ports *p, uint32_t offset, uint32_t width, void *buffer,
			uint64_t count)
{
	if (!width_is_possible(width) || !inside(p, offset, width))
		return -EINVAL;
	io_read_rep(port_at(p, offset), width, buffer, count);
	return 0;
}
BANOS_EXPORT(banos_port_read);

int32_t banos_port_write(Banos_Ports *p, uint32_t offset, uint32_t width, const void *buffer,
			 uint64_t count)
{
	if (!width_is_possible(width) || !inside(p, offset, width))
		return -EINVAL;
	io_write_rep(port_at(p, offset), width, buffer, count);
	return 0;
}
BANOS_EXPORT(banos_port_write);
