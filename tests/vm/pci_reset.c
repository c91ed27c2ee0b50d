/* SPDX-License-Identifier: MIT */
/*
 * A driver for vm/pci: resets a PCI Express device (virtio-rng-pci of QEMU) and looks whether all
 * is as it was; finds its extended capabilities. The log shows what it saw.
 */
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/pci.h>
#include <linux/pci_regs.h>

#define EIO   5
#define EBUSY 16

#define BARS 6

/* The status that a driver gives a virtio device, of which a reset leaves nothing. */
#define BAR_COMMON 4
#define REG_STATUS 0x14
#define STATUS	   1

static Banos_Device_Driver *devices;

static uint32_t read_config(Banos_Device *device, uint32_t offset)
{
	uint32_t value = 0;

	banos_pci_read(device, offset, 4, &value);
	return value;
}

/* Its BARs and ids are what they were, it decodes again, and masters nothing. */
static int32_t check(Banos_Device *device, const uint32_t *before)
{
	for (uint32_t i = 0; i < BARS; i++)
		if (read_config(device, PCI_BASE_ADDRESS_0 + 4 * i) != before[i])
			return -EIO;
	return (read_config(device, PCI_COMMAND) & (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)) ==
			       PCI_COMMAND_MEMORY
		       ? 0
		       : -EIO;
}

static int32_t reset(Banos_Device *device, Banos_Mmio *regs)
{
	uint32_t before[BARS];
	Banos_Irq *irq;
	int32_t result;

	for (uint32_t i = 0; i < BARS; i++)
		before[i] = read_config(device, PCI_BASE_ADDRESS_0 + 4 * i);
	banos_mmio_w8(regs, REG_STATUS, STATUS);
	if (banos_mmio_r8(regs, REG_STATUS) != STATUS)
		return -EIO;
	/* Not while it has interrupts. */
	result = banos_pci_irq_alloc(device, 1, 1, 0, &irq);
	if (result < 0)
		return result;
	result = banos_pci_reset(device, BANOS_PCI_RESET_FUNCTION);
	banos_irq_free(irq);
	if (result != -EBUSY)
		return -EIO;
	result = banos_pci_reset(device, BANOS_PCI_RESET_FUNCTION);
	if (!result)
		result = check(device, before);
	if (!result && banos_mmio_r8(regs, REG_STATUS) == STATUS)
		result = -EIO;
	return result;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	uint32_t at = 0, extended = 0;
	Banos_Mmio *regs;
	int32_t result = banos_pci_enable(device, BANOS_PCI_MEMORY | BANOS_PCI_MASTER);

	(void)ctx, (void)match, (void)data;
	if (!result)
		result = banos_mmio_map(device, BAR_COMMON, 0, 4096, 0, &regs);
	if (result)
		return result;
	/* Of a kind that every list has none of, so that all of the list is gone through. */
	result = banos_pci_extended_capability(device, 0xffff, 0, &at);
	while (extended < 100 &&
	       banos_pci_extended_capability(device, PCI_EXT_CAP_ID_ERR, at, &at) == 0)
		extended++;
	banos_log_format(BANOS_LOG_INFO, "pci-reset: %u lists of errors, no such: %d, reset: %d",
			 extended, result, reset(device, regs));
	banos_mmio_unmap(regs);
	return 0;
}

static void remove(void *data)
{
	(void)data;
}

static const Banos_Device_Ops ops = {.size = sizeof(ops), .probe = probe, .remove = remove};

static int reset_init(Banos_Driver *record)
{
	int32_t result = banos_device_driver_register(record, &ops, NULL, &devices);

	return result < 0 ? result : 0;
}

static int reset_uninit(Banos_Driver *record)
{
	(void)record;
	return banos_device_driver_unregister(devices);
}

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "pci-reset",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = reset_init,
	.uninit = reset_uninit,
};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1af4,
	 .device = 0x1044,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "resets a PCI Express device and looks at it",
	.flags = BANOS_META_SINGLE,
	.matches = BANOS_LIST(matches),
};
