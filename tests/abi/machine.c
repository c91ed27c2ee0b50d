/* SPDX-License-Identifier: MIT */
/*
 * What a driver of a machine's devices can call and no other frozen driver does, once in each of
 * its ways: properties, configuration space, registers, interrupts that wait, transfers, ports, a
 * bus of its own. On QEMU's edu, as long as that has no driver of its own. Says in the log what was
 * not as the headers promise.
 */
#include <banos/cpu.h>
#include <banos/device.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/irq.h>
#include <banos/log.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/pci.h>
#include <banos/port.h>
#include <banos/sync.h>

#define EPERM	  1
#define ENOENT	  2
#define EBUSY	  16
#define EEXIST	  17
#define EINVAL	  22
#define ETIMEDOUT 110

#define MS 1000000ull

/* Of configuration space. */
#define VENDOR	       0x00
#define COMMAND	       0x04
#define INTERRUPT_LINE 0x3c
#define CAPABILITY_MSI 0x05

/* Of QEMU's edu (docs/specs/edu.rst there). */
#define REG_ID	  0x00
#define REG_LIVE  0x04
#define REG_CAUSE 0x24
#define REG_RAISE 0x60
#define REG_ACK	  0x64
#define REG_FROM  0x80
#define REGISTERS 0x1000
#define DMA_BITS  28

#define FREE_PORTS 0x5650u /* nothing answers: all ones */
#define FREE_LINE  5u	   /* of ISA; no device is there */

static uint32_t held, broken, probed;

static void expect(int holds, const char *what, int line)
{
	held += !!holds;
	broken += !holds;
	if (!holds)
		banos_log_format(BANOS_LOG_ERROR, "machine: line %d: not so: %s", line, what);
}
#define EXPECT(condition) expect((condition), #condition, __LINE__)

static void properties(Banos_Device *device)
{
	uint64_t number = 0;
	char text[16] = "";

	EXPECT(banos_device_match_data(device) == 77);
	EXPECT(banos_device_property(device, "speed", BANOS_PARAM_UNSIGNED, &number, 8) == 8);
	EXPECT(number == 5);
	EXPECT(banos_device_property(device, "label", BANOS_PARAM_TEXT, text, sizeof(text)) == 8);
	EXPECT(text[0] == 't' && text[7] == 'g' && !text[8]);
	EXPECT(banos_device_property(device, "other", BANOS_PARAM_TEXT, text, 16) == -ENOENT);
	EXPECT(banos_device_property(device, "speed", BANOS_PARAM_TEXT, text, 16) == -EINVAL);
}

static void configuration(Banos_Device *device)
{
	uint32_t value = 0, offset = 0;

	EXPECT(banos_pci_read(device, VENDOR, 2, &value) == 0 && value == 0x1234);
	EXPECT(banos_pci_read(device, VENDOR + 1, 2, &value) == -EINVAL);
	EXPECT(banos_pci_read(device, INTERRUPT_LINE, 1, &value) == 0);
	EXPECT(banos_pci_write(device, INTERRUPT_LINE, 1, value) == 0);
	EXPECT(banos_pci_write(device, COMMAND, 2, 0) == -EPERM);
	EXPECT(banos_pci_capability(device, CAPABILITY_MSI, 0, &offset) == 0 && offset >= 0x40);
	EXPECT(banos_pci_capability(device, CAPABILITY_MSI, offset, &offset) == -ENOENT);
	EXPECT(banos_pci_extended_capability(device, 1, 0, &offset) == -ENOENT);
	EXPECT(banos_pci_reset(device, 1u << 31) == -EINVAL);
}

