/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for transfers: the test plays the device, which sees physical memory. */
#include <banos/dma.h>
#include <base/ktest.h>
#include <bus/device.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/kva.h>
#include <mem/slab.h>
#include <sched/test/test_driver.h>

static struct test_driver driver, bus;
static Banos_Match match;
static Banos_List matches;
static Banos_Device_Driver *registered;
static Banos_Device *device;
static unsigned stops;

static int32_t probe(void *ctx, Banos_Device *d, uint32_t index, void **data)
{
	return 0;
}

static void remove(void *data)
{
}

static void stop(Banos_Device *d)
{
	stops++;
}

static const struct device_bus kind = {.stop = stop};
static const Banos_Device_Ops ops = {.size = sizeof(ops), .probe = probe, .remove = remove};

static bool begin(void)
{
	Banos_Device_Desc desc = {.size = sizeof(desc), .bus = "dma-test", .name = "device"};

	if (!test_driver_begin(&driver) || !test_driver_begin(&bus))
		return false;
	match = (Banos_Match){.bus = "dma-test"};
	matches = (Banos_List){.first = &match, .count = 1, .stride = sizeof(match)};
	driver.owner.matches = &matches;
	if (!ktest_check_eq(banos_device_add(&bus.record, &desc, NULL, NULL, &device), 0))
		return false;
	device->bus = &kind;
	stops = 0;
	return ktest_check(banos_device_driver_register(&driver.record, &ops, NULL, &registered) >
			   0);
}

static void end(void)
{
	ktest_check_eq(banos_device_driver_unregister(registered), 0);
	ktest_check_eq(banos_device_remove(device), 0);
	test_driver_end(&driver);
	test_driver_end(&bus);
}

static int32_t map_one(Banos_Dma *dma, void *address, uint64_t length, uint32_t direction,
		       Banos_Dma_Segment *out, uint32_t max, Banos_Dma_Mapping **mapping)
{
	Banos_Segment segment = {.address = address, .length = length};
	Banos_Dma_Map map = {
		.size = sizeof(map), .flags = direction, .segments = &segment, .count = 1};

	return banos_dma_map(dma, &map, out, max, mapping);
}

/* What the device finds there. */
static bool device_sees(const Banos_Dma_Segment *s, int32_t n, const uint8_t *expected)
{
	for (int32_t i = 0; i < n; i++) {
		if (memcmp(paddr_to_direct(s[i].address), expected, s[i].length))
			return false;
		expected += s[i].length;
	}
	return true;
}

static void pattern(uint8_t *to, size_t n, uint8_t seed)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(i * 7 + i / 251 + seed);
}

KTEST(mapped_where_it_is)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	Banos_Dma_Segment out[16];
	Banos_Dma_Mapping *m;
	uint64_t total = 0;
	uint8_t *memory;
	Banos_Dma *dma;
	int32_t n;

	if (!begin())
		return;
	ktest_check_eq(banos_dma_create(device, &limits, &dma), 0);
	memory = kva_alloc(8 * PAGE_SIZE); /* frames from anywhere */
	if (!ktest_check(memory != NULL))
		return;
	pattern(memory, 8 * PAGE_SIZE, 1);
	n = map_one(dma, memory + 100, 6 * PAGE_SIZE, BANOS_DMA_TO_DEVICE, out, 16, &m);
	ktest_check(n >= 1 && n <= 7);
	for (int32_t i = 0; i < n; i++)
		total += out[i].length;
	ktest_check_eq(total, 6 * PAGE_SIZE);
	ktest_check(device_sees(out, n, memory + 100));
	ktest_check_eq(banos_dma_destroy(dma), -EBUSY);
	banos_dma_unmap(m);
	banos_dma_unmap(NULL);
	/* Too few places: nothing is mapped. */
	if (n > 1)
		ktest_check_eq(
			map_one(dma, memory + 100, 6 * PAGE_SIZE, 1, out, (uint32_t)n - 1, &m),
			-ENOSPC);
	kva_free(memory);
	/* What is nowhere, what programs have, what ends beyond the end. */
	ktest_check_eq(map_one(dma, memory, 100, 1, out, 16, &m), -EFAULT);
	ktest_check_eq(map_one(dma, (void *)0x10000, 100, 1, out, 16, &m), -EFAULT);
	ktest_check_eq(map_one(dma, out, sizeof(out), 1, out, 16, &m), -EFAULT); /* a stack */
	ktest_check_eq(map_one(dma, (void *)-100ul, 200, 1, out, 16, &m), -EINVAL);
	ktest_check_eq(map_one(dma, memory, 0, 1, out, 16, &m), -EINVAL);
	ktest_check_eq(map_one(dma, memory, 1ul << 40, 1, out, 16, &m), -EINVAL);
	ktest_check_eq(map_one(dma, memory, 100, 0, out, 16, &m), -EINVAL);
	ktest_check_eq(map_one(dma, memory, 100, 4, out, 16, &m), -EINVAL);
	ktest_check(!m);
	ktest_check_eq(banos_dma_destroy(dma), 0);
	end();
}

