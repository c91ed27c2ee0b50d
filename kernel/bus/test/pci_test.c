/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interfaces to PCI, on the disk controller that QEMU's q35 has always: AHCI, with registers in
 * memory (BAR 5), ports (BAR 4) and messages (MSI).
 */
#include <banos/dma.h>
#include <banos/mmio.h>
#include <banos/pci.h>
#include <base/ktest.h>
#include <bus/pci.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/test/test_driver.h>

#define BAR_PORTS     4
#define BAR_REGISTERS 5
#define REG_VERSION   0x10

static struct test_driver driver;
static Banos_Match match;
static Banos_List matches;
static Banos_Device_Driver *registered;
static Banos_Device *disk; /* the controller */

static int32_t probe(void *ctx, Banos_Device *d, uint32_t index, void **data)
{
	disk = d;
	return 0;
}

static void remove(void *data)
{
}

static const Banos_Device_Ops ops = {.size = sizeof(ops), .probe = probe, .remove = remove};

static bool begin(void)
{
	disk = NULL;
	if (!test_driver_begin(&driver))
		return false;
	match = (Banos_Match){.bus = "pci",
			      .vendor = BANOS_MATCH_ANY,
			      .device = BANOS_MATCH_ANY,
			      .subvendor = BANOS_MATCH_ANY,
			      .subdevice = BANOS_MATCH_ANY,
			      .class_code = 0x010601,
			      .class_mask = 0xffffff};
	matches = (Banos_List){.first = &match, .count = 1, .stride = sizeof(match)};
	driver.owner.matches = &matches;
	ktest_check(banos_device_driver_register(&driver.record, &ops, NULL, &registered) > 0);
	if (!disk)
		ktest_note("no AHCI here: not tested");
	return disk != NULL;
}

static void end(void)
{
	Banos_Device *was = disk;
	uint32_t value;

	ktest_check_eq(banos_device_driver_unregister(registered), 0);
	/* It is the driver's no more. */
	if (was)
		ktest_check_eq(banos_pci_read(was, 0, 2, &value), -ENODEV);
	test_driver_end(&driver);
}

KTEST(configuration_space)
{
	uint32_t value, at;

	if (!begin()) {
		end();
		return;
	}
	ktest_check_eq(banos_pci_read(disk, PCI_CLASS_DEVICE, 2, &value), 0);
	ktest_check_eq(value, 0x0106);
	ktest_check_eq(banos_pci_read(disk, 1, 2, &value), -EINVAL);
	ktest_check_eq(banos_pci_read(disk, 2, 4, &value), -EINVAL);
	ktest_check_eq(banos_pci_read(disk, 0, 3, &value), -EINVAL);
	ktest_check_eq(banos_pci_read(disk, 0, 8, &value), -EINVAL);
	ktest_check_eq(banos_pci_read(disk, 4096, 1, &value), -EINVAL);
	ktest_check_eq(banos_pci_read(disk, UINT32_MAX, 1, &value), -EINVAL);
	ktest_check_eq(banos_pci_read(disk, 0, 4, NULL), -EINVAL);
	ktest_check_eq(banos_pci_read(NULL, 0, 4, &value), -ENODEV);
	ktest_check_eq(banos_pci_write(disk, PCI_COMMAND, 2, 0), -EPERM);
	ktest_check_eq(banos_pci_write(disk, PCI_VENDOR_ID, 4, 0), 0);
	ktest_check_eq(banos_pci_write(disk, PCI_BASE_ADDRESS_5, 4, 0), -EPERM);
	ktest_check_eq(banos_pci_write(disk, PCI_BASE_ADDRESS_5 + 3, 1, 0), -EPERM);
	ktest_check_eq(banos_pci_write(disk, PCI_CACHE_LINE_SIZE, 1, 16), 0);
	ktest_check_eq(banos_pci_capability(disk, PCI_CAP_ID_MSI, 0, &at), 0);
	ktest_check_eq(banos_pci_write(disk, at + PCI_MSI_FLAGS, 2, 1), -EPERM);
	ktest_check_eq(banos_pci_capability(disk, PCI_CAP_ID_MSI, at, &at), -ENOENT);
	ktest_check_eq(banos_pci_capability(disk, 0x100, 0, &at), -EINVAL);
	ktest_check_eq(banos_pci_capability(disk, 5, 0x42, &at), -EINVAL);
	ktest_check_eq(banos_pci_capability(disk, 5, 0x20, &at), -EINVAL);
	ktest_check_eq(banos_pci_extended_capability(disk, 1, 0, &at), -ENOENT);
	/* What the firmware has turned on stays on: see pci_scan.c. */
	ktest_check_eq(banos_pci_enable(disk, BANOS_PCI_MEMORY | BANOS_PCI_MASTER), 0);
	ktest_check_eq(banos_pci_disable(disk, BANOS_PCI_MEMORY | BANOS_PCI_MASTER), 0);
	ktest_check_eq(banos_pci_read(disk, PCI_COMMAND, 2, &value), 0);
	ktest_check(value & PCI_COMMAND_MEMORY && !(value & PCI_COMMAND_MASTER));
	ktest_check_eq(banos_pci_reset(disk, 0), -EINVAL);
	ktest_check_eq(banos_pci_reset(disk, BANOS_PCI_RESET_FUNCTION), -EOPNOTSUPP);
	end();
}

