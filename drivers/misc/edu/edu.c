/* SPDX-License-Identifier: MIT */
/*
 * QEMU's teaching device (-device edu; docs/specs/edu.rst of QEMU): registers in memory, an
 * interrupt by line or message, transfers to and from a buffer of its own.
 *
 *	/dev/eduN		the buffer, 4,095 bytes: what is read and written is transferred
 *	/proc/driver/edu/N	what it is and what came; written to: a number, of which the
 *				factorial is computed, or "raise NUMBER", an interrupt that the
 *				device sends
 *
 * A transfer and a computation end with an interrupt. Writing maps a block of memory for each
 * transfer, reading uses a buffer that stays: the two ways of <banos/dma.h>. The device reaches 28
 * bits of addresses unless QEMU was told otherwise (dma_mask).
 *
 * Lock: edu->lock around everything that the device does; one thing at a time. The interrupt sets
 * events, and counts by atomic additions.
 */
#include <banos/chardev.h>
#include <banos/device.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/errno.h>
#include <banos/format.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/param.h>
#include <banos/pci.h>
#include <banos/sync.h>
#include <banos/text.h>

/* Registers. */
#define REG_ID	      0x00
#define REG_LIVE      0x04
#define REG_FACTORIAL 0x08
#define REG_STATUS    0x20
#define REG_ASKS      0x24
#define REG_RAISE     0x60
#define REG_DONE      0x64
#define REG_FROM      0x80
#define REG_TO	      0x88
#define REG_COUNT     0x90
#define REG_COMMAND   0x98
#define REGISTERS     0xa0

#define ID_MASK		 0xffff
#define ID		 0x00ed
#define STATUS_COMPUTES	 0x01
#define STATUS_INTERRUPT 0x80
#define ASKS_FACTORIAL	 0x001
#define ASKS_TRANSFER	 0x100
#define COMMAND_START	 1
#define COMMAND_TO_RAM	 2
#define COMMAND_ASK	 4

#define BUFFER 0x40000 /* as the device sees it */
/* There is one more, but QEMU 7.2 stops the machine when a transfer ends with it. */
#define BUFFER_SIZE  4095
#define ADDRESS_BITS 28
#define PATIENCE_NS  20000000000u

struct edu {
	Banos_Device *device;
	Banos_Mmio *regs;
	Banos_Irq *irq;
	Banos_Dma *dma;
	Banos_Dma_Buffer *buffer;
	Banos_Chardev *node;
	Banos_Text_Node *text;
	Banos_Mutex lock;
	Banos_Event computed, transferred;
	uint32_t broken; /* [lock] it does not answer */
	uint32_t value, factorial;
	uint32_t interrupts, raised, threads; /* atomic */
	char name[64];			      /* of the device */
};

struct driver {
	Banos_Driver record;
	Banos_Device_Driver *devices;
	uint32_t number; /* of the next device; probes come one after the other */
	uint32_t kinds;	 /* of interrupts */
};

static struct driver driver;

static int is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* --- the device ------------------------------------------------------------------------------- */

static uint32_t on_interrupt(void *ctx)
{
	struct edu *e = ctx;
	uint32_t asks = banos_mmio_r32(e->regs, REG_ASKS);

	if (!asks)
		return BANOS_IRQ_NONE;
	__atomic_add_fetch(&e->interrupts, 1, __ATOMIC_RELAXED);
	banos_mmio_w32(e->regs, REG_DONE, asks);
	if (asks & ASKS_FACTORIAL)
		banos_event_set(&e->computed);
	if (asks & ASKS_TRANSFER)
		banos_event_set(&e->transferred);
	asks &= ~(uint32_t)(ASKS_FACTORIAL | ASKS_TRANSFER);
	if (!asks)
		return BANOS_IRQ_HANDLED;
	__atomic_store_n(&e->raised, asks, __ATOMIC_RELAXED);
	return BANOS_IRQ_WAKE;
}

static void in_thread(void *ctx)
{
	struct edu *e = ctx;

	__atomic_add_fetch(&e->threads, 1, __ATOMIC_RELAXED);
}

/* Lock held, the event reset before the device was asked. */
static int32_t wait_for(struct edu *e, Banos_Event *event)
{
	if (banos_event_wait(event, PATIENCE_NS, 0) == 0)
		return 0;
	banos_log_format(BANOS_LOG_ERROR, "edu: device %s does not answer", e->name);
	e->broken = 1;
	return -EIO;
}

static int32_t compute(struct edu *e, uint32_t value)
{
	int32_t result;

	banos_event_reset(&e->computed);
	banos_mmio_w32(e->regs, REG_STATUS, STATUS_INTERRUPT);
	banos_mmio_w32(e->regs, REG_FACTORIAL, value);
	result = wait_for(e, &e->computed);
	e->value = value;
	e->factorial = banos_mmio_r32(e->regs, REG_FACTORIAL);
	return result;
}

