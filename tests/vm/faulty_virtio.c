/* SPDX-License-Identifier: MIT */
/*
 * A driver of virtio's entropy device with faults that the model of it is to find: the parameter
 * `what` names one, which probe makes. Like tests/vm/faulty.c.
 */
#include <banos/device.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/time.h>
#include <banos/x_virtio.h>

static Banos_Device_Driver *devices;
static Virtio_Queue *queue;
static Banos_Dma *dma;
static Banos_Dma_Buffer *memory;
static char what[32];

static int is(const char *fault)
{
	const char *x = what;

	while (*x && *x == *fault) {
		x++;
		fault++;
	}
	return *x == *fault;
}

static void called(void *ctx)
{
	(void)ctx;
}

static void ask(void)
{
	uint64_t address = is("foreign") ? 0x123456000 : banos_dma_device_address(memory);
	Virtio_Buffer buffers[2] = {{address, is("empty") ? 0 : 16, VIRTIO_BUFFER_WRITTEN},
				    {address + 16, 16, 0}};
	Virtio_Request request = {
		.buffers = buffers, .count = is("order") ? 2 : 1, .token = &request};

	if (is("read"))
		buffers[0].flags = 0;
	virtio_queue_add(queue, &request, 1);
	virtio_queue_kick(queue);
	banos_sleep_ns(1000000, 0);
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	static const uint64_t none[2];
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	uint64_t got[2];
	int32_t result = virtio_negotiate(device, none, none, got);

	(void)ctx, (void)match;
	*data = device;
	if (!result)
		result = banos_dma_create(device, &limits, &dma);
	if (!result)
		result = banos_dma_alloc(dma, 64, 0, &memory);
	if (!result)
		result = virtio_queue_create(device, 0, 8, called, 0, &queue);
	if (!result && !is("early"))
		result = virtio_ready(device);
	if (!result)
		ask();
	return result;
}

static void remove(void *data)
{
	virtio_reset(data);
	banos_dma_free(memory);
	banos_dma_destroy(dma);
}

static const Banos_Device_Ops ops = {.size = sizeof(ops), .probe = probe, .remove = remove};

static int start(Banos_Driver *driver)
{
	int32_t result;

	banos_param_get(driver, "what", BANOS_PARAM_TEXT, what, sizeof(what));
	result = banos_device_driver_register(driver, &ops, 0, &devices);
	return result < 0 ? result : 0;
}

static int stop(Banos_Driver *driver)
{
	(void)driver;
	return banos_device_driver_unregister(devices);
}

static const Banos_Match matches[] = {
	{.bus = "virtio",
	 .vendor = BANOS_MATCH_ANY,
	 .device = 4,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Dependency dependencies[] = {{.name = "virtio"}};
static const Banos_Parameter parameters[] = {
	{.name = "what", .fallback = "", .type = BANOS_PARAM_TEXT},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.dependencies = BANOS_LIST(dependencies),
	.parameters = BANOS_LIST(parameters),
	.matches = BANOS_LIST(matches),
};

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(Banos_Driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "faulty",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = start,
	.uninit = stop,
};
