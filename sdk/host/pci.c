/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Simulated devices: models (banos-host/model.h) come as shared objects and become devices of the
 * bus "pci", whose matching and binding is the kernel's (kernel/bus/device.c); or are found at
 * ports and a line of the machine (legacy).
 */
#include "pci.h"
#include "host.h"
#include "task.h"
#include <base/log.h>
#include <dlfcn.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

#define MEMORY_BASE 0xc0000000ull /* of BARs, one behind the other */
#define PORT_BASE   0xc000ull
#define BAR_MIN	    16
#define BAR_MAX	    (1ull << 32)
#define CAPS_BEGIN  0x40
#define CAP_MSI	    24 /* bytes that these capabilities have */
#define CAP_MSIX    12
#define CAP_EXPRESS 60
#define PORTS_END   65536u

typedef struct Banos_Model_Device Device;

/* A point in time that a model has asked for. */
struct moment {
	struct list link;
	Device *device;
	nsec_t time;
	uint64_t what;
};

static struct list all = LIST_INIT(all);
static struct list moments = LIST_INIT(moments);
static uint64_t next_memory = MEMORY_BASE, next_port = PORT_BASE;
static unsigned next_slot = 1;

/* --- what models call ------------------------------------------------------------------------- */

static int32_t model_read(Device *d, uint64_t address, void *to, uint64_t size)
{
	return dma_access(d, address, to, size, false);
}

static int32_t model_write(Device *d, uint64_t address, const void *from, uint64_t size)
{
	return dma_access(d, address, (void *)(uintptr_t)from, size, true);
}

static void model_after(Device *d, uint64_t ns, uint64_t what)
{
	struct moment *m = host_alloc(sizeof(*m));

	*m = (struct moment){.device = d, .time = task_now() + ns, .what = what};
	list_add_tail(&m->link, &moments);
}

static void model_log(Device *d, const char *text)
{
	log_printf(LOG_INFO, "device %s: %s", d->name, text);
}

static void model_complain(Device *d, const char *text)
{
	host_complain("device %s: %s", d->name, text);
}

/* What an older model does not have is zero; of a newer one we know the beginning. */
static void take_model(Device *d, const Banos_Model *m)
{
	d->own = (Banos_Model){.size = 0};
	memcpy(&d->own, m, min((size_t)m->size, sizeof(d->own)));
	d->model = &d->own;
}

static void model_ports(Device *d, uint32_t bar, uint32_t first, uint32_t count)
{
	if (d->port_count == PORTS_MAX || bar >= PCI_BARS || !count || first >= PORTS_END ||
	    count > PORTS_END - first) {
		host_complain("device %s: it cannot have these ports", d->name);
		return;
	}
	d->ports[d->port_count].bar = bar;
	d->ports[d->port_count].first = first;
	d->ports[d->port_count++].count = count;
}

static void model_line(Device *d, uint32_t number)
{
	d->line = irq_line(number) ? number : NO_LINE;
}

static const Banos_Model_Host services = {
	.size = sizeof(services),
	.interrupt = pci_interrupt,
	.read = model_read,
	.write = model_write,
	.after = model_after,
	.log = model_log,
	.random = task_random,
	.complain = model_complain,
	.describe = take_model,
	.ports = model_ports,
	.line = model_line,
};

/* --- their time ------------------------------------------------------------------------------- */

static struct moment *next_moment(void)
{
	struct moment *m, *next = NULL;

	list_for_each_entry(m, &moments, link)
		if (!next || m->time < next->time)
			next = m;
	return next;
}

static bool is_due(const void *on)
{
	const struct moment *m = next_moment();

	return m && m->time <= task_now();
}

nsec_t pci_next(void)
{
	const struct moment *m = next_moment();

	return m ? m->time : NEVER;
}

static void serve(void *arg)
{
	struct moment *m;

	for (;;) {
		task_wait(is_due, NULL, NEVER, false, "a device");
		m = next_moment();
		if (!m || m->time > task_now())
			continue;
		list_del(&m->link);
		if (!m->device->dead && m->device->model->due)
			m->device->model->due(m->device->state, m->what);
		free(m);
	}
}

void pci_begin(void)
{
	device_init();
	task_create("devices", serve, NULL, TASK_SERVICE);
}

static void forget_moments(const Device *d)
{
	struct moment *m, *next;

	list_for_each_entry_safe(m, next, &moments, link)
		if (m->device == d) {
			list_del(&m->link);
			free(m);
		}
}

/* --- configuration space ---------------------------------------------------------------------- */

static void put(Device *d, uint32_t offset, uint32_t width, uint64_t value)
{
	memcpy(d->config + offset, &value, width);
}

/* The list of capabilities as it is being made. */
struct capabilities {
	uint32_t last; /* where the next one's place is written */
	uint32_t end;
};

