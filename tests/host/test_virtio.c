/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of virtio's bus on PCI, with a device that the test plays: which interrupts it takes
 * and whom it calls for them, changes of the configuration, queues that cannot be made, and a
 * device that asks too early or says now this and then that.
 *
 * HOST-LINK: drivers/virtio/virtio/ring.c sdk/lib/format.c
 */
#include "test.h"
#define remove remove_device /* <stdio.h> has another */
#include "../../drivers/virtio/virtio/virtio.c"
#include <string.h>

/* --- the device ------------------------------------------------------------------------------- */

#define QUEUES 64

struct Banos_Mmio {
	uint32_t kind; /* VIRTIO_PCI_CAP_* */
	uint64_t length;
};

static struct {
	uint8_t status, generation, isr;
	uint16_t queues, selected, config_vector;
	uint16_t vectors[QUEUES];
	uint16_t refuses; /* a queue that takes no vector; 0: none does */
	uint32_t feature_word;
	uint64_t notified; /* offset of the last doorbell */
} dev;

static struct Banos_Irq {
	Banos_Irq_Hard hard;
	void *ctx;
	int used;
} irqs[64];

static uint32_t messages; /* that the device has; 0: a line */
static int live;

uint8_t banos_mmio_r8(Banos_Mmio *m, uint64_t offset)
{
	uint8_t isr = dev.isr;

	if (m->kind == VIRTIO_PCI_CAP_ISR_CFG) {
		dev.isr = 0;
		return isr;
	}
	return offset == VIRTIO_PCI_COMMON_STATUS ? dev.status : dev.generation;
}

uint16_t banos_mmio_r16(Banos_Mmio *m, uint64_t offset)
{
	(void)m;
	switch (offset) {
	case VIRTIO_PCI_COMMON_NUMQ:
		return dev.queues;
	case VIRTIO_PCI_COMMON_MSIX:
		return dev.config_vector;
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return dev.selected < dev.queues ? 8 : 0;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return dev.vectors[dev.selected];
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return dev.selected;
	default:
		return 0;
	}
}

uint32_t banos_mmio_r32(Banos_Mmio *m, uint64_t offset)
{
	(void)m;
	return offset == VIRTIO_PCI_COMMON_DF && dev.feature_word == 1
		       ? 1u << (VIRTIO_F_VERSION_1 - 32)
		       : 0;
}

void banos_mmio_w8(Banos_Mmio *m, uint64_t offset, uint8_t value)
{
	(void)m;
	CHECK_EQ(offset, VIRTIO_PCI_COMMON_STATUS);
	dev.status = value;
}

void banos_mmio_w16(Banos_Mmio *m, uint64_t offset, uint16_t value)
{
	if (m->kind == VIRTIO_PCI_CAP_NOTIFY_CFG)
		dev.notified = offset;
	else if (offset == VIRTIO_PCI_COMMON_Q_SELECT)
		dev.selected = value;
	else if (offset == VIRTIO_PCI_COMMON_MSIX)
		dev.config_vector = value;
	else if (offset == VIRTIO_PCI_COMMON_Q_MSIX)
		dev.vectors[dev.selected] =
			dev.refuses && dev.selected == dev.refuses ? VIRTIO_MSI_NO_VECTOR : value;
}

void banos_mmio_w32(Banos_Mmio *m, uint64_t offset, uint32_t value)
{
	(void)m;
	if (offset == VIRTIO_PCI_COMMON_DFSELECT)
		dev.feature_word = value;
}

int32_t banos_mmio_map(Banos_Device *d, uint32_t bar, uint64_t offset, uint64_t length,
		       uint32_t flags, Banos_Mmio **out)
{
	(void)d, (void)offset, (void)flags;
	*out = calloc(1, sizeof(**out));
	(*out)->kind = bar; /* see below */
	(*out)->length = length;
	live++;
	return 0;
}

void banos_mmio_unmap(Banos_Mmio *m)
{
	live -= m != NULL;
	free(m);
}

uint64_t banos_mmio_length(Banos_Mmio *m)
{
	return m->length;
}

/* Capabilities at 0x40, 0x60 and so on: one of each kind, in "BARs" of that number, then another
 * for notifications, whose multiplier does not count. */
