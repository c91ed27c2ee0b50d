/* SPDX-License-Identifier: MIT */
/*
 * A driver for vm/pci: takes QEMU's teaching device (-device edu) and does not behave:
 * `banos install forgetful.banos rule=RULE`.
 *
 *	remove	 its remove gives nothing back
 *	probe	 its probe fails and gives nothing back
 *	driver	 it does not even unregister
 *	storm	 the device asks by its line, and nobody handles it
 *	spin	 its interrupt handler returns holding a spinlock
 *	thread	 it unregisters in the thread of its interrupt, and forgets all as in remove
 */
#include <banos/device.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/log.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/param.h>
#include <banos/pci.h>
#include <banos/sync.h>

#define EIO    5
#define ENODEV 19

#define REG_ASKS  0x24
#define REG_RAISE 0x60
#define REG_DONE  0x64

static char rule[16];
static Banos_Device_Driver *devices;
static Banos_Spinlock lock;
static uint32_t locked;
static uint8_t memory[100];

static int is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static uint32_t on_interrupt(void *ctx)
{
	Banos_Mmio *regs = ctx;
	uint32_t asks;

	if (is(rule, "storm"))
		return BANOS_IRQ_NONE;
	asks = banos_mmio_r32(regs, REG_ASKS);
	banos_mmio_w32(regs, REG_DONE, asks);
	/* Once: it stays locked. */
	if (is(rule, "spin") && asks && !__atomic_exchange_n(&locked, 1, __ATOMIC_RELAXED))
		banos_spin_lock(&lock);
	if (asks && is(rule, "thread"))
		return BANOS_IRQ_WAKE;
	return asks ? BANOS_IRQ_HANDLED : BANOS_IRQ_NONE;
}

static void in_thread(void *ctx)
{
	(void)ctx;
	banos_log_format(BANOS_LOG_INFO, "forgetful: %d in the thread",
			 banos_device_driver_unregister(devices));
}

/* One of each that a device can have. */
static int32_t take_all(Banos_Device *device, Banos_Mmio **regs)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	Banos_Segment segment = {.address = memory, .length = sizeof(memory)};
	Banos_Dma_Map map = {.size = sizeof(map),
			     .flags = BANOS_DMA_FROM_DEVICE,
			     .segments = &segment,
			     .count = 1};
	Banos_Dma_Segment out[2];
	Banos_Dma_Mapping *mapping;
	Banos_Dma_Buffer *buffer;
	Banos_Irq *irq;
	Banos_Dma *dma;
	int32_t result = banos_pci_enable(device, BANOS_PCI_MEMORY | BANOS_PCI_MASTER);

	if (!result)
		result = banos_mmio_map(device, 0, 0, 4096, 0, regs);
	if (!result)
		result = banos_dma_create(device, &limits, &dma);
	if (!result)
		result = banos_dma_alloc(dma, 4096, 0, &buffer);
	if (!result)
		result = banos_dma_map(dma, &map, out, 2, &mapping);
	if (result >= 0)
		result = banos_pci_irq_alloc(device, 1, 1, BANOS_PCI_LINE, &irq);
	if (result >= 0)
		result = banos_irq_bind(irq, on_interrupt, in_thread, *regs, BANOS_CPU_ANY, 0);
	return result;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	Banos_Mmio *regs;
	int32_t result = take_all(device, &regs);

	(void)ctx, (void)match, (void)data;
	if (result < 0)
		return result;
	if (is(rule, "probe"))
		return -EIO;
	banos_mmio_w32(regs, REG_RAISE, 1);
	return 0;
}

static void remove(void *data)
{
	(void)data;
}

static const Banos_Device_Ops ops = {.size = sizeof(ops), .probe = probe, .remove = remove};

static int forgetful_init(Banos_Driver *record)
{
	int32_t result;

	banos_spin_init(&lock, "forgetful");
	banos_param_get(record, "rule", BANOS_PARAM_TEXT, rule, sizeof(rule));
	result = banos_device_driver_register(record, &ops, NULL, &devices);
	return result < 0 ? result : 0;
}

static int forgetful_uninit(Banos_Driver *record)
{
	(void)record;
	return is(rule, "driver") ? 0 : banos_device_driver_unregister(devices);
}

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "forgetful",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = forgetful_init,
	.uninit = forgetful_uninit,
};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1234,
	 .device = 0x11e8,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Parameter parameters[] = {
	{.name = "rule",
	 .type = BANOS_PARAM_TEXT,
	 .fallback = "remove",
	 .help = "what it breaks: remove, probe, driver, storm, spin or thread"},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "takes QEMU's teaching device and gives nothing back",
	.flags = BANOS_META_SINGLE,
	.parameters = BANOS_LIST(parameters),
	.matches = BANOS_LIST(matches),
};