static int32_t transfer(struct edu *e, uint64_t from, uint64_t to, uint64_t count, uint32_t command)
{
	banos_event_reset(&e->transferred);
	banos_mmio_w64(e->regs, REG_FROM, from);
	banos_mmio_w64(e->regs, REG_TO, to);
	banos_mmio_w64(e->regs, REG_COUNT, count);
	banos_mmio_w64(e->regs, REG_COMMAND, command | COMMAND_START | COMMAND_ASK);
	return wait_for(e, &e->transferred);
}

/* --- /dev/eduN -------------------------------------------------------------------------------- */

static uint64_t part(uint64_t position, uint64_t length)
{
	if (position >= BUFFER_SIZE)
		return 0;
	return length < BUFFER_SIZE - position ? length : BUFFER_SIZE - position;
}

static int64_t read_buffer(void *file, Banos_Io *io, uint64_t position)
{
	struct edu *e = file;
	uint64_t n = part(position, banos_io_length(io));
	int32_t result = -EIO;

	if (!n)
		return 0;
	banos_mutex_lock(&e->lock);
	if (!e->broken)
		result = transfer(e, BUFFER + position, banos_dma_device_address(e->buffer), n,
				  COMMAND_TO_RAM);
	if (!result)
		result = banos_io_copy_out(io, 0, banos_dma_address(e->buffer), n);
	banos_mutex_unlock(&e->lock);
	return result ? result : (int64_t)n;
}

/* Each segment of the block in turn. */
static int32_t send(struct edu *e, void *block, uint64_t n, uint64_t position)
{
	Banos_Segment segment = {.address = block, .length = n};
	Banos_Dma_Map map = {.size = sizeof(map),
			     .flags = BANOS_DMA_TO_DEVICE,
			     .segments = &segment,
			     .count = 1};
	Banos_Dma_Segment out[4];
	Banos_Dma_Mapping *mapping;
	int32_t count = banos_dma_map(e->dma, &map, out, 4, &mapping), result = 0;

	if (count < 0)
		return count;
	for (int32_t i = 0; i < count && !result; i++) {
		result = transfer(e, out[i].address, BUFFER + position, out[i].length, 0);
		position += out[i].length;
	}
	banos_dma_unmap(mapping);
	return result;
}

static int64_t write_buffer(void *file, Banos_Io *io, uint64_t position)
{
	struct edu *e = file;
	uint64_t n = part(position, banos_io_length(io));
	int32_t result;
	void *block;

	if (!n)
		return banos_io_length(io) ? -ENOSPC : 0;
	block = banos_alloc(n, 0, 0);
	if (!block)
		return -ENOMEM;
	result = banos_io_copy_in(io, 0, block, n);
	if (!result) {
		banos_mutex_lock(&e->lock);
		result = e->broken ? -EIO : send(e, block, n, position);
		banos_mutex_unlock(&e->lock);
	}
	banos_free(block);
	return result ? result : (int64_t)n;
}

static const Banos_Chardev_Ops node_ops = {
	.size = sizeof(node_ops), .read = read_buffer, .write = write_buffer};

/* --- /proc/driver/edu/N ----------------------------------------------------------------------- */

static void show(void *ctx, Banos_Text *text)
{
	struct edu *e = ctx;
	char line[200];
	uint64_t n;

	banos_mutex_lock(&e->lock);
	n = banos_format(line, sizeof(line),
			 "device: %s\nid: %08x\nlive: %s\nfactorial: %u! = %u\ninterrupts: %u\n"
			 "raised: %u\nthreads: %u\n",
			 e->name, banos_mmio_r32(e->regs, REG_ID), e->broken ? "no" : "yes",
			 e->value, e->factorial, __atomic_load_n(&e->interrupts, __ATOMIC_RELAXED),
			 __atomic_load_n(&e->raised, __ATOMIC_RELAXED),
			 __atomic_load_n(&e->threads, __ATOMIC_RELAXED));
	banos_mutex_unlock(&e->lock);
	banos_text_write(text, line, n);
}

/* Decimal digits up to the end of the line. */
static int32_t parse(const char *text, uint32_t *value)
{
	uint64_t n = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > UINT32_MAX)
			return -EINVAL;
	}
	*value = (uint32_t)n;
	return *text && *text != '\n' ? -EINVAL : 0;
}

static int64_t store(void *ctx, const char *text, uint64_t length)
{
	static const char raise[] = "raise ";
	struct edu *e = ctx;
	uint32_t value, k = 0;
	int32_t result;

	while (raise[k] && text[k] == raise[k])
		k++;
	if (raise[k])
		k = 0;
	result = parse(text + k, &value);
	if (result)
		return result;
	banos_mutex_lock(&e->lock);
	if (e->broken)
		result = -EIO;
	else if (k)
		banos_mmio_w32(e->regs, REG_RAISE, value);
	else
		result = compute(e, value);
	banos_mutex_unlock(&e->lock);
	return result ? result : (int64_t)length;
}

static const Banos_Text_Ops text_ops = {.size = sizeof(text_ops), .show = show, .store = store};

/* --- life ------------------------------------------------------------------------------------- */