int32_t banos_pci_capability(Banos_Device *d, uint32_t id, uint32_t after, uint32_t *offset)
{
	(void)d;
	CHECK_EQ(id, PCI_CAP_ID_VNDR);
	*offset = after ? after + 0x20 : 0x40;
	return *offset <= 0xc0 ? 0 : -ENOENT;
}

int32_t banos_pci_read(Banos_Device *d, uint32_t offset, uint32_t width, uint32_t *value)
{
	uint32_t kind = (offset - 0x40) / 0x20 + 1;

	(void)d, (void)width;
	if (kind == 5)
		kind = VIRTIO_PCI_CAP_NOTIFY_CFG;
	switch (offset % 0x20) {
	case VIRTIO_PCI_CAP_CFG_TYPE:
	case VIRTIO_PCI_CAP_BAR:
		*value = kind;
		break;
	case VIRTIO_PCI_CAP_LENGTH:
		*value = 0x100;
		break;
	case VIRTIO_PCI_NOTIFY_CAP_MULT:
		*value = offset < 0xc0 ? 4 : 0x100000;
		break;
	default:
		*value = 0;
	}
	return 0;
}

/* --- what the driver calls besides ------------------------------------------------------------ */

int32_t banos_pci_enable(Banos_Device *d, uint32_t flags)
{
	(void)d, (void)flags;
	return 0;
}

int32_t banos_pci_disable(Banos_Device *d, uint32_t flags)
{
	(void)d, (void)flags;
	return 0;
}

int32_t banos_pci_irq_alloc(Banos_Device *d, uint32_t min, uint32_t max, uint32_t flags,
			    Banos_Irq **out)
{
	(void)d;
	CHECK_EQ(min, max);
	if (flags == BANOS_PCI_LINE ? messages != 0 : messages < min)
		return -28;
	for (uint32_t i = 0; i < max; i++) {
		CHECK(!irqs[i].used);
		irqs[i] = (struct Banos_Irq){.used = 1};
		out[i] = &irqs[i];
	}
	return (int32_t)max;
}

int32_t banos_irq_bind(Banos_Irq *irq, Banos_Irq_Hard hard, Banos_Irq_Thread thread, void *ctx,
		       uint32_t cpu, uint32_t flags)
{
	(void)thread, (void)cpu, (void)flags;
	CHECK(irq && irq->used && !irq->hard);
	irq->hard = hard;
	irq->ctx = ctx;
	return 0;
}

int32_t banos_irq_free(Banos_Irq *irq)
{
	if (irq)
		*irq = (struct Banos_Irq){0};
	return 0;
}

struct Banos_Dma_Buffer {
	uint8_t *bytes;
};

int32_t banos_dma_create(Banos_Device *d, const Banos_Dma_Limits *limits, Banos_Dma **out)
{
	(void)d, (void)limits;
	*out = (Banos_Dma *)&dev;
	return 0;
}

int32_t banos_dma_destroy(Banos_Dma *dma)
{
	(void)dma;
	return 0;
}

int32_t banos_dma_alloc(Banos_Dma *dma, uint64_t size, uint32_t flags, Banos_Dma_Buffer **out)
{
	(void)dma, (void)flags;
	*out = calloc(1, sizeof(**out));
	(*out)->bytes = calloc(1, size);
	live++;
	return 0;
}

void banos_dma_free(Banos_Dma_Buffer *b)
{
	live--;
	free(b->bytes);
	free(b);
}

void *banos_dma_address(Banos_Dma_Buffer *b)
{
	return b->bytes;
}

uint64_t banos_dma_device_address(Banos_Dma_Buffer *b)
{
	(void)b;
	return 0x100000;
}

void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags)
{
	(void)align, (void)flags;
	live++;
	return calloc(1, size);
}

void banos_free(void *memory)
{
	live -= memory != NULL;
	free(memory);
}

void banos_mutex_init(Banos_Mutex *m, const char *name)
{
	(void)m, (void)name;
}

void banos_mutex_lock(Banos_Mutex *m)
{
	CHECK_EQ(m->storage[0]++, 0);
}

void banos_mutex_unlock(Banos_Mutex *m)
{
	m->storage[0]--;
}

void banos_mutex_fini(Banos_Mutex *m)
{
	CHECK_EQ(m->storage[0], 0);
}

