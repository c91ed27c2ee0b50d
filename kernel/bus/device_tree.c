/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices there are: added by the kernel or by drivers of buses, asked what they are, shown in
 * /proc/banos/devices. How they get their drivers: device.c.
 */
#include "device.h"

#include <banos/export.h>
#include <base/banos_refuse.h>
#include <base/banos_struct.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

static uint64_t device_age; /* [device_lock] */

/* --- adding and removing ---------------------------------------------------------------------- */

static bool name_taken(const Banos_Device *new)
{
	const Banos_Device *d;

	list_for_each_entry(d, &devices, link) {
		if (strcmp(d->name, new->name) == 0 && strcmp(d->bus_name, new->bus_name) == 0)
			return true;
	}
	return false;
}

int device_add(Banos_Device *d)
{
	d->info.bus = d->bus_name;
	d->info.name = d->name;
	d->info.compatible = d->compatible;
	mutex_lock(&device_lock);
	if (name_taken(d)) {
		mutex_unlock(&device_lock);
		return -EEXIST;
	}
	d->age = ++device_age;
	if (d->parent)
		d->parent->children++;
	list_add_tail(&d->link, &devices);
	device_offer(d);
	mutex_unlock(&device_lock);
	return 0;
}

/* Nobody has it any more, and nobody gets it. 0, -EDEADLK, -EBUSY. */
static int withdraw(Banos_Device *d)
{
	int r = 0;

	mutex_lock(&device_lock);
	if (d->gone)
		goto out;
	r = device_evict(d);
	if (!r && d->children) {
		d->going = false;
		r = -EBUSY;
	}
	if (!r) {
		d->gone = true;
		list_del(&d->link);
		if (d->parent)
			d->parent->children--;
	}
out:
	mutex_unlock(&device_lock);
	return r;
}

static void stop(struct owner_object *object)
{
	withdraw(container_of(object, Banos_Device, object));
}

static void release(struct owner_object *object)
{
	banos_device_remove(container_of(object, Banos_Device, object));
}

static const struct owner_class added_class = {
	.name = "child device", .stage = OWNER_FRONT, .stop = stop, .release = release};

/* Letters, digits, _ and -, and those in `more`; neither empty nor too long for *out. */
static bool copy_name(char *out, size_t size, const char *name, const char *more)
{
	if (!name || !*name || strlcpy(out, name, size) >= size)
		return false;
	for (const char *c = name; *c; c++) {
		bool letter = (*c | 0x20) >= 'a' && (*c | 0x20) <= 'z';

		if (!letter && !(*c >= '0' && *c <= '9') && *c != '_' && *c != '-' &&
		    !strchr(more, *c))
			return false;
	}
	return true;
}

/* Returns what is wrong with it, or NULL. */
static const char *fill_in(Banos_Device *d, const Banos_Device_Desc *desc)
{
	Banos_Device_Info *info = &d->info;

	if (desc->flags)
		return "desc.flags must be 0";
	if (!copy_name(d->bus_name, sizeof(d->bus_name), desc->bus, ""))
		return "desc.bus must be 1 to 31 letters, digits, _ and -";
	if (!copy_name(d->name, sizeof(d->name), desc->name, ":."))
		return "desc.name must be 1 to 63 letters, digits, _ - : and .";
	if (desc->compatible &&
	    !copy_name(d->compatible, sizeof(d->compatible), desc->compatible, ":.,"))
		return "desc.compatible must be NULL, or 1 to 63 letters, digits, _ - : . and ,";
	info->vendor = desc->vendor;
	info->device = desc->device;
	info->subvendor = desc->subvendor;
	info->subdevice = desc->subdevice;
	info->class_code = desc->class_code;
	info->revision = desc->revision;
	return NULL;
}

int32_t banos_device_add(Banos_Driver *driver, const Banos_Device_Desc *given,
			 const Banos_Bus_Ops *ops, void *ctx, Banos_Device **device)
{
	struct owner *owner = owner_find(driver);
	Banos_Device_Desc desc;
	const char *wrong;
	Banos_Device *d;
	int r = BANOS_STRUCT_GET(owner, Banos_Device_Desc, &desc, given), used = 0;

	if (device)
		*device = NULL;
	if (r)
		return r;
	if (!owner || !device)
		return BANOS_REFUSE_CALLER(owner);
	if (desc.parent && device_owner(desc.parent) != owner)
		return BANOS_REFUSE(
			owner, -EINVAL,
			"desc.parent is not a device that this driver has: use the one that "
			"probe was given, or NULL");
	d = kzalloc(sizeof(*d));
	if (!d)
		return -ENOMEM;
	wrong = fill_in(d, &desc);
	if (wrong)
		r = BANOS_REFUSE_WRONG(owner, desc.name, wrong);
	if (!r && ops)
		r = used = BANOS_OPS_GET(owner, Banos_Bus_Ops, &d->bus_ops, ops);
	if (r >= 0) {
		d->ctx = ctx;
		d->parent = desc.parent;
		d->object.scope = desc.parent;
		*device = d; /* first: its driver may call us before we return */
		owner_add(owner, &d->object, &added_class);
		r = device_add(d);
		if (r)
			owner_remove(&d->object);
	}
	if (r) {
		*device = NULL;
		kfree(d);
	}
	return r ? r : used;
}
BANOS_EXPORT(banos_device_add);

