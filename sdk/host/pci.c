/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Simulated PCI devices: models (banos-host/model.h) come as shared objects and become devices of
 * the bus "pci", whose matching and binding is the kernel's (kernel/bus/device.c).
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
#define CAP_MSI	    0x40
#define CAP_MSIX    0x60
#define CAP_EXPRESS 0x80

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

static const Banos_Model_Host services = {
	.size = sizeof(services),
	.interrupt = pci_interrupt,
	.read = model_read,
	.write = model_write,
	.after = model_after,
	.log = model_log,
	.random = task_random,
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

/* One capability more at the end of the list; its first two bytes. */
static void add_capability(Device *d, uint32_t *last, uint32_t offset, uint32_t id)
{
	put(d, *last, 1, offset);
	put(d, offset, 1, id);
	*last = offset + 1;
	put(d, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
}

static void fill_config(Device *d)
{
	const Banos_Model *m = d->model;
	uint32_t last = PCI_CAPABILITY_LIST;

	put(d, PCI_VENDOR_ID, 2, m->vendor);
	put(d, PCI_DEVICE_ID, 2, m->device);
	put(d, PCI_CLASS_REVISION, 4, m->class_code << 8 | (m->revision & 0xff));
	put(d, PCI_SUBSYSTEM_VENDOR_ID, 2, m->subvendor);
	put(d, PCI_SUBSYSTEM_ID, 2, m->subdevice);
	put(d, PCI_INTERRUPT_PIN, 1, m->line != 0);
	if (m->msi) {
		d->msi = CAP_MSI;
		add_capability(d, &last, CAP_MSI, PCI_CAP_ID_MSI);
		put(d, CAP_MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT);
	}
	if (m->msix) {
		d->msix = CAP_MSIX;
		add_capability(d, &last, CAP_MSIX, PCI_CAP_ID_MSIX);
		put(d, CAP_MSIX + PCI_MSIX_FLAGS, 2, m->msix - 1);
	}
	if (m->reset) {
		d->express = CAP_EXPRESS;
		add_capability(d, &last, CAP_EXPRESS, PCI_CAP_ID_EXP);
		put(d, CAP_EXPRESS + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_FLR);
	}
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
	if (!m || m->size != sizeof(*m) || m->flags)
		return "its banos_model gives another kind of model";
	if (!m->name || !m->create || !m->destroy || !m->read || !m->write)
		return "its model lacks a name or a required function";
	if (m->msix > VECTORS_MAX || m->msi > 1 || m->line > 1)
		return "its model has more interrupts than can be";
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

static const Banos_Model *load(const char *path, const char **why)
{
	const Banos_Model *(*get)(const Banos_Model_Host *host);
	char file[4096];
	void *object;

	/* Without a slash it would be looked for among the system's libraries. */
	snprintf(file, sizeof(file), "%s%s", strchr(path, '/') ? "" : "./", path);
	object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (!object) {
		*why = dlerror();
		return NULL;
	}
	get = (const Banos_Model *(*)(const Banos_Model_Host *))dlsym(object, "banos_model");
	if (!get) {
		*why = "it has no function banos_model";
		return NULL;
	}
	*why = check_model(get(&services));
	return *why ? NULL : get(&services);
}

Device *pci_find(const char *name)
{
	Device *d;

	list_for_each_entry(d, &all, link)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

Device *pci_plug(const char *path, const char *name, const char *options, const char **why)
{
	const Banos_Model *m = load(path, why);
	Device *d;

	if (!m)
		return NULL;
	if (pci_find(name ? name : m->name)) {
		*why = "there is a device of that name: say `as NAME`";
		return NULL;
	}
	d = host_alloc(sizeof(*d));
	d->model = m;
	d->state = m->create(d, options);
	if (!d->state) {
		*why = "its model cannot make a device";
		free(d);
		return NULL;
	}
	strlcpy(d->name, name ? name : m->name, sizeof(d->name));
	fill_config(d);
	place_bars(d);
	describe(d);
	list_add_tail(&d->link, &all);
	device_add(&d->device);
	return d;
}

void pci_unplug(Device *d)
{
	d->dead = true;
	if (device_evict(&d->device))
		return;
	list_del(&d->device.link);
	list_del(&d->link);
	forget_moments(d);
	d->model->destroy(d->state);
	free(d);
}

/* --- registers -------------------------------------------------------------------------------- */

static bool answers(const Device *d, uint32_t bar)
{
	uint32_t needed =
		d->model->bars[bar].flags & BANOS_PCI_BAR_PORTS ? BANOS_PCI_IO : BANOS_PCI_MEMORY;
	char where[WHERE_SIZE];

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