static void registers(Banos_Mmio *regs)
{
	uint32_t id = banos_mmio_r32(regs, REG_ID), ids[2] = {0, 0}, live = 0x12345678;
	volatile uint32_t *direct = banos_mmio_address(regs);

	EXPECT(banos_mmio_length(regs) == REGISTERS);
	EXPECT((id & 0xff) == 0xed && direct && direct[REG_ID / 4] == id);
	EXPECT(banos_mmio_read(regs, REG_ID, 4, ids, 2) == 0 && ids[0] == id && ids[1] == id);
	EXPECT(banos_mmio_write(regs, REG_LIVE, 4, &live, 1) == 0);
	banos_mmio_barrier();
	EXPECT(banos_mmio_r32(regs, REG_LIVE) == ~live);
	EXPECT(banos_mmio_read(regs, REG_ID, 3, ids, 1) == -EINVAL);
	banos_mmio_w64(regs, REG_FROM, 0x1122334455667788);
	EXPECT(banos_mmio_r64(regs, REG_FROM) == 0x1122334455667788);
	EXPECT(banos_mmio_r16(regs, REGISTERS) == 0xffff); /* outside: said in the log */
}

struct asked {
	Banos_Mmio *regs;
	Banos_Event event;
};

static uint32_t on_interrupt(void *ctx)
{
	struct asked *a = ctx;
	uint32_t cause = banos_mmio_r32(a->regs, REG_CAUSE);

	if (!cause)
		return BANOS_IRQ_NONE;
	banos_mmio_w32(a->regs, REG_ACK, cause);
	banos_event_set(&a->event);
	return BANOS_IRQ_HANDLED;
}

/* Does it come when the device asks? */
static int comes(struct asked *a, uint64_t patience)
{
	banos_mmio_w32(a->regs, REG_RAISE, 16);
	return banos_event_wait(&a->event, patience, 0) == 0;
}

static void interrupts(Banos_Device *device, Banos_Mmio *regs)
{
	struct asked a = {.regs = regs};
	Banos_Irq *irq = NULL;

	EXPECT(banos_event_init(&a.event, "machine interrupt", BANOS_EVENT_AUTO) == 0);
	EXPECT(banos_pci_irq_alloc(device, 1, 1, BANOS_PCI_MSI, &irq) == 1);
	if (!irq)
		return;
	EXPECT(banos_irq_bind(irq, on_interrupt, NULL, &a, BANOS_CPU_ANY, 0) == 0);
	EXPECT(banos_irq_bind(irq, on_interrupt, NULL, &a, BANOS_CPU_ANY, 0) == -EBUSY);
	EXPECT(comes(&a, 20000 * MS));
	banos_irq_mask(irq);
	EXPECT(!comes(&a, 20 * MS));
	banos_irq_unmask(irq);
	EXPECT(banos_event_wait(&a.event, 20000 * MS, 0) == 0);
	EXPECT(banos_irq_set_cpu(irq, banos_cpu_count() - 1) == 0 && comes(&a, 20000 * MS));
	EXPECT(banos_irq_set_cpu(irq, 100000) == -EINVAL);
	EXPECT(banos_irq_unbind(irq) == 0 && banos_irq_unbind(irq) == 0);
	EXPECT(!comes(&a, 20 * MS));
	banos_mmio_w32(regs, REG_ACK, 16);
	EXPECT(banos_irq_free(irq) == 0 && banos_irq_free(NULL) == 0);
	banos_event_fini(&a.event);
}

static void transfers(Banos_Device *device)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits), .address_bits = DMA_BITS};
	uint8_t *block = banos_alloc(256, 0, BANOS_ALLOC_ZERO);
	Banos_Segment whole = {block, 256};
	Banos_Dma_Map map = {sizeof(map), BANOS_DMA_TO_DEVICE | BANOS_DMA_FROM_DEVICE, &whole, 1};
	Banos_Dma_Segment out[2];
	Banos_Dma_Mapping *mapping = NULL;
	Banos_Dma *dma = NULL;
	int32_t count;

	EXPECT(block && banos_dma_create(device, &limits, &dma) == 0);
	if (block && dma) {
		count = banos_dma_map(dma, &map, out, 2, &mapping);
		EXPECT(count == 1 || count == 2);
		EXPECT(count < 1 || out[0].address + out[0].length <= 1ull << DMA_BITS);
		EXPECT(banos_dma_destroy(dma) == -EBUSY);
		EXPECT(banos_dma_sync(mapping, BANOS_DMA_FROM_DEVICE) == 0);
		EXPECT(banos_dma_sync(mapping, BANOS_DMA_TO_DEVICE) == 0);
		EXPECT(banos_dma_sync(mapping, 0) == -EINVAL);
		banos_dma_unmap(mapping);
		EXPECT(banos_dma_destroy(dma) == 0);
	}
	banos_free(block);
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	Banos_Mmio *regs = NULL;

	(void)data;
	EXPECT(ctx == &held && match == 0);
	properties(device);
	configuration(device);
	EXPECT(banos_pci_enable(device, BANOS_PCI_MEMORY | BANOS_PCI_MASTER) == 0);
	EXPECT(banos_mmio_map(device, 0, 0, REGISTERS, BANOS_MMIO_DIRECT, &regs) == 0);
	if (regs) {
		registers(regs);
		interrupts(device, regs);
	}
	transfers(device);
	EXPECT(banos_pci_disable(device, BANOS_PCI_MASTER) == 0);
	banos_mmio_unmap(regs);
	probed++;
	return 0;
}

