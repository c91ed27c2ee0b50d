/* SPDX-License-Identifier: MIT */
/*
 * virtio over PCI, modern devices (Virtual I/O Device 1.2, 4.1): finds the parts of the registers,
 * adds a device on the bus "virtio" for each, and does for its driver what <banos/x_virtio.h> says.
 *
 *	quiet	 -> agreed	virtio_negotiate: reset, features
 *	agreed	 -> working	virtio_ready; queues may be made before
 *	any	 -> quiet	virtio_reset, negotiate anew, or its driver has gone (stop)
 *
 * Interrupts are those of the device's state: had by negotiate, given back by reset. The driver is
 * called by them from virtio_ready to reset only, whatever the device does: before, it may not have
 * got its queues yet. With messages each queue has its own and the configuration one; with too few
 * of them, or many queues, there is one for all queues, or one for everything, or a line.
 *
 * The one message for everything does not say why it came: whether the configuration has changed is
 * then seen by its generation, and a failure by the status. A device that says that it has failed
 * (DEVICE_NEEDS_RESET) is as one that was caught lying.
 *
 * Locks: v->lock around negotiate, queue_create, ready, reset. Inside it, or alone in an interrupt,
 * v->status_lock: a change of the status reads it first, and must not write back what a reset has
 * cleared meanwhile. ring.c has that of a queue.
 */
#include "internal.h"
#include <banos/driver.h>
#include <banos/export.h>
#include <banos/format.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/pci.h>
#include <banos/time.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#define MODERN_FIRST  0x1040 /* device numbers: this and the kind */
#define MODERN_LAST   0x107f
#define LEGACY_FIRST  0x1000 /* of those that are both, the kind is the subdevice */
#define LEGACY_LAST   0x103f
#define COMMON_LENGTH 56
#define TRIES	      100
#define PAUSE_NS      1000000

static struct {
	Banos_Driver record;
	Banos_Device_Driver *devices;
} driver;

/* --- registers -------------------------------------------------------------------------------- */

static uint8_t status(struct virtio *v)
{
	return banos_mmio_r8(v->common, VIRTIO_PCI_COMMON_STATUS);
}

static void add_status(struct virtio *v, uint8_t bit)
{
	uint64_t token = banos_spin_lock(&v->status_lock);

	banos_mmio_w8(v->common, VIRTIO_PCI_COMMON_STATUS, status(v) | bit);
	banos_spin_unlock(&v->status_lock, token);
}

/* From here on it does not work, and nobody but negotiate writes the status. */
static void clear_status(struct virtio *v)
{
	uint64_t token = banos_spin_lock(&v->status_lock);

	__atomic_store_n(&v->working, 0, __ATOMIC_RELEASE);
	banos_mmio_w8(v->common, VIRTIO_PCI_COMMON_STATUS, 0);
	banos_spin_unlock(&v->status_lock, token);
}

void virtio_fail(struct virtio *v, const char *why)
{
	uint64_t token;

	if (__atomic_exchange_n(&v->broken, 1, __ATOMIC_RELAXED))
		return;
	banos_log_format(BANOS_LOG_ERROR, "virtio: device %s %s: it is not used any more", v->name,
			 why);
	token = banos_spin_lock(&v->status_lock);
	if (__atomic_load_n(&v->working, __ATOMIC_RELAXED))
		banos_mmio_w8(v->common, VIRTIO_PCI_COMMON_STATUS,
			      status(v) | VIRTIO_CONFIG_S_FAILED);
	banos_spin_unlock(&v->status_lock, token);
}

static uint64_t read_features(struct virtio *v, uint32_t word)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < 2; i++) {
		banos_mmio_w32(v->common, VIRTIO_PCI_COMMON_DFSELECT, 2 * word + i);
		value |= (uint64_t)banos_mmio_r32(v->common, VIRTIO_PCI_COMMON_DF) << (32 * i);
	}
	return value;
}

