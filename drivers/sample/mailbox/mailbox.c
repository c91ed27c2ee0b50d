/* SPDX-License-Identifier: MIT */
/*
 * A character device with everything that programs do with one: /dev/mailbox0 carries bytes from
 * writers to readers, like a pipe.
 *
 *	read	waits for bytes, as a pending request that the writer completes: the copy into
 *		the reader's memory is made by the writer's thread
 *	write	takes what there is room for; -EAGAIN when there is none
 *	poll	readable with bytes in it, writable with room
 *	ctl	asks for the number of bytes, and empties it
 *	mmap	a page of counters that programs may watch
 *
 * Lock: mailbox->lock covers everything but the page. Whoever takes a request off `waiting`
 * completes it, so a signal and a writer that meet complete it once.
 */
#include <banos/chardev.h>
#include <banos/driver.h>
#include <banos/errno.h>
#include <banos/io.h>
#include <banos/memory.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/sync.h>
#include <banos/text.h>
#include "mailbox.h"

#define WAITING_MAX 16

struct mailbox {
	Banos_Driver driver;
	Banos_Chardev *device;
	Banos_Text_Node *node;
	Banos_Pages *pages;
	struct mailbox_counters *counters; /* in pages */
	Banos_Mutex lock;
	uint64_t capacity;
	uint8_t *bytes;			/* a ring of that size */
	uint64_t head, tail;		/* bytes that came and that went, ever */
	Banos_Io *waiting[WAITING_MAX]; /* oldest first */
	uint32_t waiting_count;
};