static void removed(void *data)
{
	(void)data;
}

static void ports(Banos_Driver *driver)
{
	Banos_Ports *claimed = NULL, *again = NULL;
	uint8_t bytes[3] = {0};

	EXPECT(banos_ports_claim(driver, FREE_PORTS, 4, 0, &claimed) == 0);
	EXPECT(banos_ports_claim(driver, FREE_PORTS + 3, 1, 0, &again) == -EBUSY && !again);
	if (!claimed)
		return;
	EXPECT(banos_port_r16(claimed, 2) == 0xffff && banos_port_r32(claimed, 0) == 0xffffffff);
	EXPECT(banos_port_read(claimed, 1, 1, bytes, 3) == 0 && bytes[0] == 0xff &&
	       bytes[2] == 0xff);
	EXPECT(banos_port_write(claimed, 1, 1, bytes, 3) == 0);
	EXPECT(banos_port_write(claimed, 3, 2, bytes, 1) == -EINVAL);
	banos_ports_release(claimed);
}

static void line(Banos_Driver *driver)
{
	Banos_Irq *irq = NULL, *again = NULL;

	EXPECT(banos_irq_alloc_line(driver, FREE_LINE, 0, &irq) == 0);
	EXPECT(banos_irq_alloc_line(driver, FREE_LINE, 0, &again) == -EBUSY && !again);
	EXPECT(banos_irq_free(irq) == 0);
}

static void own_bus(Banos_Driver *driver)
{
	Banos_Device_Desc desc = {.size = sizeof(desc), .bus = "machine", .name = "one"};
	Banos_Device *device = NULL, *again = NULL;

	EXPECT(banos_device_add(driver, &desc, NULL, &held, &device) >= 0 && device);
	EXPECT(banos_device_add(driver, &desc, NULL, &held, &again) == -EEXIST && !again);
	EXPECT(banos_device_context(driver, device) == &held);
	EXPECT(banos_device_remove(device) == 0 && banos_device_remove(NULL) == 0);
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = removed};

static Banos_Device_Driver *devices;

static int init(Banos_Driver *driver)
{
	ports(driver);
	line(driver);
	own_bus(driver);
	EXPECT(banos_device_driver_register(driver, &device_ops, &held, &devices) >= 0);
	EXPECT(probed == 1);
	banos_log_format(BANOS_LOG_INFO, "machine: %u expectations, %u not met", held, broken);
	return 0;
}

static int uninit(Banos_Driver *driver)
{
	(void)driver;
	return banos_device_driver_unregister(devices);
}

BANOS_DRIVER_API static Banos_Driver machine = {
	.driver_size = sizeof(machine),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "machine",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = init,
	.uninit = uninit,
};

static const Banos_Property edu_properties[] = {{.name = "speed", .number = 5},
						{.name = "label", .text = "teaching"}};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1234,
	 .device = 0x11e8,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY,
	 .properties = BANOS_LIST(edu_properties),
	 .data = 77},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "what drivers of devices can call, for vm/frozen",
	.flags = BANOS_META_SINGLE,
	.matches = BANOS_LIST(matches),
};