int32_t banos_device_remove(Banos_Device *d)
{
	int r;

	if (!d || !owner_claim(&d->object))
		return 0;
	r = withdraw(d);
	if (r) {
		owner_unclaim(&d->object);
		return r;
	}
	owner_remove(&d->object);
	kfree(d);
	return 0;
}
BANOS_EXPORT(banos_device_remove);

void *banos_device_context(Banos_Driver *driver, Banos_Device *d)
{
	struct owner *owner = owner_find(driver);

	return d && owner && d->object.owner == owner ? d->ctx : NULL;
}
BANOS_EXPORT(banos_device_context);

/* --- questions -------------------------------------------------------------------------------- */

int32_t banos_device_info(Banos_Device *d, Banos_Device_Info *info)
{
	if (!d || BANOS_STRUCT_CHECK(NULL, Banos_Device_Info, info) || info->flags)
		return -EINVAL;
	BANOS_STRUCT_PUT(Banos_Device_Info, info, &d->info);
	return 0;
}
BANOS_EXPORT(banos_device_info);

uint64_t banos_device_match_data(Banos_Device *d)
{
	return d->match.data;
}
BANOS_EXPORT(banos_device_match_data);

static bool find_property(const Banos_List *list, const char *name, Banos_Property *out)
{
	for (uint32_t i = 0; i < list->count; i++) {
		memset(out, 0, sizeof(*out));
		memcpy(out, (const uint8_t *)list->first + (size_t)i * list->stride,
		       min((size_t)list->stride, sizeof(*out)));
		if (strcmp(out->name, name) == 0)
			return true;
	}
	return false;
}

int32_t banos_device_property(Banos_Device *d, const char *name, uint32_t type, void *buffer,
			      uint32_t size)
{
	Banos_Property p;

	if (!d || !name || !buffer)
		return -EINVAL;
	if (!find_property(&d->match.properties, name, &p))
		return -ENOENT;
	if (type != (p.text ? BANOS_PARAM_TEXT : BANOS_PARAM_UNSIGNED))
		return -EINVAL;
	if (p.text)
		return size ? (int32_t)strlcpy(buffer, p.text, size) : -EINVAL;
	if (size != sizeof(p.number))
		return -EINVAL;
	memcpy(buffer, &p.number, sizeof(p.number));
	return sizeof(p.number);
}
BANOS_EXPORT(banos_device_property);

/* --- /proc/banos/devices ---------------------------------------------------------------------- */

static void show_id(struct text *out, const char *key, uint32_t value, int digits)
{
	if (value == BANOS_MATCH_ANY)
		text_printf(out, " %s=*", key);
	else
		text_printf(out, " %s=%0*x", key, digits, value);
}

/* "pci 0000:00:04.0 vendor=1234 device=11e8 ... driver=edu": `banos probe` reads it. */
static void show_device(const Banos_Device *d, struct text *out)
{
	const Banos_Device_Info *i = &d->info;
	const struct owner *owner = d->state == DEVICE_BOUND ? device_owner(d) : NULL;

	text_printf(out, "%s %s", i->bus, i->name);
	show_id(out, "vendor", i->vendor, 4);
	show_id(out, "device", i->device, 4);
	show_id(out, "subvendor", i->subvendor, 4);
	show_id(out, "subdevice", i->subdevice, 4);
	show_id(out, "class", i->class_code, 6);
	show_id(out, "revision", i->revision, 2);
	if (i->compatible[0])
		text_printf(out, " compatible=%s", i->compatible);
	if (owner)
		text_printf(out, " driver=%s", owner->name);
	text_printf(out, "\n");
}

/* A bound device keeps its driver, and that its name. */
static void show(struct stats_node *n, struct text *out)
{
	const Banos_Device *d;

	mutex_lock(&device_lock);
	list_for_each_entry(d, &devices, link)
		show_device(d, out);
	mutex_unlock(&device_lock);
}

void device_init(void)
{
	static struct stats_node node = {.path = "banos/devices", .show = show};

	stats_add(&node);
}