void banos_spin_init(Banos_Spinlock *lock, const char *name)
{
	(void)lock, (void)name;
}

uint64_t banos_spin_lock(Banos_Spinlock *lock)
{
	(void)lock;
	return 0;
}

void banos_spin_unlock(Banos_Spinlock *lock, uint64_t token)
{
	(void)lock, (void)token;
}

void banos_spin_fini(Banos_Spinlock *lock)
{
	(void)lock;
}

int32_t banos_sleep_ns(uint64_t ns, uint32_t flags)
{
	(void)ns, (void)flags;
	return 0;
}

int32_t banos_log_format(uint32_t level, const char *format, ...)
{
	(void)level, (void)format;
	return 0;
}

static const Banos_Device_Ops *given_ops;
static void *bus_context;

int32_t banos_device_driver_register(Banos_Driver *d, const Banos_Device_Ops *ops, void *ctx,
				     Banos_Device_Driver **out)
{
	(void)ctx, (void)out;
	CHECK(d == &driver.record);
	given_ops = ops;
	return sizeof(*ops);
}

int32_t banos_device_driver_unregister(Banos_Device_Driver *d)
{
	(void)d;
	return 0;
}

int32_t banos_device_info(Banos_Device *d, Banos_Device_Info *info)
{
	(void)d;
	info->name = "0000:00:05.0";
	info->device = 0x1043;
	return 0;
}

int32_t banos_device_add(Banos_Driver *d, const Banos_Device_Desc *desc, const Banos_Bus_Ops *ops,
			 void *ctx, Banos_Device **out)
{
	(void)d;
	CHECK_EQ(desc->device, 3);
	bus_context = ctx;
	*out = (Banos_Device *)&bus_context;
	return sizeof(*ops);
}

int32_t banos_device_remove(Banos_Device *d)
{
	(void)d;
	return 0;
}

void *banos_device_context(Banos_Driver *d, Banos_Device *device)
{
	CHECK(d == &driver.record && device == (Banos_Device *)&bus_context);
	return bus_context;
}

/* --- cases ------------------------------------------------------------------------------------ */

#define DEVICE ((Banos_Device *)&bus_context)

static void *data;
static unsigned queue_calls, config_calls;

static void on_queue_called(void *ctx)
{
	(void)ctx;
	queue_calls++;
}

static void on_config_changed(void *ctx)
{
	(void)ctx;
	config_calls++;
}

/* All that the device can raise, each once. */
static void raise_all(void)
{
	dev.isr = 3;
	dev.generation++;
	for (unsigned i = 0; i < 64; i++)
		if (irqs[i].hard)
			irqs[i].hard(irqs[i].ctx);
}

static void begin_device(uint32_t messages_, uint16_t queues)
{
	static const uint64_t none[2];
	uint64_t got[2];

	memset(&dev, 0, sizeof(dev));
	memset(irqs, 0, sizeof(irqs));
	messages = messages_;
	dev.queues = queues;
	queue_calls = config_calls = 0;
	live = 0;
	CHECK_EQ(given_ops->probe(NULL, NULL, 0, &data), 0);
	CHECK_EQ(virtio_negotiate(DEVICE, none, none, got), 0);
}

static void end_device(void)
{
	given_ops->remove(data);
	CHECK_EQ(live, 0);
	for (unsigned i = 0; i < 64; i++)
		CHECK(!irqs[i].used);
}

static unsigned bound(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 64; i++)
		n += irqs[i].hard != NULL;
	return n;
}

