/* SPDX-License-Identifier: MIT */
/*
 * The entropy device (Virtual I/O Device 1.2, 5.4): what it gives is stirred into the kernel's
 * random generator. Asked when the driver is installed, and then every PERIOD_NS, for little, so
 * that an idle machine stays idle. /proc/driver/virtio-rng shows how much has come.
 *
 * The interrupt wakes nothing but work; there is one request at a time.
 *
 * How much of it nobody could guess is the host's business, and only the host knows; it is counted
 * as half of the bits.
 */
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/random.h>
#include <banos/text.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/work.h>
#include <banos/x_virtio.h>

#define ENOMEM 12

#define KIND	     4
#define BUFFER_SIZE  64
#define PERIOD_NS    600000000000ull /* 10 minutes */
#define SLACK_NS     60000000000ull
#define SLICES	     16
#define BITS_COUNTED 4 /* of each byte */

struct rng {
	Banos_Device *device;
	Banos_Dma *dma;
	Banos_Dma_Buffer *buffer;
	Virtio_Queue *queue;
	Banos_Work *work;   /* takes what has come */
	Banos_Timer *timer; /* asks again */
	uint32_t going;	    /* atomic: nobody touches the queue any more */
};

static Banos_Driver driver;
static Banos_Device_Driver *devices;
static Banos_Text_Node *node;
static uint64_t all_bytes, all_answers; /* atomic, of all devices ever */

/* Nothing is in flight. */
static void ask(struct rng *r)
{
	Virtio_Buffer buffer = {.address = banos_dma_device_address(r->buffer),
				.length = BUFFER_SIZE,
				.flags = VIRTIO_BUFFER_WRITTEN};
	Virtio_Request request = {.buffers = &buffer, .count = 1, .token = r};

	if (virtio_queue_add(r->queue, &request, 1) == 1)
		virtio_queue_kick(r->queue);
}

static uint32_t is_going(struct rng *r)
{
	return __atomic_load_n(&r->going, __ATOMIC_ACQUIRE);
}

static void on_timer(void *ctx)
{
	struct rng *r = ctx;

	if (!is_going(r))
		ask(r);
}

static void on_interrupt(void *ctx)
{
	struct rng *r = ctx;

	banos_work_submit(r->work);
}

static void take(void *ctx)
{
	struct rng *r = ctx;
	Virtio_Done done;

	if (is_going(r) || virtio_queue_get(r->queue, &done, 1) != 1)
		return;
	banos_random_feed(banos_dma_address(r->buffer), done.length,
			  (uint64_t)done.length * BITS_COUNTED);
	__atomic_add_fetch(&all_bytes, done.length, __ATOMIC_RELAXED);
	__atomic_add_fetch(&all_answers, 1, __ATOMIC_RELAXED);
	banos_timer_arm(r->timer, banos_time_mono_ns() + PERIOD_NS, 0, SLACK_NS);
}

static int32_t start(struct rng *r)
{
	static const uint64_t none[2];
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	uint64_t got[2];
	int32_t result = virtio_negotiate(r->device, none, none, got);

	if (!result)
		result = banos_dma_create(r->device, &limits, &r->dma);
	if (!result)
		result = banos_dma_alloc(r->dma, BUFFER_SIZE, 0, &r->buffer);
	if (!result)
		result = banos_work_create(&driver, NULL, take, r, &r->work);
	if (!result)
		result = banos_timer_create(&driver, on_timer, r, 0, &r->timer);
	if (!result)
		result = virtio_queue_create(r->device, 0, SLICES, on_interrupt, r, &r->queue);
	if (!result)
		result = virtio_ready(r->device);
	if (!result)
		ask(r);
	return result;
}

/*
 * Also of one that was begun only. Work and timer call each other, and the interrupt submits the
 * work: first nothing of them touches the queue any more, then the queue goes and with it the
 * interrupt.
 */
static void remove(void *data)
{
	struct rng *r = data;

	__atomic_store_n(&r->going, 1, __ATOMIC_SEQ_CST);
	if (r->work)
		banos_work_cancel_sync(r->work);
	if (r->timer)
		banos_timer_cancel_sync(r->timer);
	virtio_reset(r->device);
	banos_work_destroy(r->work);
	banos_timer_destroy(r->timer);
	banos_dma_free(r->buffer);
	banos_dma_destroy(r->dma);
	banos_free(r);
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	struct rng *r = banos_alloc(sizeof(*r), 0, BANOS_ALLOC_ZERO);
	int32_t result;

	(void)ctx, (void)match;
	if (!r)
		return -ENOMEM;
	r->device = device;
	result = start(r);
	if (result) {
		remove(r);
		return result;
	}
	*data = r;
	return 0;
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove};

static void show(void *ctx, Banos_Text *text)
{
	char line[80];
	uint64_t n;

	(void)ctx;
	n = banos_format(line, sizeof(line), "answers: %llu\nbytes: %llu\n",
			 (unsigned long long)__atomic_load_n(&all_answers, __ATOMIC_RELAXED),
			 (unsigned long long)__atomic_load_n(&all_bytes, __ATOMIC_RELAXED));
	banos_text_write(text, line, n);
}

static const Banos_Text_Ops text_ops = {.size = sizeof(text_ops), .show = show};

static int rng_init(Banos_Driver *record)
{
	Banos_Text_Desc desc = {.size = sizeof(desc), .name = "virtio-rng"};
	int32_t result = banos_text_register(record, &desc, &text_ops, NULL, &node);

	if (result < 0)
		return result;
	result = banos_device_driver_register(record, &device_ops, NULL, &devices);
	if (result < 0)
		banos_text_unregister(node);
	return result < 0 ? result : 0;
}

static int rng_uninit(Banos_Driver *record)
{
	int32_t result = banos_device_driver_unregister(devices);

	(void)record;
	if (!result)
		banos_text_unregister(node);
	return result;
}

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "virtio-rng",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = rng_init,
	.uninit = rng_uninit,
};

static const Banos_Match matches[] = {
	{.bus = "virtio",
	 .vendor = BANOS_MATCH_ANY,
	 .device = KIND,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Dependency dependencies[] = {
	{.name = "virtio", .minimum = BANOS_VERSION_MAKE(1, 0, 0)}};

static const Banos_Need needs[] = {{"banos.device", 0, 9}, {"banos.dma", 0, 9}};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "virtio's entropy device feeds the random generator",
	.flags = BANOS_META_SINGLE,
	.needs = BANOS_LIST(needs),
	.dependencies = BANOS_LIST(dependencies),
	.matches = BANOS_LIST(matches),
};
