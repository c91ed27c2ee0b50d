/* SPDX-License-Identifier: MIT */
/*
 * A driver for vm/driver_ending: says in the log what it is asked when it is to go, or when the
 * machine is; /dev/ending shows that it still works. refuse=quiesce or refuse=uninit: it does not
 * want to, the first time.
 *
 *	-DNO_UNINIT	it cannot be removed
 *	-DMAXIMUM=V	it needs an exporter that is not newer
 */
#include <banos/chardev.h>
#include <banos/device.h>
#include <banos/driver.h>
#include <banos/errno.h>
#include <banos/format.h>
#include <banos/log.h>
#include <banos/meta.h>
#include <banos/param.h>

static Banos_Chardev *device;
static char refuse[16]; /* empty once it has refused */
static uint32_t reads;

/* Is this the time to refuse? */
static int refuses(char by)
{
	if (refuse[0] != by)
		return 0;
	refuse[0] = 0;
	return 1;
}

static int32_t ending_quiesce(Banos_Driver *driver)
{
	(void)driver;
	banos_log_format(BANOS_LOG_INFO, "ending: quiesce");
	return refuses('q') ? -EPERM : 0;
}

static void ending_event(Banos_Driver *driver, uint32_t event, uint64_t argument)
{
	(void)driver;
	if (event == BANOS_EVENT_SHUTDOWN)
		banos_log_format(BANOS_LOG_INFO, "ending: shutdown, %lu", argument);
}

/* One line, then the end. */
static int64_t ending_read(void *file, Banos_Io *io, uint64_t position)
{
	(void)file;
	(void)position;
	if (++reads % 2 == 0)
		return 0;
	return banos_io_copy_out(io, 0, "works\n", 6) ? -EFAULT : 6;
}

static const Banos_Chardev_Ops ops = {.size = sizeof(ops), .read = ending_read};

static int ending_init(Banos_Driver *driver)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "ending%u"};
	int32_t r;

	banos_param_get(driver, "refuse", BANOS_PARAM_TEXT, refuse, sizeof(refuse));
	r = banos_chardev_register(driver, &desc, &ops, NULL, &device);
	return r < 0 ? r : 0;
}

static int __attribute__((unused)) ending_uninit(Banos_Driver *driver)
{
	(void)driver;
	banos_log_format(BANOS_LOG_INFO, "ending: uninit");
	if (refuses('u'))
		return -EPERM;
	banos_chardev_unregister(device);
	return 0;
}

static const Banos_Parameter parameters[] = {
	{.name = "refuse", .type = BANOS_PARAM_TEXT, .fallback = "nothing"},
};

#ifdef MAXIMUM
static const Banos_Dependency dependencies[] = {
	{.name = "exporter", .maximum = MAXIMUM},
};
#endif

BANOS_META_API static const Banos_Meta ending_meta = {
	BANOS_META_HEAD,
	.parameters = BANOS_LIST(parameters),
#ifdef MAXIMUM
	.dependencies = BANOS_LIST(dependencies),
#endif
	.quiesce = ending_quiesce,
	.event = ending_event,
};

BANOS_DRIVER_API static Banos_Driver ending_driver = {
	.driver_size = sizeof(ending_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "ending",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = ending_init,
#ifndef NO_UNINIT
	.uninit = ending_uninit,
#endif
};
