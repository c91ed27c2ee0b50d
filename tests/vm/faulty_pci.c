/* SPDX-License-Identifier: MIT */
/*
 * A driver of the edu device with faults that banos-host is to find: the parameter `what` names
 * one, which probe makes, or remove. Like tests/vm/faulty.c.
 */
#include <banos/device.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/param.h>
#include <banos/pci.h>
#include <banos/time.h>

#define BUFFER	      0x40000
#define REG_RAISE     0x60
#define REG_FROM      0x80
#define REG_TO	      0x88
#define REG_COUNT     0x90
#define REG_COMMAND   0x98
#define COMMAND_START 1
#define TO_RAM	      2

static Banos_Device_Driver *devices;
static Banos_Mmio *regs;
static Banos_Irq *irq;
static Banos_Dma *dma;
static char what[32];
static char block[64];

static int is(const char *fault)
{
	const char *x = what;

	while (*x && *x == *fault) {
		x++;
		fault++;
	}
	return *x == *fault;
}

static uint32_t not_mine(void *ctx)
{
	(void)ctx;
	return BANOS_IRQ_NONE;
}

static void transfer(uint64_t address, uint32_t command)
{
	banos_mmio_w64(regs, REG_FROM, command & TO_RAM ? BUFFER : address);
	banos_mmio_w64(regs, REG_TO, command & TO_RAM ? address : BUFFER);
	banos_mmio_w64(regs, REG_COUNT, sizeof(block));
	banos_mmio_w64(regs, REG_COMMAND, command | COMMAND_START);
	banos_sleep_ns(1000000, 0);
}

static int32_t transfer_faults(Banos_Device *device)
{
	Banos_Segment segment = {.address = block, .length = sizeof(block)};
	Banos_Dma_Map map = {.size = sizeof(map), .segments = &segment, .count = 1};
	Banos_Dma_Limits limits = {.size = sizeof(limits), .address_bits = 28};
	Banos_Dma_Mapping *mapping;
	Banos_Dma_Segment out;
	int32_t result = banos_dma_create(device, &limits, &dma);

	if (result)
		return result;
	map.flags = BANOS_DMA_TO_DEVICE;
	result = banos_dma_map(dma, &map, &out, 1, &mapping);
	if (result < 0)
		return result;
	if (!is("master"))
		banos_pci_enable(device, BANOS_PCI_MASTER);
	transfer(out.address, is("direction") ? TO_RAM : 0);
	banos_dma_unmap(mapping);
	if (is("late"))
		transfer(out.address, 0);
	return 0;
}

static int32_t line_fault(Banos_Device *device)
{
	int32_t result = banos_pci_irq_alloc(device, 1, 1, BANOS_PCI_LINE, &irq);

	if (result < 0)
		return result;
	result = banos_irq_bind(irq, not_mine, NULL, NULL, BANOS_CPU_ANY, 0);
	if (!result)
		banos_mmio_w32(regs, REG_RAISE, 1);
	banos_sleep_ns(10000000, 0);
	return result;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	int32_t result;

	(void)ctx, (void)match, (void)data;
	if (!is("enable"))
		banos_pci_enable(device, BANOS_PCI_MEMORY);
	result = banos_mmio_map(device, 0, 0, 0x100, 0, &regs);
	if (result)
		return result;
	if (is("enable"))
		banos_mmio_r32(regs, 0);
	if (is("outside"))
		banos_mmio_r32(regs, 0x100);
	if (is("unaligned"))
		banos_mmio_r32(regs, 2);
	if (is("master") || is("direction") || is("late"))
		return transfer_faults(device);
	return is("storm") ? line_fault(device) : 0;
}

static void remove(void *data)
{
	(void)data;
	banos_irq_free(irq);
	banos_dma_destroy(dma);
	if (!is("forget"))
		banos_mmio_unmap(regs);
}

static const Banos_Device_Ops ops = {.size = sizeof(ops), .probe = probe, .remove = remove};

static int faulty_init(Banos_Driver *driver)
{
	int32_t result;

	banos_param_get(driver, "what", BANOS_PARAM_TEXT, what, sizeof(what));
	result = banos_device_driver_register(driver, &ops, NULL, &devices);
	return result < 0 ? result : 0;
}

static int faulty_uninit(Banos_Driver *driver)
{
	(void)driver;
	return banos_device_driver_unregister(devices);
}

static const Banos_Parameter parameters[] = {{.name = "what", .type = BANOS_PARAM_TEXT}};
static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1234,
	 .device = 0x11e8,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.parameters = BANOS_LIST(parameters),
	.matches = BANOS_LIST(matches),
};

BANOS_DRIVER_API static Banos_Driver faulty_driver = {
	.driver_size = sizeof(faulty_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "faulty",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = faulty_init,
	.uninit = faulty_uninit,
};
