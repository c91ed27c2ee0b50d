/* SPDX-License-Identifier: MIT */
/*
 * QEMU's test device for PCI (-device pci-testdev; docs/specs/pci-testdev.txt of QEMU): it counts
 * writes to a place that it names, in memory and in ports. /proc/driver/pci-testdev shows the
 * tests, and how many of the writes that probe makes it has counted.
 *
 *	write the number of a test to offset 0; then, at
 *	1	width of the writes
 *	4	where to write, 32 bits
 *	8	what to write, 8 bits
 *	12	how many have come, 32 bits
 *	16	the name of the test, with a terminator
 *
 * Some tests end in QEMU's event notifiers and are not counted; their names say so.
 */
#include <banos/device.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/mmio.h>
#include <banos/pci.h>
#include <banos/text.h>

#define ENOMEM 12
#define EINVAL 22

#define BAR_MEMORY 0
#define BAR_PORTS  1

#define AT_TEST	 0
#define AT_WIDTH 1
#define AT_WHERE 4
#define AT_WHAT	 8
#define AT_COUNT 12
#define AT_NAME	 16

#define TESTS_MAX 8
#define NAME_SIZE 40
#define WRITES	  100

struct test {
	char name[NAME_SIZE];
	uint32_t width, where, what, count;
	int32_t bad; /* it names what cannot be written to */
};

struct testdev {
	Banos_Mmio *memory;
	Banos_Ports *ports;
	Banos_Text_Node *text;
	uint64_t memory_length, ports_length;
	uint32_t count;
	struct test tests[2 * TESTS_MAX];
};

static Banos_Driver driver;

/* One of its two ways. */
struct way {
	struct testdev *t;
	int32_t memory;
};

static uint32_t read8(const struct way *w, uint32_t offset)
{
	return w->memory ? banos_mmio_r8(w->t->memory, offset) : banos_port_r8(w->t->ports, offset);
}

static uint32_t read32(const struct way *w, uint32_t offset)
{
	uint32_t value = 0;

	for (uint32_t i = 0; i < 4; i++)
		value |= read8(w, offset + i) << (8 * i);
	return value;
}

static void write(const struct way *w, uint32_t offset, uint32_t width, uint32_t value)
{
	if (w->memory && width == 1)
		banos_mmio_w8(w->t->memory, offset, (uint8_t)value);
	else if (w->memory && width == 2)
		banos_mmio_w16(w->t->memory, offset, (uint16_t)value);
	else if (w->memory)
		banos_mmio_w32(w->t->memory, offset, value);
	else if (width == 1)
		banos_port_w8(w->t->ports, offset, (uint8_t)value);
	else if (width == 2)
		banos_port_w16(w->t->ports, offset, (uint16_t)value);
	else
		banos_port_w32(w->t->ports, offset, value);
}

static void read_name(const struct way *w, char *name)
{
	uint32_t i;

	for (i = 0; i + 1 < NAME_SIZE; i++) {
		uint32_t c = read8(w, AT_NAME + i);

		if (!c)
			break;
		name[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	name[i] = 0;
}

/* What the device says is checked before it is used. */
static int32_t possible(const struct way *w, const struct test *test)
{
	uint64_t length = w->memory ? w->t->memory_length : w->t->ports_length;

	return (test->width == 1 || test->width == 2 || test->width == 4) &&
	       test->where % test->width == 0 && test->where >= AT_NAME && test->where < length &&
	       test->width <= length - test->where;
}

static void run_tests(struct testdev *t, int32_t memory)
{
	struct way w = {t, memory};

	for (uint32_t i = 0; i < TESTS_MAX; i++) {
		struct test *test = &t->tests[t->count];

		write(&w, AT_TEST, 1, i);
		read_name(&w, test->name);
		if (!test->name[0])
			break; /* there is no such test */
		test->width = read8(&w, AT_WIDTH);
		test->where = read32(&w, AT_WHERE);
		test->what = read8(&w, AT_WHAT);
		test->bad = !possible(&w, test);
		t->count++;
		for (uint32_t k = 0; k < WRITES && !test->bad; k++)
			write(&w, test->where, test->width, test->what);
		test->count = read32(&w, AT_COUNT);
	}
}

static void show(void *ctx, Banos_Text *text)
{
	struct testdev *t = ctx;
	char line[100];

	for (uint32_t i = 0; i < t->count; i++) {
		const struct test *test = &t->tests[i];
		uint64_t n = banos_format(line, sizeof(line), "%s: %u bytes, %u of %u%s\n",
					  test->name, test->width, test->count, WRITES,
					  test->bad ? ", impossible" : "");

		banos_text_write(text, line, n);
	}
}

static const Banos_Text_Ops text_ops = {.size = sizeof(text_ops), .show = show};

static int32_t start(struct testdev *t, Banos_Device *device)
{
	Banos_Text_Desc desc = {.size = sizeof(desc), .name = "pci-testdev"};
	Banos_Pci_Bar ports = {.size = sizeof(ports)};
	int32_t result = banos_pci_enable(device, BANOS_PCI_MEMORY | BANOS_PCI_IO);

	if (!result)
		result = banos_pci_bar(device, BAR_PORTS, &ports);
	if (!result && !(ports.flags & BANOS_PCI_BAR_PORTS))
		result = -EINVAL;
	if (!result)
		result = banos_mmio_map(device, BAR_MEMORY, 0, 0, 0, &t->memory);
	if (!result)
		result = banos_pci_ports(device, BAR_PORTS, 0, 0, &t->ports);
	if (result)
		return result;
	t->ports_length = ports.length;
	t->memory_length = banos_mmio_length(t->memory);
	run_tests(t, 1);
	run_tests(t, 0);
	result = banos_text_register(&driver, &desc, &text_ops, t, &t->text);
	return result < 0 ? result : 0;
}

static void remove(void *data)
{
	struct testdev *t = data;

	banos_text_unregister(t->text);
	banos_ports_release(t->ports);
	banos_mmio_unmap(t->memory);
	banos_free(t);
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	struct testdev *t = banos_alloc(sizeof(*t), 0, BANOS_ALLOC_ZERO);
	int32_t result;

	(void)ctx, (void)match;
	if (!t)
		return -ENOMEM;
	result = start(t, device);
	if (result) {
		remove(t);
		return result;
	}
	*data = t;
	return 0;
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove};

static Banos_Device_Driver *devices;

static int testdev_init(Banos_Driver *record)
{
	int32_t result = banos_device_driver_register(record, &device_ops, NULL, &devices);

	return result < 0 ? result : 0;
}

static int testdev_uninit(Banos_Driver *record)
{
	(void)record;
	return banos_device_driver_unregister(devices);
}

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "pci-testdev",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = testdev_init,
	.uninit = testdev_uninit,
};

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1b36,
	 .device = 0x0005,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Need needs[] = {
	{"banos.device", 0, 9}, {"banos.pci", 0, 9}, {"banos.mmio", 0, 9}, {"banos.port", 0, 9}};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "QEMU's test device for PCI: registers in memory and ports",
	.flags = BANOS_META_SINGLE,
	.needs = BANOS_LIST(needs),
	.matches = BANOS_LIST(matches),
};
