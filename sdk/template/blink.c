/* SPDX-License-Identifier: MIT */
/*
 * A driver to begin with: a light that goes on and off. /dev/blink says which it is, and the
 * parameter period_ms how fast it goes. Copy the folder, rename the file, and replace what blink
 * does by what yours is to do.
 */
#include <banos/chardev.h>
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/time.h>
#include <banos/timer.h>

#define NS_PER_MS 1000000u

/* What is one for each instance stands behind the record. */
struct blink {
	Banos_Driver driver; /* comes first */
	Banos_Timer *timer;
	Banos_Chardev *device;
	uint64_t changes; /* the timer writes it, readers read it: atomic */
};

/* Called by a thread of the kernel, for a timer once at a time. */
static void blink_tick(void *ctx)
{
	struct blink *blink = ctx;

	__atomic_fetch_add(&blink->changes, 1, __ATOMIC_RELAXED);
}

/* A program reads: some bytes from `position` on, 0 at the end. Several may read at once. */
static int64_t blink_read(void *file, Banos_Io *io, uint64_t position)
{
	struct blink *blink = file;
	uint64_t changes = __atomic_load_n(&blink->changes, __ATOMIC_RELAXED);
	char text[64];
	uint64_t size = banos_format(text, sizeof(text), "%s after %llu changes\n",
				     changes % 2 ? "on" : "off", (unsigned long long)changes);
	int32_t error;

	if (position >= size)
		return 0;
	size -= position;
	if (size > banos_io_length(io))
		size = banos_io_length(io);
	error = banos_io_copy_out(io, 0, text + position, size);
	return error ? error : (int64_t)size;
}

static int32_t blink_add_device(struct blink *blink)
{
	static const Banos_Chardev_Desc desc = {
		.size = sizeof(desc),
		.flags = BANOS_CHARDEV_SEEKABLE,
		.name = "blink",
		.mode = 0444,
	};
	static const Banos_Chardev_Ops ops = {.size = sizeof(ops), .read = blink_read};
	int32_t result = banos_chardev_register(&blink->driver, &desc, &ops, blink, &blink->device);

	return result < 0 ? result : 0;
}

/* A negative result is an errno and undoes the installation: give back first what was taken. */
static int blink_init(Banos_Driver *driver)
{
	struct blink *blink = (struct blink *)driver;
	uint64_t period_ms;
	int32_t error;

	error = banos_param_get(driver, "period_ms", BANOS_PARAM_UNSIGNED, &period_ms,
				sizeof(period_ms));
	if (error < 0)
		return error;
	error = banos_timer_create(driver, blink_tick, blink, 0, &blink->timer);
	if (error)
		return error;
	error = blink_add_device(blink);
	if (!error)
		error = banos_timer_arm(blink->timer, banos_time_mono_ns(), period_ms * NS_PER_MS,
					0);
	if (error) {
		banos_chardev_unregister(blink->device);
		banos_timer_destroy(blink->timer);
	}
	return error;
}

/* When it has returned, nothing of the driver is called any more. */
static int blink_uninit(Banos_Driver *driver)
{
	struct blink *blink = (struct blink *)driver;

	banos_chardev_unregister(blink->device);
	return banos_timer_destroy(blink->timer);
}

BANOS_DRIVER_API static struct blink blink_driver = {
	.driver =
		{
			.driver_size = sizeof(blink_driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "blink",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.init = blink_init,
			.uninit = blink_uninit,
		},
};

static const Banos_Parameter blink_parameters[] = {
	{
		.name = "period_ms",
		.help = "milliseconds between two changes",
		.fallback = "200",
		.type = BANOS_PARAM_UNSIGNED,
		.minimum = 1,
		.maximum = 60000,
	},
};

BANOS_META_API static const Banos_Meta blink_meta = {
	BANOS_META_HEAD,
	.flags = BANOS_META_SINGLE,
	.description = "a driver to begin with: a light that goes on and off",
	.parameters = BANOS_LIST(blink_parameters),
};
