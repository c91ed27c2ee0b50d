/* SPDX-License-Identifier: MIT */
/* For the bench: /dev/bench, which is asked through rows.h. One program uses it. */
#include "rows.h"

#include <banos/chardev.h>
#include <banos/device.h>
#include <banos/driver.h>
#include <banos/import.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/pci.h>

#define ENODEV 19
#define ENOTTY 25

BANOS_API_BEGIN
uint64_t bench_callee(uint64_t value);
BANOS_API_END

static struct {
	Banos_Mmio *regs; /* NULL: there is no edu */
	Banos_Irq *irq;
	Banos_Chardev *node;
	Banos_Device_Driver *devices;
	volatile uint64_t came; /* cycles */
} rows;

__attribute__((noinline)) static uint64_t own_callee(uint64_t value)
{
	__asm__ volatile("" : "+r"(value)); /* else its calls are computed */
	return value + 1;
}

static uint64_t calls_imported(Banos_Io *io, uint64_t n)
{
	(void)io;
	uint64_t sum = 0;

	while (n--)
		sum = bench_callee(sum);
	return sum;
}

static uint64_t calls_local(Banos_Io *io, uint64_t n)
{
	(void)io;
	uint64_t sum = 0;

	while (n--)
		sum = own_callee(sum);
	return sum;
}

/* One instruction and a return, as its like on Linux. */
static uint64_t calls_kernel(Banos_Io *io, uint64_t n)
{
	uint64_t all = n, last = 0;

	while (n--)
		last = banos_io_argument(io);
	return last ? all : 0;
}

static uint32_t on_interrupt(void *ctx)
{
	uint64_t now = __builtin_ia32_rdtsc();
	uint32_t asks = banos_mmio_r32(rows.regs, EDU_ASKS);

	(void)ctx;
	if (!asks)
		return BANOS_IRQ_NONE;
	banos_mmio_w32(rows.regs, EDU_DONE, asks);
	rows.came = now;
	return BANOS_IRQ_HANDLED;
}

static int64_t interrupt(Banos_Io *io)
{
	uint64_t begin, cycles;

	if (!rows.regs)
		return -ENODEV;
	rows.came = 0;
	begin = __builtin_ia32_rdtsc();
	banos_mmio_w32(rows.regs, EDU_RAISE, 1);
	while (!rows.came)
		__builtin_ia32_pause();
	cycles = rows.came - begin;
	return banos_io_copy_out(io, 0, &cycles, sizeof(cycles));
}

static int64_t calls(Banos_Io *io, uint64_t (*which)(Banos_Io *, uint64_t))
{
	uint64_t n;
	int64_t result = banos_io_copy_in(io, 0, &n, sizeof(n));

	if (result)
		return result;
	n = which(io, n);
	return banos_io_copy_out(io, 0, &n, sizeof(n));
}

static int64_t control(void *file, uint32_t operation, Banos_Io *io)
{
	static const uint32_t answer = BENCH_ANSWER;

	(void)file;
	switch (operation) {
	case BENCH_NUMBER:
		return banos_io_copy_out(io, 0, &answer, sizeof(answer));
	case BENCH_IMPORTED:
		return calls(io, calls_imported);
	case BENCH_LOCAL:
		return calls(io, calls_local);
	case BENCH_KERNEL:
		return calls(io, calls_kernel);
	case BENCH_INTERRUPT:
		return interrupt(io);
	default:
		return -ENOTTY;
	}
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	int32_t result = banos_pci_enable(device, BANOS_PCI_MEMORY);

	(void)ctx, (void)match, (void)data;
	if (!result)
		result = banos_mmio_map(device, 0, 0, EDU_REGISTERS, 0, &rows.regs);
	if (!result)
		result = banos_pci_irq_alloc(device, 1, 1, BANOS_PCI_MSI, &rows.irq);
	if (result > 0)
		result = banos_irq_bind(rows.irq, on_interrupt, NULL, NULL, BANOS_CPU_ANY, 0);
	if (!result)
		result = banos_pci_enable(device, BANOS_PCI_MASTER);
	return result;
}

static void remove(void *data)
{
	(void)data;
	banos_irq_free(rows.irq);
	banos_mmio_unmap(rows.regs);
	rows.regs = NULL;
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove};
static const Banos_Chardev_Ops node_ops = {.size = sizeof(node_ops), .ctl = control};

static int rows_init(Banos_Driver *record)
{
	static const Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "bench"};
	int32_t result = banos_device_driver_register(record, &device_ops, NULL, &rows.devices);

	if (result >= 0)
		result = banos_chardev_register(record, &desc, &node_ops, NULL, &rows.node);
	return result < 0 ? result : 0;
}

static int rows_uninit(Banos_Driver *record)
{
	(void)record;
	banos_chardev_unregister(rows.node);
	banos_device_driver_unregister(rows.devices);
	return 0;
}

BANOS_DRIVER_API static Banos_Driver rows_driver = {
	.driver_size = sizeof(rows_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "rows",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = rows_init,
	.uninit = rows_uninit,
};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = EDU_VENDOR,
	 .device = EDU_DEVICE,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Dependency dependencies[] = {
	{.name = "callee", .minimum = BANOS_VERSION_MAKE(1, 0, 0)},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "answers the bench's driver rows",
	.flags = BANOS_META_SINGLE,
	.dependencies = BANOS_LIST(dependencies),
	.matches = BANOS_LIST(matches),
};