/* It inverts what it is given. */
static int32_t check(struct edu *e)
{
	if ((banos_mmio_r32(e->regs, REG_ID) & ID_MASK) != ID)
		return -ENODEV;
	banos_mmio_w32(e->regs, REG_LIVE, 0x12345678);
	return banos_mmio_r32(e->regs, REG_LIVE) == ~0x12345678u ? 0 : -EIO;
}

static int32_t start(struct edu *e)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits), .address_bits = ADDRESS_BITS};
	int32_t result = banos_pci_enable(e->device, BANOS_PCI_MEMORY);

	if (!result)
		result = banos_mmio_map(e->device, 0, 0, REGISTERS, 0, &e->regs);
	if (!result)
		result = check(e);
	if (!result)
		result = banos_dma_create(e->device, &limits, &e->dma);
	if (!result)
		result = banos_dma_alloc(e->dma, BUFFER_SIZE, 0, &e->buffer);
	if (!result) {
		result = banos_pci_irq_alloc(e->device, 1, 1, driver.kinds, &e->irq);
		if (result > 0)
			result = banos_irq_bind(e->irq, on_interrupt, in_thread, e, BANOS_CPU_ANY,
						0);
	}
	if (!result)
		result = banos_pci_enable(e->device, BANOS_PCI_MASTER);
	return result;
}

static int32_t show_to_programs(struct edu *e)
{
	char name[32];
	Banos_Text_Desc text = {.size = sizeof(text), .name = name};
	Banos_Chardev_Desc node = {
		.size = sizeof(node), .flags = BANOS_CHARDEV_SEEKABLE, .mode = 0600};
	int32_t result;

	banos_format(name, sizeof(name), "edu/%u", driver.number);
	result = banos_text_register(&driver.record, &text, &text_ops, e, &e->text);
	if (result < 0)
		return result;
	banos_format(name, sizeof(name), "edu%u", driver.number);
	node.name = name;
	result = banos_chardev_register(&driver.record, &node, &node_ops, e, &e->node);
	return result < 0 ? result : 0;
}

/* Also of one that was begun only. */
static void remove(void *data)
{
	struct edu *e = data;

	banos_chardev_unregister(e->node);
	banos_text_unregister(e->text);
	banos_irq_free(e->irq);
	/* Nothing goes on: who began a transfer has waited for it, or the device is lost. */
	if (e->regs)
		banos_pci_disable(e->device, BANOS_PCI_MASTER);
	banos_dma_free(e->buffer);
	banos_dma_destroy(e->dma);
	banos_mmio_unmap(e->regs);
	banos_event_fini(&e->computed);
	banos_event_fini(&e->transferred);
	banos_mutex_fini(&e->lock);
	banos_free(e);
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	struct edu *e = banos_alloc(sizeof(*e), 0, BANOS_ALLOC_ZERO);
	Banos_Device_Info info = {.size = sizeof(info)};
	int32_t result;

	(void)ctx, (void)match;
	if (!e)
		return -ENOMEM;
	e->device = device;
	banos_device_info(device, &info);
	banos_format(e->name, sizeof(e->name), "%s", info.name);
	banos_mutex_init(&e->lock, "edu");
	banos_event_init(&e->computed, "edu", 0);
	banos_event_init(&e->transferred, "edu", 0);
	result = start(e);
	if (!result)
		result = show_to_programs(e);
	if (result) {
		remove(e);
		return result;
	}
	driver.number++;
	*data = e;
	return 0;
}

static void shutdown(void *data)
{
	struct edu *e = data;

	banos_mmio_w32(e->regs, REG_STATUS, 0);
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove, .shutdown = shutdown};

static int edu_init(Banos_Driver *record)
{
	char kind[16] = "";

	banos_param_get(record, "interrupt", BANOS_PARAM_TEXT, kind, sizeof(kind));
	if (is(kind, "line"))
		driver.kinds = BANOS_PCI_LINE;
	else if (is(kind, "msi"))
		driver.kinds = BANOS_PCI_MSI;
	else if (!is(kind, "any"))
		return -EINVAL;
	int32_t result = banos_device_driver_register(record, &device_ops, NULL, &driver.devices);

	return result < 0 ? result : 0;
}

static int edu_uninit(Banos_Driver *record)
{
	(void)record;
	return banos_device_driver_unregister(driver.devices);
}

BANOS_DRIVER_API static struct driver driver = {
	.record =
		{
			.driver_size = sizeof(driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "edu",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.init = edu_init,
			.uninit = edu_uninit,
		},
};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1234,
	 .device = 0x11e8,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Need needs[] = {
	{"banos.device", 0, 9}, {"banos.pci", 0, 9}, {"banos.mmio", 0, 9}, {"banos.dma", 0, 9}};

static const Banos_Parameter parameters[] = {
	{.name = "interrupt",
	 .type = BANOS_PARAM_TEXT,
	 .fallback = "any",
	 .help = "how it interrupts: any, msi or line"},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "QEMU's teaching device: factorials and transfers",
	.flags = BANOS_META_SINGLE,
	.needs = BANOS_LIST(needs),
	.parameters = BANOS_LIST(parameters),
	.matches = BANOS_LIST(matches),
};