/* messages that the device has, queues, interrupts that are bound in the end */
static void interrupts(uint32_t messages_, uint16_t queues, unsigned expected)
{
	Virtio_Queue *q;

	begin_device(messages_, queues);
	CHECK_EQ(virtio_config_notify(DEVICE, on_config_changed, NULL), 0);
	for (uint32_t i = 0; i < queues; i++) {
		CHECK_EQ(virtio_queue_create(DEVICE, i, 8, on_queue_called, NULL, &q), 0);
		raise_all();
	}
	CHECK_EQ(bound(), expected);
	CHECK_EQ(queue_calls, 0); /* its driver may not be ready for that */
	CHECK_EQ(config_calls, 0);
	CHECK_EQ(virtio_ready(DEVICE), 0);
	CHECK_EQ(virtio_config_notify(DEVICE, NULL, NULL), -EINVAL);
	raise_all();
	CHECK_EQ(queue_calls, queues);
	CHECK_EQ(config_calls, 1);
	/* Only queues. */
	dev.isr = 1;
	for (unsigned i = expected > 1; i < expected; i++)
		irqs[i].hard(irqs[i].ctx);
	CHECK_EQ(queue_calls, 2 * queues);
	CHECK_EQ(config_calls, 1);
	virtio_reset(DEVICE);
	CHECK_EQ(bound(), 0);
	CHECK_EQ(virtio_config_notify(DEVICE, NULL, NULL), -EINVAL);
	end_device();
}

static void modes(void)
{
	interrupts(64, 3, 4);	/* each its own */
	interrupts(64, 16, 17); /* ... as many as there are */
	interrupts(64, 17, 2);	/* many share */
	interrupts(3, 3, 2);	/* too few messages */
	interrupts(2, 64, 2);
	interrupts(1, 3, 1);
	interrupts(0, 3, 1); /* a line */
}

/* One queue cannot be made: the others stay as they are. */
static void refused_queue(void)
{
	Virtio_Buffer b = {.address = 0x1000, .length = 5};
	Virtio_Request r = {.buffers = &b, .count = 1, .token = &b};
	Virtio_Queue *first, *second;

	begin_device(64, 3);
	dev.refuses = 2;
	CHECK_EQ(virtio_queue_create(DEVICE, 0, 8, on_queue_called, NULL, &first), 0);
	CHECK_EQ(virtio_queue_create(DEVICE, 2, 8, on_queue_called, NULL, &second), -EIO);
	CHECK(second == NULL);
	CHECK_EQ(virtio_queue_add(first, &r, 1), 1);
	virtio_queue_kick(first);
	CHECK_EQ(virtio_ready(DEVICE), 0);
	raise_all();
	CHECK_EQ(queue_calls, 1); /* for the first */
	end_device();
}

/* It has more queues than it said when interrupts were had. */
static void growing(void)
{
	Virtio_Queue *q;

	begin_device(64, 2);
	dev.queues = QUEUES;
	CHECK_EQ(virtio_queue_create(DEVICE, 1, 8, on_queue_called, NULL, &q), 0);
	CHECK_EQ(virtio_queue_create(DEVICE, 2, 8, on_queue_called, NULL, &q), -EIO);
	CHECK_EQ(virtio_queue_create(DEVICE, 63, 8, on_queue_called, NULL, &q), -EIO);
	CHECK_EQ(virtio_queue_create(DEVICE, 64, 8, on_queue_called, NULL, &q), -EINVAL);
	end_device();
}

/* The device says that it has failed. */
static void failing(void)
{
	Virtio_Queue *q;

	begin_device(64, 1);
	CHECK_EQ(virtio_config_notify(DEVICE, on_config_changed, NULL), 0);
	CHECK_EQ(virtio_queue_create(DEVICE, 0, 8, on_queue_called, NULL, &q), 0);
	CHECK_EQ(virtio_ready(DEVICE), 0);
	dev.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	raise_all();
	CHECK_EQ(config_calls, 0);
	CHECK(dev.status & VIRTIO_CONFIG_S_FAILED);
	end_device();
}

static void doorbell(void)
{
	Virtio_Buffer b = {.address = 0x1000, .length = 5};
	Virtio_Request r = {.buffers = &b, .count = 1, .token = &b};
	Virtio_Queue *q;

	begin_device(64, 6);
	CHECK_EQ(virtio_queue_create(DEVICE, 5, 8, on_queue_called, NULL, &q), 0);
	CHECK_EQ(virtio_ready(DEVICE), 0);
	CHECK_EQ(virtio_queue_add(q, &r, 1), 1);
	virtio_queue_kick(q);
	CHECK_EQ(dev.notified, 5 * 4);
	end_device();
}

int main(void)
{
	CHECK_EQ(driver.record.init(&driver.record), 0);
	RUN(modes);
	RUN(refused_queue);
	RUN(growing);
	RUN(failing);
	RUN(doorbell);
	return test_finish();
}
