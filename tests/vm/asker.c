/* SPDX-License-Identifier: MIT */
/*
 * A driver for vm/driver_asker: hands a request to its own thread, which asks over and over who it
 * is from, while the thread of the program that asks makes and removes devices. Says in the log how
 * often it was told the program's user, and how often another one.
 */
#include <banos/chardev.h>
#include <banos/driver.h>
#include <banos/errno.h>
#include <banos/format.h>
#include <banos/io.h>
#include <banos/log.h>
#include <banos/sync.h>
#include <banos/thread.h>
#include <banos/time.h>

#define SESSIONS 300
#define BURST	 50 /* questions between two looks at what there is to do */

static Banos_Driver *self;
static Banos_Chardev *device;
static Banos_Thread *thread;
static Banos_Mutex mutex;
/* All by `mutex`. */
static Banos_Io *asked; /* the request, while it lasts */
static uint32_t user, right, wrong;

static const Banos_Chardev_Ops nothing = {.size = sizeof(nothing)};

static void ask(Banos_Io *io)
{
	Banos_Credentials c = {.size = sizeof(c)};

	if (banos_io_credentials(io, &c) == 0 && c.uid == user && !c.superuser)
		right++;
	else
		wrong++;
}

static void watch(void *ctx)
{
	(void)ctx;
	while (!banos_thread_should_stop()) {
		int idle;

		banos_mutex_lock(&mutex);
		idle = !asked;
		for (int i = 0; i < BURST && asked; i++)
			ask(asked);
		banos_mutex_unlock(&mutex);
		if (idle)
			banos_sleep_ns(100000, 0);
	}
}

/* Nobody asks about the request any more once this is back from NULL. */
static void hand_over(Banos_Io *io, uint32_t uid)
{
	banos_mutex_lock(&mutex);
	asked = io;
	user = uid;
	banos_mutex_unlock(&mutex);
}

static int32_t make_sessions(void)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "session%u", .mode = 0600};

	for (int i = 0; i < SESSIONS; i++) {
		Banos_Chardev *session;
		int32_t r = banos_chardev_register(self, &desc, &nothing, NULL, &session);

		if (r < 0)
			return r;
		banos_chardev_unregister(session);
	}
	return 0;
}

/* The argument is the user that the program says it is. */
static int64_t asker_ctl(void *file, uint32_t op, Banos_Io *io)
{
	int32_t r;

	(void)file, (void)op;
	hand_over(io, (uint32_t)banos_io_argument(io));
	r = make_sessions();
	hand_over(NULL, 0);
	banos_log_format(BANOS_LOG_INFO, "asker: told %u times right, %u times wrong", right,
			 wrong);
	return r;
}

static const Banos_Chardev_Ops ops = {.size = sizeof(ops), .ctl = asker_ctl};

static int asker_init(Banos_Driver *driver)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "asker", .mode = 0666};
	int32_t r;

	self = driver;
	banos_mutex_init(&mutex, "asker");
	r = banos_thread_create(driver, "asker", watch, NULL, 0, &thread);
	if (r < 0)
		return r;
	r = banos_chardev_register(driver, &desc, &ops, NULL, &device);
	if (r < 0)
		banos_thread_destroy(thread);
	return r < 0 ? r : 0;
}

static int asker_uninit(Banos_Driver *driver)
{
	(void)driver;
	banos_chardev_unregister(device);
	banos_thread_destroy(thread);
	banos_mutex_fini(&mutex);
	return 0;
}

BANOS_DRIVER_API static Banos_Driver asker_driver = {
	.driver_size = sizeof(asker_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "asker",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = asker_init,
	.uninit = asker_uninit,
};