/* One more: where it is. */
static uint32_t add_capability(Device *d, struct capabilities *c, uint32_t id, uint32_t length)
{
	uint32_t at = c->end;

	put(d, c->last, 1, at);
	put(d, at, 1, id);
	put(d, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	c->last = at + 1;
	c->end = at + ALIGN_UP(length, 4u);
	return at;
}

static uint32_t capabilities_size(const Banos_Model *m)
{
	uint32_t size =
		(m->msi ? CAP_MSI : 0) + (m->msix ? CAP_MSIX : 0) + (m->reset ? CAP_EXPRESS : 0);

	for (unsigned i = 0; i < BANOS_MODEL_CAPABILITIES; i++)
		size += ALIGN_UP(min(m->capabilities[i].length, (uint32_t)CONFIG_SIZE), 4u);
	return size;
}

static void fill_capabilities(Device *d)
{
	struct capabilities c = {.last = PCI_CAPABILITY_LIST, .end = CAPS_BEGIN};
	const Banos_Model *m = d->model;

	if (m->msi) {
		d->msi = add_capability(d, &c, PCI_CAP_ID_MSI, CAP_MSI);
		put(d, d->msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT);
	}
	if (m->msix) {
		d->msix = add_capability(d, &c, PCI_CAP_ID_MSIX, CAP_MSIX);
		put(d, d->msix + PCI_MSIX_FLAGS, 2, m->msix - 1);
	}
	if (m->reset) {
		d->express = add_capability(d, &c, PCI_CAP_ID_EXP, CAP_EXPRESS);
		put(d, d->express + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR);
	}
	for (unsigned i = 0; i < BANOS_MODEL_CAPABILITIES && m->capabilities[i].length; i++) {
		const uint8_t *bytes = m->capabilities[i].bytes;
		uint32_t length = m->capabilities[i].length;
		uint32_t at = add_capability(d, &c, bytes[0], length);

		memcpy(d->config + at + 2, bytes + 2, length - 2);
	}
}

static void fill_config(Device *d)
{
	const Banos_Model *m = d->model;

	put(d, PCI_VENDOR_ID, 2, m->vendor);
	put(d, PCI_DEVICE_ID, 2, m->device);
	put(d, PCI_CLASS_REVISION, 4, m->class_code << 8 | (m->revision & 0xff));
	put(d, PCI_SUBSYSTEM_VENDOR_ID, 2, m->subvendor);
	put(d, PCI_SUBSYSTEM_ID, 2, m->subdevice);
	put(d, PCI_INTERRUPT_PIN, 1, m->line != 0);
	fill_capabilities(d);
}

/* An address for each BAR, as a firmware gives it. */
static void place_bars(Device *d)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint64_t length = d->model->bars[i].length;
		bool ports = d->model->bars[i].flags & BANOS_PCI_BAR_PORTS;
		uint64_t *next = ports ? &next_port : &next_memory;

		if (!length)
			continue;
		*next = ALIGN_UP(*next, length);
		d->bases[i] = *next;
		*next += length;
		put(d, PCI_BASE_ADDRESS_0 + 4 * i, 4, d->bases[i] | (ports ? 1 : 0));
	}
}

/* --- coming and going ------------------------------------------------------------------------- */

static const char *check_model(const Banos_Model *m)
{
	if (!m || m->size < offsetof(Banos_Model, capabilities) || (m->flags & ~BANOS_MODEL_LEGACY))
		return "its banos_model gives another kind of model";
	if (!m->name || !m->create || !m->destroy || !m->read || !m->write)
		return "its model lacks a name or a required function";
	if (m->msix > VECTORS_MAX || m->msi > 1 || m->line > 1)
		return "its model has more interrupts than can be";
	for (unsigned i = 0; i < BANOS_MODEL_CAPABILITIES; i++)
		if (m->capabilities[i].length && m->capabilities[i].length < 3)
			return "a capability of its model is too short";
	if (capabilities_size(m) > CONFIG_SIZE - CAPS_BEGIN)
		return "the capabilities of its model do not fit";
	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint64_t length = m->bars[i].length;

		if (length && (length < BAR_MIN || length > BAR_MAX || (length & (length - 1))))
			return "a BAR of its model has a length that cannot be";
	}
	return NULL;
}

static void stop(Banos_Device *device)
{
	Device *d = pci_of(device);

	d->enabled &= ~BANOS_PCI_MASTER;
}

static const struct device_bus bus = {.stop = stop};

Device *pci_of_driver(Banos_Device *device)
{
	return device && device->bus == &bus && device_owner(device) ? pci_of(device) : NULL;
}

static void describe(Device *d)
{
	Banos_Device_Info *info = &d->device.info;
	const Banos_Model *m = d->model;

	d->device.bus = &bus;
	snprintf(d->device.bus_name, sizeof(d->device.bus_name), "pci");
	snprintf(d->device.name, sizeof(d->device.name), "0000:00:%02x.0", next_slot++);
	info->vendor = m->vendor;
	info->device = m->device;
	info->subvendor = m->subvendor;
	info->subdevice = m->subdevice;
	info->class_code = m->class_code;
	info->revision = m->revision;
}