KTEST(copied_where_the_device_does_not_reach)
{
	/* Begins at multiples of 4,096 only, which ours does not; cut at 4,096. */
	Banos_Dma_Limits limits = {.size = sizeof(limits), .align = 4096, .segment_max = 4096};
	static uint8_t before[3000];
	Banos_Dma_Segment out[4];
	Banos_Dma_Mapping *m;
	uint8_t *memory;
	Banos_Dma *dma;
	int32_t n;

	if (!begin())
		return;
	ktest_check_eq(banos_dma_create(device, &limits, &dma), 0);
	memory = kmalloc(8000);
	if (!ktest_check(memory != NULL))
		return;
	pattern(memory, 8000, 3);
	memcpy(before, memory + 8, sizeof(before));
	n = map_one(dma, memory + 8, 3000, BANOS_DMA_TO_DEVICE | BANOS_DMA_FROM_DEVICE, out, 4, &m);
	ktest_check_eq(n, 1);
	ktest_check_eq(out[0].address % 4096, 0);
	ktest_check(device_sees(out, n, memory + 8));
	/* The device writes; the driver sees it when it asks, and sends something else. */
	memset(paddr_to_direct(out[0].address), 0x55, 1000);
	ktest_check(!memcmp(memory + 8, before, sizeof(before)));
	ktest_check_eq(banos_dma_sync(m, BANOS_DMA_FROM_DEVICE), 0);
	ktest_check_eq(memory[8], 0x55);
	ktest_check_eq(memory[1007], 0x55);
	ktest_check(!memcmp(memory + 1008, before + 1000, 2000));
	memory[8] = 0x66;
	ktest_check_eq(banos_dma_sync(m, BANOS_DMA_TO_DEVICE), 0);
	ktest_check(device_sees(out, n, memory + 8));
	ktest_check_eq(banos_dma_sync(m, 3), -EINVAL);
	memset(paddr_to_direct(out[0].address), 0x77, 10);
	banos_dma_unmap(m);
	ktest_check_eq(memory[8], 0x77);
	/* One way only: what the device writes is not looked at. */
	n = map_one(dma, memory + 8, 3000, BANOS_DMA_TO_DEVICE, out, 4, &m);
	memset(paddr_to_direct(out[0].address), 0x11, 10);
	banos_dma_unmap(m);
	ktest_check_eq(memory[8], 0x77);
	/* Cut. */
	n = map_one(dma, memory + 8, 7900, BANOS_DMA_TO_DEVICE, out, 4, &m);
	ktest_check_eq(n, 2);
	ktest_check_eq(out[0].length, 4096);
	ktest_check_eq(out[1].length, 7900 - 4096);
	ktest_check(device_sees(out, n, memory + 8));
	banos_dma_unmap(m);
	kfree(memory);
	ktest_check_eq(banos_dma_destroy(dma), 0);
	end();
}

KTEST(buffers_within_limits)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits), .address_bits = 32};
	Banos_Dma_Buffer *b, *c;
	Banos_Dma *dma;

	if (!begin())
		return;
	ktest_check_eq(banos_dma_create(device, &limits, &dma), 0);
	ktest_check_eq(banos_dma_alloc(dma, 5000, 0, &b), 0);
	ktest_check(banos_dma_device_address(b) + 5000 <= 1ul << 32);
	ktest_check_eq(banos_dma_device_address(b) % PAGE_SIZE, 0);
	ktest_check(paddr_to_direct(banos_dma_device_address(b)) == banos_dma_address(b));
	for (unsigned i = 0; i < 5000; i++)
		if (((uint8_t *)banos_dma_address(b))[i])
			ktest_check(!"zeroed");
	ktest_check_eq(banos_dma_alloc(dma, 0, 0, &c), -EINVAL);
	ktest_check_eq(banos_dma_alloc(dma, 5ul << 20, 0, &c), -EINVAL);
	ktest_check_eq(banos_dma_alloc(dma, 100, 1, &c), -EINVAL);
	ktest_check(!c);
	banos_dma_free(b);
	banos_dma_free(NULL);
	ktest_check_eq(banos_dma_destroy(dma), 0);
	/* A device that reaches nothing of what there is. */
	limits.address_bits = 16;
	ktest_check_eq(banos_dma_create(device, &limits, &dma), 0);
	ktest_check_eq(banos_dma_alloc(dma, 1ul << 17, 0, &b), -ENOMEM);
	ktest_check_eq(banos_dma_destroy(dma), 0);
	limits = (Banos_Dma_Limits){.size = sizeof(limits), .segment_max = 4096};
	ktest_check_eq(banos_dma_create(device, &limits, &dma), 0);
	ktest_check_eq(banos_dma_alloc(dma, 4097, 0, &b), -EOPNOTSUPP);
	ktest_check_eq(banos_dma_destroy(dma), 0);
	static const Banos_Dma_Limits bad[] = {
		{.size = sizeof(limits), .flags = 1},
		{.size = sizeof(limits), .address_bits = 65},
		{.size = sizeof(limits), .address_bits = 15},
		{.size = sizeof(limits), .align = 3},
		{.size = sizeof(limits), .align = 8192},
		{.size = sizeof(limits), .boundary = 2048},
		{.size = sizeof(limits), .boundary = 12288},
		{.size = sizeof(limits), .segment_max = 100},
	};
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		ktest_check_eq(banos_dma_create(device, &bad[i], &dma), -EINVAL);
	ktest_check_eq(banos_dma_create(NULL, &limits, &dma), -ENODEV);
	end();
}

/* The device may be writing to what its driver has forgotten. */
KTEST(stopped_before_its_memory_goes)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	Banos_Dma_Segment out[4];
	Banos_Dma_Mapping *m;
	Banos_Dma_Buffer *b;
	uint8_t *memory = kmalloc(100);
	Banos_Dma *dma;

	if (!begin() || !ktest_check(memory != NULL))
		return;
	ktest_check_eq(banos_dma_create(device, &limits, &dma), 0);
	ktest_check_eq(banos_dma_alloc(dma, 100, 0, &b), 0);
	ktest_check_eq(map_one(dma, memory, 100, 3, out, 4, &m), 1);
	owner_newest(&driver.owner)->class->release(owner_newest(&driver.owner));
	ktest_check_eq(stops, 1);
	end();
	ktest_check(stops >= 2);
	kfree(memory);
}