static uint64_t used(const struct mailbox *m)
{
	return m->head - m->tail;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Bytes out of the ring into a reader's memory; lock held. */
static int64_t deliver(struct mailbox *m, Banos_Io *io)
{
	uint64_t want = smaller(banos_io_length(io), used(m)), done = 0;

	while (done < want) {
		uint64_t at = m->tail % m->capacity;
		uint64_t part = smaller(want - done, m->capacity - at);
		int32_t error = banos_io_copy_out(io, done, m->bytes + at, part);

		if (error)
			return done ? (int64_t)done : error;
		m->tail += part;
		done += part;
	}
	m->counters->read += done;
	return (int64_t)done;
}

/* Take the i-th of those who wait off the list; lock held. */
static Banos_Io *take_waiting(struct mailbox *m, uint32_t i)
{
	Banos_Io *io = m->waiting[i];

	m->waiting_count--;
	for (; i < m->waiting_count; i++)
		m->waiting[i] = m->waiting[i + 1];
	return io;
}

static int64_t mailbox_read(void *file, Banos_Io *io, uint64_t position)
{
	struct mailbox *m = file;
	int64_t result;

	(void)position;
	banos_mutex_lock(&m->lock);
	if (used(m) || !banos_io_length(io)) {
		result = deliver(m, io);
	} else if ((banos_io_flags(io) & BANOS_IO_NONBLOCK) || m->waiting_count == WAITING_MAX) {
		result = -EAGAIN;
	} else {
		m->waiting[m->waiting_count++] = io;
		result = BANOS_IO_PENDING;
	}
	banos_mutex_unlock(&m->lock);
	banos_chardev_notify(m->device, BANOS_POLL_OUT);
	return result;
}

static void mailbox_cancel(void *file, Banos_Io *io)
{
	struct mailbox *m = file;
	uint32_t i;

	banos_mutex_lock(&m->lock);
	for (i = 0; i < m->waiting_count && m->waiting[i] != io; i++)
		;
	if (i < m->waiting_count)
		banos_io_complete(take_waiting(m, i), -EINTR);
	banos_mutex_unlock(&m->lock);
}

/* Into the ring; lock held. */
static int64_t store(struct mailbox *m, Banos_Io *io)
{
	uint64_t want = smaller(banos_io_length(io), m->capacity - used(m)), done = 0;

	while (done < want) {
		uint64_t at = m->head % m->capacity;
		uint64_t part = smaller(want - done, m->capacity - at);
		int32_t error = banos_io_copy_in(io, done, m->bytes + at, part);

		if (error)
			return done ? (int64_t)done : error;
		m->head += part;
		done += part;
	}
	m->counters->written += done;
	return done || !banos_io_length(io) ? (int64_t)done : -EAGAIN;
}

static int64_t mailbox_write(void *file, Banos_Io *io, uint64_t position)
{
	struct mailbox *m = file;
	int64_t result;

	(void)position;
	banos_mutex_lock(&m->lock);
	result = store(m, io);
	while (used(m) && m->waiting_count) {
		Banos_Io *reader = take_waiting(m, 0);

		banos_io_complete(reader, deliver(m, reader));
	}
	banos_mutex_unlock(&m->lock);
	banos_chardev_notify(m->device, BANOS_POLL_IN);
	return result;
}

static int64_t mailbox_ctl(void *file, uint32_t operation, Banos_Io *io)
{
	struct mailbox *m = file;
	int64_t result = 0;
	uint32_t bytes;

	banos_mutex_lock(&m->lock);
	switch (operation) {
	case MAILBOX_COUNT:
		bytes = (uint32_t)used(m);
		result = banos_io_copy_out(io, 0, &bytes, sizeof(bytes));
		break;
	case MAILBOX_EMPTY:
		m->tail = m->head;
		break;
	default:
		result = -ENOTTY;
	}
	banos_mutex_unlock(&m->lock);
	if (operation == MAILBOX_EMPTY)
		banos_chardev_notify(m->device, BANOS_POLL_OUT);
	return result;
}

static uint32_t mailbox_poll(void *file)
{
	struct mailbox *m = file;
	uint32_t events = 0;

	banos_mutex_lock(&m->lock);
	if (used(m))
		events |= BANOS_POLL_IN;
	if (used(m) < m->capacity)
		events |= BANOS_POLL_OUT;
	banos_mutex_unlock(&m->lock);
	return events;
}

static int32_t mailbox_mmap(void *file, uint64_t offset, uint64_t length, Banos_Pages **pages)
{
	struct mailbox *m = file;

	(void)offset, (void)length;
	*pages = m->pages;
	return 0;
}

static void mailbox_show(void *ctx, Banos_Text *text)
{
	static const char full[] = "full\n", empty[] = "empty\n", some[] = "some\n";
	struct mailbox *m = ctx;
	uint64_t n;

	banos_mutex_lock(&m->lock);
	n = used(m);
	banos_mutex_unlock(&m->lock);
	if (n == 0)
		banos_text_write(text, empty, sizeof(empty) - 1);
	else if (n == m->capacity)
		banos_text_write(text, full, sizeof(full) - 1);
	else
		banos_text_write(text, some, sizeof(some) - 1);
}

static const Banos_Chardev_Ops mailbox_ops = {
	.size = sizeof(mailbox_ops),
	.read = mailbox_read,
	.write = mailbox_write,
	.ctl = mailbox_ctl,
	.poll = mailbox_poll,
	.mmap = mailbox_mmap,
	.cancel = mailbox_cancel,
};

static const Banos_Text_Ops mailbox_text_ops = {.size = sizeof(mailbox_text_ops),
						.show = mailbox_show};

static void give_back(struct mailbox *m)
{
	banos_text_unregister(m->node);
	banos_chardev_unregister(m->device);
	banos_pages_destroy(m->pages);
	banos_free(m->bytes);
	banos_mutex_fini(&m->lock);
}

static int32_t set_up(struct mailbox *m)
{
	Banos_Chardev_Desc device = {.size = sizeof(device), .name = "mailbox%u", .mode = 0666};
	Banos_Text_Desc node = {.size = sizeof(node), .name = "mailbox"};
	int32_t error = banos_pages_create(&m->driver, 1, BANOS_ALLOC_ZERO, &m->pages);

	if (error < 0)
		return error;
	m->counters = banos_pages_address(m->pages);
	m->bytes = banos_alloc(m->capacity, 0, 0);
	if (!m->bytes)
		return -ENOMEM;
	/* The second instance does without: the name is taken. */
	banos_text_register(&m->driver, &node, &mailbox_text_ops, m, &m->node);
	return banos_chardev_register(&m->driver, &device, &mailbox_ops, m, &m->device);
}

static int mailbox_init(Banos_Driver *driver)
{
	struct mailbox *m = (struct mailbox *)driver;
	int32_t error;

	banos_mutex_init(&m->lock, "mailbox");
	banos_param_get(driver, "capacity", BANOS_PARAM_UNSIGNED, &m->capacity,
			sizeof(m->capacity));
	error = set_up(m);
	if (error < 0) {
		give_back(m);
		return error;
	}
	return 0;
}

static int mailbox_uninit(Banos_Driver *driver)
{
	give_back((struct mailbox *)driver);
	return 0;
}

static const Banos_Parameter mailbox_parameters[] = {
	{.name = "capacity",
	 .help = "bytes it holds",
	 .fallback = "4096",
	 .type = BANOS_PARAM_UNSIGNED,
	 .minimum = 1,
	 .maximum = 1048576},
};

BANOS_META_API static const Banos_Meta mailbox_meta = {
	BANOS_META_HEAD,
	.description = "bytes from writers to readers, as an example of a character device",
	.author = "the Banos project",
	.parameters = BANOS_LIST(mailbox_parameters),
};

BANOS_DRIVER_API static struct mailbox mailbox_driver = {
	.driver =
		{
			.driver_size = sizeof(mailbox_driver),
			.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
			.name = "mailbox",
			.license = "MIT",
			.version = BANOS_VERSION_MAKE(1, 0, 0),
			.init = mailbox_init,
			.uninit = mailbox_uninit,
		},
};