/* The model in that file, into *d. NULL, or what is wrong. */
static const char *load(const char *path, Device *d)
{
	const Banos_Model *(*get)(const Banos_Model_Host *host);
	const Banos_Model *m;
	char file[4096];
	void *object;

	/* Without a slash it would be looked for among the system's libraries. */
	snprintf(file, sizeof(file), "%s%s", strchr(path, '/') ? "" : "./", path);
	object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!object)
		return dlerror();
	get = (const Banos_Model *(*)(const Banos_Model_Host *))dlsym(object, "banos_model");
	if (!get)
		return "it has no function banos_model";
	m = get(&services);
	if (!m || m->size < offsetof(Banos_Model, capabilities))
		return "its banos_model gives another kind of model";
	take_model(d, m);
	return check_model(&d->own);
}

Device *pci_find(const char *name)
{
	Device *d;

	list_for_each_entry(d, &all, link)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

/* Two devices at one port would both answer. */
static bool ports_collide(const Device *d)
{
	uint32_t bar, offset;

	for (uint32_t i = 0; i < d->port_count; i++)
		for (uint32_t k = 0; k < d->ports[i].count; k++)
			if (pci_legacy_at(d->ports[i].first + k, 1, &bar, &offset))
				return true;
	return false;
}

/* NULL, or why there is no such device. */
static const char *make(Device *d, const char *path, const char *name, const char *options)
{
	const char *why = load(path, d);

	if (why)
		return why;
	d->line = NO_LINE;
	strlcpy(d->name, name ? name : d->model->name, sizeof(d->name));
	d->state = d->model->create(d, options);
	if (!d->state)
		return "its model cannot make a device";
	/* By now it may have another description. */
	why = check_model(d->model);
	strlcpy(d->name, name ? name : d->model->name, sizeof(d->name));
	if (!why && pci_find(d->name))
		why = "there is a device of that name: give this one another, by "
		      "`plug FILE as NAME` or --device FILE,as=NAME";
	if (!why && ports_collide(d))
		why = "there is a device at its ports";
	if (why)
		d->model->destroy(d->state);
	return why;
}

Device *pci_plug(const char *path, const char *name, const char *options, const char **why)
{
	Device *d = host_alloc(sizeof(*d));

	*why = make(d, path, name, options);
	if (*why) {
		forget_moments(d);
		free(d);
		return NULL;
	}
	list_add_tail(&d->link, &all);
	if (pci_is_legacy(d))
		return d;
	fill_config(d);
	place_bars(d);
	describe(d);
	device_add(&d->device);
	return d;
}

void pci_unplug(Device *d)
{
	d->dead = true;
	pci_update_line(d);
	if (!pci_is_legacy(d)) {
		if (device_evict(&d->device))
			return;
		list_del(&d->device.link);
	}
	list_del(&d->link);
	ports_orphan(d);
	forget_moments(d);
	d->model->destroy(d->state);
	free(d);
}

bool pci_fault(Device *d, const char *word)
{
	return d->model->fault && d->model->fault(d->state, word) == 0;
}

Device *pci_legacy_at(uint32_t first, uint32_t count, uint32_t *bar, uint32_t *offset)
{
	Device *d;

	list_for_each_entry(d, &all, link)
		for (uint32_t i = 0; i < d->port_count; i++)
			if (first >= d->ports[i].first &&
			    first + count <= d->ports[i].first + d->ports[i].count) {
				*bar = d->ports[i].bar;
				*offset = first - d->ports[i].first;
				return d;
			}
	return NULL;
}

/* --- registers -------------------------------------------------------------------------------- */

static bool answers(const Device *d, uint32_t bar)
{
	uint32_t needed =
		d->model->bars[bar].flags & BANOS_PCI_BAR_PORTS ? BANOS_PCI_IO : BANOS_PCI_MEMORY;
	char where[WHERE_SIZE];

	if (pci_is_legacy(d))
		return !d->dead;
	if (!(d->enabled & needed))
		host_complain("%s: an access to device %s, which is not enabled "
			      "(banos_pci_enable)",
			      images_where(api_caller(), where), d->name);
	return !d->dead && d->enabled & needed;
}

uint64_t pci_bar_read(Device *d, uint32_t bar, uint64_t offset, uint32_t width)
{
	return answers(d, bar) ? d->model->read(d->state, bar, offset, width) : UINT64_MAX;
}

void pci_bar_write(Device *d, uint32_t bar, uint64_t offset, uint32_t width, uint64_t value)
{
	if (width < 8)
		value &= (1ull << (8 * width)) - 1;
	if (answers(d, bar))
		d->model->write(d->state, bar, offset, width, value);
}