KTEST(registers_and_ports)
{
	Banos_Pci_Bar bar = {.size = sizeof(bar)};
	Banos_Mmio *m, *n;
	Banos_Ports *p, *q;
	uint32_t words[4];

	if (!begin()) {
		end();
		return;
	}
	ktest_check_eq(banos_pci_enable(disk, 0), -EINVAL);
	ktest_check_eq(banos_pci_enable(disk, 8), -EINVAL);
	ktest_check_eq(banos_pci_enable(disk, BANOS_PCI_MEMORY | BANOS_PCI_IO), 0);
	ktest_check_eq(banos_pci_bar(disk, BAR_REGISTERS, &bar), 0);
	ktest_check_eq(bar.length, 4096);
	ktest_check_eq(bar.flags, 0);
	ktest_check_eq(banos_pci_bar(disk, 0, &bar), -ENOENT);
	ktest_check_eq(banos_pci_bar(disk, 6, &bar), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, BAR_REGISTERS, 0, 0, 0, &m), 0);
	ktest_check_eq(banos_mmio_length(m), 4096);
	ktest_check_eq(banos_mmio_r32(m, REG_VERSION), 0x10000);
	ktest_check_eq(banos_mmio_read(m, REG_VERSION, 4, words, 4), 0);
	ktest_check_eq(words[3], 0x10000);
	ktest_check(!banos_mmio_address(m));
	/* Outside, across the end, not aligned: named once, and harmless. */
	ktest_check_eq(banos_mmio_r32(m, 4096), UINT32_MAX);
	ktest_check_eq(banos_mmio_r64(m, 4092), UINT64_MAX);
	ktest_check_eq(banos_mmio_r16(m, 1), 0xffff);
	ktest_check_eq(banos_mmio_r8(m, UINT64_MAX), 0xff);
	banos_mmio_w64(m, UINT64_MAX - 3, 1);
	ktest_check_eq(banos_mmio_write(m, 0, 3, words, 1), -EINVAL);
	ktest_check_eq(banos_mmio_write(m, 4096, 4, words, 1), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, BAR_REGISTERS, 16, 16, BANOS_MMIO_DIRECT, &n), 0);
	ktest_check_eq(*(volatile uint32_t *)banos_mmio_address(n), 0x10000);
	banos_mmio_unmap(n);
	banos_mmio_unmap(NULL);
	ktest_check_eq(banos_mmio_map(disk, BAR_REGISTERS, 4096, 0, 0, &n), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, BAR_REGISTERS, 4000, 97, 0, &n), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, BAR_REGISTERS, 1, UINT64_MAX, 0, &n), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, BAR_REGISTERS, 0, 0, 4, &n), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, BAR_PORTS, 0, 0, 0, &n), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, 0, 0, 0, 0, &n), -EINVAL);
	ktest_check_eq(banos_mmio_map(disk, 6, 0, 0, 0, &n), -EINVAL);
	ktest_check(!n);
	banos_mmio_unmap(m);
	ktest_check_eq(banos_pci_ports(disk, BAR_PORTS, 0, 0, &p), 0);
	ktest_check_eq(banos_pci_ports(disk, BAR_PORTS, 4, 4, &q), -EBUSY);
	ktest_check_eq(banos_pci_ports(disk, BAR_REGISTERS, 0, 0, &q), -EINVAL);
	ktest_check_eq(banos_pci_ports(disk, BAR_PORTS, 30, 4, &q), -EINVAL);
	banos_ports_release(p);
	ktest_check_eq(banos_pci_ports(disk, BAR_PORTS, 4, 4, &q), 0);
	banos_ports_release(q);
	end();
}

