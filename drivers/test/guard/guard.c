/* SPDX-License-Identifier: MIT */
/*
 * A character device that looks at who asks and for what: /dev/guard. Only the superuser opens it
 * for writing. Its pages are written, through shared mappings, by the superuser only, and executed
 * by nobody; one of them is not mapped at all.
 */
#include <banos/chardev.h>
#include <banos/driver.h>
#include <banos/io.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/thread.h>
#include "guard.h"

#define EPERM  1
#define ESRCH  3
#define EINTR  4
#define EIO    5
#define ENOMEM 12
#define EACCES 13
#define EINVAL 22
#define ENOTTY 25

#define PAGE 4096u

static Banos_Chardev *device;
static Banos_Pages *pages;
static Banos_Mapping asked; /* the last one; who tests it asks for one at a time */

struct opened {
	Banos_Caller by;
	uint32_t flags;
};

static int32_t guard_open(void *ctx, uint32_t flags, void **file)
{
	struct opened *o = banos_alloc(sizeof(*o), 0, BANOS_ALLOC_ZERO);
	int32_t error;

	(void)ctx;
	if (!o)
		return -ENOMEM;
	o->by.size = sizeof(o->by);
	o->flags = flags;
	error = banos_caller_get(&o->by);
	if (!error && o->by.size != sizeof(o->by))
		error = -EIO;
	if (!error && (flags & BANOS_IO_WRITE) && !o->by.superuser)
		error = -EACCES;
	if (error)
		banos_free(o);
	else
		*file = o;
	return error;
}

static void guard_close(void *file)
{
	banos_free(file);
}

/* The program's memory at addresses that it has put into its memory. */
static int64_t copy(Banos_Io *io)
{
	uint8_t bytes[GUARD_COPY_MAX];
	struct guard_copy c;
	int32_t error = banos_io_user_copy_in(io, banos_io_argument(io), &c, sizeof(c));

	if (error)
		return error;
	if (c.size > sizeof(bytes))
		return -EINVAL;
	error = banos_io_user_copy_in(io, c.from, bytes, c.size);
	return error ? error : banos_io_user_copy_out(io, c.to, bytes, c.size);
}

static int64_t who_asks(Banos_Io *io)
{
	Banos_Credentials by = {.size = sizeof(by)};
	int32_t error = banos_io_credentials(io, &by);

	return error ? error : banos_io_copy_out(io, 0, &by, sizeof(by));
}

static int64_t guard_ctl(void *file, uint32_t operation, Banos_Io *io)
{
	struct opened *o = file;

	switch (operation) {
	case GUARD_OPENER:
		return banos_io_copy_out(io, 0, &o->by, sizeof(o->by));
	case GUARD_FLAGS:
		return o->flags | banos_io_flags(io) << 8;
	case GUARD_ASKED:
		return asked.access | asked.may << 8 | asked.flags << 16;
	case GUARD_EINTR:
		return -EINTR;
	case GUARD_COPY:
		return copy(io);
	case GUARD_ASKER:
		return who_asks(io);
	default:
		return -ENOTTY;
	}
}

static int32_t guard_map(void *file, Banos_Mapping *mapping)
{
	uint64_t forbidden = GUARD_FORBIDDEN * PAGE;
	Banos_Caller caller = {.size = sizeof(caller)};
	int32_t error = banos_caller_get(&caller);

	(void)file;
	if (error)
		return error;
	if (mapping->size < sizeof(*mapping))
		return -EIO;
	asked = *mapping;
	if (mapping->offset <= forbidden && forbidden < mapping->offset + mapping->length)
		return -EPERM;
	mapping->may &= ~BANOS_MAP_EXECUTE;
	if ((mapping->flags & BANOS_MAPPING_SHARED) && !caller.superuser)
		mapping->may &= ~BANOS_MAP_WRITE;
	mapping->pages = pages;
	return 0;
}

static const Banos_Chardev_Ops guard_ops = {
	.size = sizeof(guard_ops),
	.open = guard_open,
	.close = guard_close,
	.ctl = guard_ctl,
	.map = guard_map,
};

static void ask(void *ctx)
{
	Banos_Caller caller = {.size = sizeof(caller)};

	*(int32_t *)ctx = banos_caller_get(&caller);
}

/* In a thread of ours there is no program; of what we do not say that we have, nothing is told. */
static int32_t check_rules(Banos_Driver *driver)
{
	Banos_Caller caller = {.size = 16, .process = 4711};
	int32_t there = 0, error;
	Banos_Thread *thread;

	error = banos_thread_create(driver, "guard", ask, &there, 0, &thread);
	if (error)
		return error;
	banos_thread_destroy(thread);
	if (there != -ESRCH || banos_caller_get(NULL) != -EINVAL)
		return -EIO;
	if (banos_caller_get(&caller) || caller.size != 16 || caller.process != 4711)
		return -EIO;
	caller.flags = 1;
	return banos_caller_get(&caller) == -EINVAL ? 0 : -EIO;
}

static int guard_init(Banos_Driver *driver)
{
	Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "guard", .mode = 0666};
	int32_t used = check_rules(driver);

	if (used < 0)
		return used;
	used = banos_pages_create(driver, GUARD_PAGES, BANOS_ALLOC_ZERO, &pages);
	if (used < 0)
		return used;
	used = banos_chardev_register(driver, &desc, &guard_ops, NULL, &device);
	if (used == (int32_t)sizeof(guard_ops))
		return 0;
	banos_chardev_unregister(device);
	banos_pages_destroy(pages);
	return used < 0 ? used : -EIO;
}

static int guard_uninit(Banos_Driver *driver)
{
	(void)driver;
	banos_chardev_unregister(device);
	banos_pages_destroy(pages);
	return 0;
}

/* The callback `map`; without it the device would have nothing to map. */
static const Banos_Need guard_needs[] = {{"banos.chardev", 0, 10}};

BANOS_META_API static const Banos_Meta guard_meta = {
	BANOS_META_HEAD,
	.description = "a device that looks at who asks and for what, for the tests",
	.flags = BANOS_META_SINGLE,
	.needs = BANOS_LIST(guard_needs),
};

BANOS_DRIVER_API static Banos_Driver guard_driver = {
	.driver_size = sizeof(guard_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 10, 0),
	.name = "guard",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = guard_init,
	.uninit = guard_uninit,
};
