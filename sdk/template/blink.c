/* SPDX-License-Identifier: MIT */
/*
 * A driver to begin with: while it is installed it writes a line to the log at regular times. Copy
 * the folder, rename the file, and replace what blink does by what yours is to do.
 *
 * What is one for each instance is behind the record; init gets the pointer.
 */
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/meta.h>
#include <banos/time.h>
#include <banos/timer.h>

#define PERIOD_NS 200000000u

struct blink {
	Banos_Driver driver; /* comes first */
	Banos_Timer *timer;
	uint32_t count;
};

/* Called by a thread of the kernel; no other call of this timer runs at the same time. */
static void blink_tick(void *ctx)
{
	struct blink *blink = ctx;

	blink->count++;
	banos_log_format(BANOS_LOG_INFO, "blink: %s, tick %u", blink->count % 2 ? "on" : "off",
			 blink->count);
}

/* A negative result is an errno and undoes the installation: give back first what was taken. */
static int blink_init(Banos_Driver *driver)
{
	struct blink *blink = (struct blink *)driver;
	int error = banos_timer_create(blink_tick, blink, 0, &blink->timer);

	if (error)
		return error;
	error = banos_timer_arm(blink->timer, banos_time_mono_ns(), PERIOD_NS, 0);
	if (error)
		banos_timer_destroy(blink->timer);
	return error;
}

/* When it has returned, nothing of the driver may be called any more. */
static int blink_uninit(Banos_Driver *driver)
{
	struct blink *blink = (struct blink *)driver;

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

BANOS_META_API static const Banos_Meta blink_meta = {
	BANOS_META_HEAD,
	.description = "a driver to begin with: writes to the log at regular times",
};