static uint32_t nothing(void *ctx)
{
	return BANOS_IRQ_NONE;
}

KTEST(interrupts_of_a_device)
{
	static const uint32_t kinds[] = {BANOS_PCI_MSI, BANOS_PCI_LINE, 0};
	Banos_Irq *irqs[4], *other;

	if (!begin()) {
		end();
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		ktest_check_eq(banos_pci_irq_alloc(disk, 1, 4, kinds[i], irqs), 1);
		ktest_check(irqs[0] && !irqs[1]);
		ktest_check_eq(banos_pci_irq_alloc(disk, 1, 1, 0, &other), -EBUSY);
		ktest_check(!other);
		ktest_check_eq(banos_irq_bind(irqs[0], nothing, NULL, NULL, BANOS_CPU_ANY, 0), 0);
		ktest_check_eq(banos_irq_set_cpu(irqs[0], cpu_count() - 1), 0);
		banos_irq_mask(irqs[0]);
		banos_irq_unmask(irqs[0]);
		ktest_check_eq(banos_irq_free(irqs[0]), 0);
	}
	ktest_check_eq(banos_pci_irq_alloc(disk, 2, 4, 0, irqs), -ENOSPC);
	ktest_check_eq(banos_pci_irq_alloc(disk, 1, 1, BANOS_PCI_MSIX, irqs), -ENOSPC);
	ktest_check_eq(banos_pci_irq_alloc(disk, 0, 1, 0, irqs), -EINVAL);
	ktest_check_eq(banos_pci_irq_alloc(disk, 2, 1, 0, irqs), -EINVAL);
	ktest_check_eq(banos_pci_irq_alloc(disk, 1, 5000, 0, irqs), -EINVAL);
	ktest_check_eq(banos_pci_irq_alloc(disk, 1, 1, 8, irqs), -EINVAL);
	end();
}

/* Each allocation fails in turn; nothing stays behind. */
KTEST(out_of_memory_for_a_device)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	Banos_Dma_Buffer *b;
	Banos_Irq *irq;
	Banos_Mmio *m;
	Banos_Dma *dma;

	if (!begin()) {
		end();
		return;
	}
	for (unsigned nth = 1; nth < 12; nth++) {
		int r;

		alloc_fail_nth(nth);
		r = banos_pci_irq_alloc(disk, 1, 1, nth % 2 ? BANOS_PCI_MSI : BANOS_PCI_LINE, &irq);
		alloc_fail_nth(0);
		ktest_check(r == 1 || r == -ENOMEM);
		ktest_check_eq(banos_irq_free(irq), 0);
		alloc_fail_nth(nth);
		r = banos_mmio_map(disk, BAR_REGISTERS, 0, 0, 0, &m);
		alloc_fail_nth(0);
		ktest_check(r == 0 || r == -ENOMEM);
		banos_mmio_unmap(m);
		alloc_fail_nth(nth);
		r = banos_dma_create(disk, &limits, &dma);
		if (!r)
			r = banos_dma_alloc(dma, 10000, 0, &b);
		else
			b = NULL;
		alloc_fail_nth(0);
		ktest_check(r == 0 || r == -ENOMEM);
		banos_dma_free(b);
		ktest_check_eq(banos_dma_destroy(dma), 0);
	}
	end();
}