static void write_features(struct virtio *v, uint32_t word, uint64_t value)
{
	for (uint32_t i = 0; i < 2; i++) {
		banos_mmio_w32(v->common, VIRTIO_PCI_COMMON_GFSELECT, 2 * word + i);
		banos_mmio_w32(v->common, VIRTIO_PCI_COMMON_GF, (uint32_t)(value >> (32 * i)));
	}
}

static struct virtio *of(Banos_Device *device)
{
	return banos_device_context(&driver.record, device);
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* Of one queue. */
static uint32_t on_queue(void *ctx)
{
	ring_call(ctx);
	return BANOS_IRQ_HANDLED;
}

/* Of all queues. */
static uint32_t on_queues(void *ctx)
{
	struct virtio *v = ctx;

	for (uint32_t i = 0; i < QUEUES_MAX; i++) {
		Virtio_Queue *q = __atomic_load_n(&v->queues[i], __ATOMIC_ACQUIRE);

		if (q)
			ring_call(q);
	}
	return BANOS_IRQ_HANDLED;
}

static uint32_t on_config(void *ctx)
{
	struct virtio *v = ctx;

	if (!__atomic_load_n(&v->working, __ATOMIC_ACQUIRE))
		return BANOS_IRQ_HANDLED;
	if (status(v) & VIRTIO_CONFIG_S_NEEDS_RESET)
		virtio_fail(v, "has failed");
	else if (v->changed)
		v->changed(v->changed_ctx);
	return BANOS_IRQ_HANDLED;
}

static uint8_t generation(struct virtio *v)
{
	return banos_mmio_r8(v->common, VIRTIO_PCI_COMMON_CFGGENERATION);
}

/* A message for everything. */
static uint32_t on_message(void *ctx)
{
	struct virtio *v = ctx;
	uint8_t now = generation(v);

	if (now != v->generation || status(v) & VIRTIO_CONFIG_S_NEEDS_RESET) {
		v->generation = now;
		on_config(v);
	}
	return on_queues(v);
}

/* Reading ISR takes the request back. */
static uint32_t on_line(void *ctx)
{
	struct virtio *v = ctx;
	uint8_t why = banos_mmio_r8(v->isr, 0);

	if (!why)
		return BANOS_IRQ_NONE;
	if (why & VIRTIO_PCI_ISR_CONFIG)
		on_config(v);
	return on_queues(v);
}

/* Lock held. How many, all of one kind; or -errno. */
static int32_t allocate(struct virtio *v, enum interrupts mode, uint32_t queues)
{
	uint32_t n = mode == EACH ? 1 + queues : mode == TWO ? 2 : 1;

	if (mode == EACH && queues > OWN_MAX)
		return -ENOSPC;
	v->mode = mode;
	return banos_pci_irq_alloc(v->pci, n, n, mode == LINE ? BANOS_PCI_LINE : BANOS_PCI_MSIX,
				   v->irqs);
}

static int32_t bind(struct virtio *v, uint32_t index, Banos_Irq_Hard function, void *ctx)
{
	return banos_irq_bind(v->irqs[index], function, 0, ctx, BANOS_CPU_ANY, 0);
}

/* Lock held. Number 0 is for all, or for the configuration. */
static int32_t get_interrupts(struct virtio *v)
{
	uint32_t queues = banos_mmio_r16(v->common, VIRTIO_PCI_COMMON_NUMQ);
	int32_t n = allocate(v, EACH, queues);

	if (n < 0)
		n = allocate(v, TWO, queues);
	if (n < 0)
		n = allocate(v, ONE, queues);
	if (n < 0)
		n = allocate(v, LINE, queues);
	if (n < 0)
		return n;
	v->irq_count = (uint32_t)n;
	if (v->mode == LINE)
		return bind(v, 0, on_line, v);
	n = bind(v, 0, v->mode == ONE ? on_message : on_config, v);
	if (!n && v->mode == TWO)
		n = bind(v, 1, on_queues, v);
	if (n)
		return n;
	banos_mmio_w16(v->common, VIRTIO_PCI_COMMON_MSIX, 0);
	return banos_mmio_r16(v->common, VIRTIO_PCI_COMMON_MSIX) == 0 ? 0 : -EIO;
}

/* The vector that a queue is to have, and its handler; lock held, the queue selected. */
static int32_t set_vector(struct virtio *v, Virtio_Queue *q, uint32_t index)
{
	uint16_t vector = v->mode == EACH ? (uint16_t)(1 + index) : v->mode == TWO ? 1 : 0;

	if (v->mode == LINE)
		return 0;
	if (v->mode == EACH) {
		/* It may say now that it has more queues than before. */
		int32_t result = vector < v->irq_count ? bind(v, vector, on_queue, q) : -EIO;

		if (result)
			return result;
	}
	banos_mmio_w16(v->common, VIRTIO_PCI_COMMON_Q_MSIX, vector);
	return banos_mmio_r16(v->common, VIRTIO_PCI_COMMON_Q_MSIX) == vector ? 0 : -EIO;
}

/* --- states ----------------------------------------------------------------------------------- */

/* Lock held. 0; -EIO: it does not come to rest, and is kept from the memory at least. */
static int32_t make_quiet(struct virtio *v)
{
	int32_t result = -EIO;

	clear_status(v);
	for (uint32_t i = 0; i < TRIES && result; i++) {
		if (status(v) == 0)
			result = 0;
		else
			banos_sleep_ns(PAUSE_NS, 0);
	}
	banos_pci_disable(v->pci, BANOS_PCI_MASTER);
	for (uint32_t i = 0; i < v->irq_count; i++) {
		banos_irq_free(v->irqs[i]);
		v->irqs[i] = 0;
	}
	v->irq_count = 0;
	for (uint32_t i = 0; i < QUEUES_MAX; i++) {
		ring_destroy(v->queues[i]);
		v->queues[i] = 0;
	}
	v->agreed = 0;
	v->changed = 0;
	return result;
}

void virtio_reset(Banos_Device *device)
{
	struct virtio *v = of(device);

	if (!v)
		return;
	banos_mutex_lock(&v->lock);
	make_quiet(v);
	banos_mutex_unlock(&v->lock);
}
BANOS_EXPORT(virtio_reset);

/* Lock held, the device acknowledged. */
static int32_t agree(struct virtio *v, const uint64_t want[2], const uint64_t need[2],
		     uint64_t got[2])
{
	uint64_t version = 1ull << VIRTIO_F_VERSION_1;

	for (uint32_t i = 0; i < 2; i++) {
		uint64_t ours = i ? 0 : version;
		uint64_t offered = read_features(v, i);

		if ((need[i] | ours) & ~offered)
			return -EOPNOTSUPP;
		got[i] = offered & (want[i] | need[i] | ours);
		write_features(v, i, got[i]);
	}
	add_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	return status(v) & VIRTIO_CONFIG_S_FEATURES_OK ? 0 : -EOPNOTSUPP;
}

static int32_t begin(struct virtio *v, const uint64_t want[2], const uint64_t need[2],
		     uint64_t got[2])
{
	int32_t result = make_quiet(v);

	if (result)
		return result;
	__atomic_store_n(&v->broken, 0, __ATOMIC_RELAXED);
	add_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	add_status(v, VIRTIO_CONFIG_S_DRIVER);
	result = agree(v, want, need, got);
	if (!result)
		result = get_interrupts(v);
	if (!result)
		result = banos_pci_enable(v->pci, BANOS_PCI_MASTER);
	if (result) {
		add_status(v, VIRTIO_CONFIG_S_FAILED);
		make_quiet(v);
		return result;
	}
	v->agreed = 1;
	return 0;
}

int32_t virtio_negotiate(Banos_Device *device, const uint64_t want[2], const uint64_t need[2],
			 uint64_t got[2])
{
	struct virtio *v = of(device);
	int32_t result;

	if (!v)
		return -ENODEV;
	banos_mutex_lock(&v->lock);
	result = begin(v, want, need, got);
	banos_mutex_unlock(&v->lock);
	return result;
}
BANOS_EXPORT(virtio_negotiate);

int32_t virtio_ready(Banos_Device *device)
{
	struct virtio *v = of(device);
	int32_t result = -EIO;

	if (!v)
		return -ENODEV;
	banos_mutex_lock(&v->lock);
	if (v->agreed && !v->broken) {
		v->generation = generation(v);
		__atomic_store_n(&v->working, 1, __ATOMIC_RELEASE);
		add_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
		result = status(v) & VIRTIO_CONFIG_S_NEEDS_RESET ? -EIO : 0;
	}
	banos_mutex_unlock(&v->lock);
	return result;
}
BANOS_EXPORT(virtio_ready);

/* --- configuration ---------------------------------------------------------------------------- */

static void read_once(struct virtio *v, uint32_t offset, uint8_t *to, uint32_t size)
{
	uint32_t width = (size == 2 || size == 4) && offset % size == 0 ? size : 1;

	/* Fields of 8 bytes are two of 4. */
	if (size == 8 && offset % 4 == 0)
		width = 4;
	for (uint32_t i = 0; i < size; i += width) {
		uint32_t value = width == 1   ? banos_mmio_r8(v->config, offset + i)
				 : width == 2 ? banos_mmio_r16(v->config, offset + i)
					      : banos_mmio_r32(v->config, offset + i);

		for (uint32_t k = 0; k < width; k++)
			to[i + k] = (uint8_t)(value >> (8 * k));
	}
}

int32_t virtio_config_read(Banos_Device *device, uint32_t offset, void *buffer, uint32_t size)
{
	struct virtio *v = of(device);
	uint8_t before;

	if (!v)
		return -ENODEV;
	if (!v->config || offset > banos_mmio_length(v->config) ||
	    size > banos_mmio_length(v->config) - offset)
		return -EINVAL;
	for (uint32_t i = 0; i < TRIES; i++) {
		before = generation(v);
		read_once(v, offset, buffer, size);
		if (generation(v) == before)
			return 0;
	}
	return -EIO;
}
BANOS_EXPORT(virtio_config_read);

int32_t virtio_config_notify(Banos_Device *device, void (*changed)(void *ctx), void *ctx)
{
	struct virtio *v = of(device);
	int32_t result = -EINVAL;

	if (!v)
		return -ENODEV;
	banos_mutex_lock(&v->lock);
	if (v->agreed && !v->working) {
		v->changed = changed;
		v->changed_ctx = ctx;
		result = 0;
	}
	banos_mutex_unlock(&v->lock);
	return result;
}
BANOS_EXPORT(virtio_config_notify);

/* --- queues ----------------------------------------------------------------------------------- */

static void write_address(struct virtio *v, uint32_t at, uint64_t address)
{
	banos_mmio_w32(v->common, at, (uint32_t)address);
	banos_mmio_w32(v->common, at + 4, (uint32_t)(address >> 32));
}

/* Tell the device of it; lock held, the queue selected. */
static int32_t set_up(struct virtio *v, Virtio_Queue *q, uint32_t index, uint32_t size)
{
	uint64_t notify = (uint64_t)banos_mmio_r16(v->common, VIRTIO_PCI_COMMON_Q_NOFF) *
			  v->notify_multiplier;
	uint64_t descriptors, available, used;
	int32_t result;

	if (notify % 2 || notify + 2 > banos_mmio_length(v->notify))
		return -EIO;
	ring_set_notify(q, notify);
	banos_mmio_w16(v->common, VIRTIO_PCI_COMMON_Q_SIZE, (uint16_t)size);
	ring_addresses(q, &descriptors, &available, &used);
	write_address(v, VIRTIO_PCI_COMMON_Q_DESCLO, descriptors);
	write_address(v, VIRTIO_PCI_COMMON_Q_AVAILLO, available);
	write_address(v, VIRTIO_PCI_COMMON_Q_USEDLO, used);
	result = set_vector(v, q, index);
	if (!result)
		banos_mmio_w16(v->common, VIRTIO_PCI_COMMON_Q_ENABLE, 1);
	return result;
}

static int32_t create(struct virtio *v, uint32_t index, uint32_t size, void (*called)(void *ctx),
		      void *ctx)
{
	uint32_t most, n = 1;
	Virtio_Queue *q;
	int32_t result;

	banos_mmio_w16(v->common, VIRTIO_PCI_COMMON_Q_SELECT, (uint16_t)index);
	most = banos_mmio_r16(v->common, VIRTIO_PCI_COMMON_Q_SIZE);
	if (!most)
		return -ENOENT;
	if (most > size)
		most = size;
	while (2 * n <= most && 2 * n <= QUEUE_SIZE_MAX)
		n *= 2;
	q = ring_create(v, index, n, called, ctx);
	if (!q)
		return -ENOMEM;
	result = set_up(v, q, index, n);
	/* The device may know of it: it goes when the device is quiet. */
	if (result)
		ring_orphan(q);
	__atomic_store_n(&v->queues[index], q, __ATOMIC_RELEASE);
	return result;
}

int32_t virtio_queue_create(Banos_Device *device, uint32_t index, uint32_t size,
			    void (*called)(void *ctx), void *ctx, Virtio_Queue **queue)
{
	struct virtio *v = of(device);
	int32_t result = -EINVAL;

	*queue = 0;
	if (!v)
		return -ENODEV;
	if (index >= QUEUES_MAX || !size)
		return -EINVAL;
	banos_mutex_lock(&v->lock);
	if (v->queues[index])
		result = -EBUSY;
	else if (v->agreed)
		result = create(v, index, size, called, ctx);
	if (!result)
		*queue = v->queues[index];
	banos_mutex_unlock(&v->lock);
	return result;
}
BANOS_EXPORT(virtio_queue_create);

/* --- finding a device's parts ----------------------------------------------------------------- */

static int32_t map_part(struct virtio *v, uint32_t at, uint64_t least, Banos_Mmio **out)
{
	uint32_t bar = 0, offset = 0, length = 0;

	if (*out)
		return 0; /* the first of a kind counts */
	banos_pci_read(v->pci, at + VIRTIO_PCI_CAP_BAR, 1, &bar);
	banos_pci_read(v->pci, at + VIRTIO_PCI_CAP_OFFSET, 4, &offset);
	banos_pci_read(v->pci, at + VIRTIO_PCI_CAP_LENGTH, 4, &length);
	if (length < least || offset % 4)
		return -EIO;
	return banos_mmio_map(v->pci, bar, offset, length, 0, out);
}

static int32_t find_parts(struct virtio *v)
{
	uint32_t at = 0, kind = 0;
	int32_t result = 0;

	for (uint32_t i = 0; i < TRIES && !result; i++) {
		if (banos_pci_capability(v->pci, PCI_CAP_ID_VNDR, at, &at))
			break;
		banos_pci_read(v->pci, at + VIRTIO_PCI_CAP_CFG_TYPE, 1, &kind);
		if (kind == VIRTIO_PCI_CAP_COMMON_CFG) {
			result = map_part(v, at, COMMON_LENGTH, &v->common);
		} else if (kind == VIRTIO_PCI_CAP_NOTIFY_CFG && !v->notify) {
			result = map_part(v, at, 2, &v->notify);
			banos_pci_read(v->pci, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4,
				       &v->notify_multiplier);
		} else if (kind == VIRTIO_PCI_CAP_ISR_CFG) {
			result = map_part(v, at, 1, &v->isr);
		} else if (kind == VIRTIO_PCI_CAP_DEVICE_CFG) {
			result = map_part(v, at, 1, &v->config);
		}
	}
	/* Not a modern device: nothing for us. */
	return result ? result : v->common && v->notify && v->isr ? 0 : -ENODEV;
}

/* The kind; BANOS_MATCH_ANY: none. */
static uint32_t kind_of(const Banos_Device_Info *info)
{
	if (info->device >= LEGACY_FIRST && info->device <= LEGACY_LAST)
		return info->subdevice;
	return info->device > MODERN_FIRST && info->device <= MODERN_LAST
		       ? info->device - MODERN_FIRST
		       : BANOS_MATCH_ANY;
}

/* --- life ------------------------------------------------------------------------------------- */

static void stop(void *ctx)
{
	struct virtio *v = ctx;

	banos_mutex_lock(&v->lock);
	make_quiet(v);
	banos_mutex_unlock(&v->lock);
}

static const Banos_Bus_Ops bus_ops = {.size = sizeof(bus_ops), .stop = stop};

static int32_t start(struct virtio *v, const Banos_Device_Info *info)
{
	Banos_Device_Desc desc = {.size = sizeof(desc),
				  .bus = "virtio",
				  .name = v->name,
				  .parent = v->pci,
				  .vendor = info->subvendor,
				  .device = kind_of(info),
				  .subvendor = BANOS_MATCH_ANY,
				  .subdevice = BANOS_MATCH_ANY,
				  .revision = info->revision};
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	int32_t result = banos_pci_enable(v->pci, BANOS_PCI_MEMORY);

	if (!result)
		result = find_parts(v);
	if (!result && desc.device == BANOS_MATCH_ANY)
		result = -ENODEV;
	if (!result)
		result = banos_dma_create(v->pci, &limits, &v->dma);
	if (!result)
		result = banos_device_add(&driver.record, &desc, &bus_ops, v, &v->child);
	return result < 0 ? result : 0;
}

/* Also of one that was begun only. */
static void remove(void *data)
{
	struct virtio *v = data;

	banos_device_remove(v->child);
	if (v->common) {
		banos_mutex_lock(&v->lock);
		make_quiet(v);
		banos_mutex_unlock(&v->lock);
	}
	banos_dma_destroy(v->dma);
	banos_mmio_unmap(v->config);
	banos_mmio_unmap(v->isr);
	banos_mmio_unmap(v->notify);
	banos_mmio_unmap(v->common);
	banos_spin_fini(&v->status_lock);
	banos_mutex_fini(&v->lock);
	banos_free(v);
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	struct virtio *v = banos_alloc(sizeof(*v), 0, BANOS_ALLOC_ZERO);
	Banos_Device_Info info = {.size = sizeof(info)};
	int32_t result;

	(void)ctx, (void)match;
	if (!v)
		return -ENOMEM;
	v->pci = device;
	banos_mutex_init(&v->lock, "virtio");
	banos_spin_init(&v->status_lock, "virtio-status");
	banos_device_info(device, &info);
	banos_format(v->name, sizeof(v->name), "%s", info.name);
	result = start(v, &info);
	if (result) {
		remove(v);
		return result;
	}
	*data = v;
	return 0;
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove};

static int virtio_init(Banos_Driver *record)
{
	int32_t result = banos_device_driver_register(record, &device_ops, 0, &driver.devices);

	return result < 0 ? result : 0;
}

static int virtio_uninit(Banos_Driver *record)
{
	(void)record;
	return banos_device_driver_unregister(driver.devices);
}

BANOS_DRIVER_API static typeof(driver) driver = {
	.record =
		{
			.driver_size = sizeof(driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "virtio",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(1, 1, 0),
			.init = virtio_init,
			.uninit = virtio_uninit,
		},
};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1af4,
	 .device = BANOS_MATCH_ANY,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Need needs[] = {
	{"banos.device", 0, 9}, {"banos.pci", 0, 9}, {"banos.mmio", 0, 9}, {"banos.dma", 0, 9}};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "virtio devices on PCI, for the drivers of each kind",
	.flags = BANOS_META_SINGLE,
	.needs = BANOS_LIST(needs),
	.matches = BANOS_LIST(matches),
};
