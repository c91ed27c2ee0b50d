/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of virtio consoles, in a process: this file plays the kernel, the driver of the bus
 * and the device. The device says what it likes; the driver must not touch what is not its own,
 * lose bytes, or leave anything behind. Queues that lie are the business of host/virtio_ring.
 *
 * HOST-LINK: drivers/virtio/virtio-console/console.c drivers/virtio/virtio-console/control.c
 * HOST-LINK: drivers/virtio/virtio-console/hvc.c drivers/virtio/virtio-console/port.c
 * HOST-LINK: drivers/virtio/virtio-console/vport.c sdk/lib/format.c
 */
#include "../../drivers/virtio/virtio-console/internal.h"
#include "test.h"
#include <banos/epoch.h>
#include <banos/memory.h>
#include <string.h>

/* --- memory, locks, waiting ------------------------------------------------------------------- */

static int live;		    /* things that the driver has made and not given back */
static int locks_held;		    /* spinlocks */
static unsigned fail_after;	    /* this many more may be made; 0: any number */
static void (*while_waiting)(void); /* what happens when a thread waits; NULL: a signal */

static int may_make(void)
{
	CHECK_EQ(locks_held, 0);
	if (fail_after && !--fail_after)
		return 0;
	live++;
	return 1;
}

void *banos_alloc(uint64_t size, uint32_t align, uint32_t flags)
{
	(void)align, (void)flags;
	return may_make() ? calloc(1, size) : NULL;
}

void banos_free(void *memory)
{
	live -= memory != NULL;
	free(memory);
}

struct Banos_Dma {
	int unused;
};
struct Banos_Dma_Buffer {
	uint8_t *bytes;
};

int32_t banos_dma_create(Banos_Device *d, const Banos_Dma_Limits *limits, Banos_Dma **out)
{
	(void)d, (void)limits;
	*out = may_make() ? calloc(1, sizeof(**out)) : NULL;
	return *out ? 0 : -ENOMEM;
}

int32_t banos_dma_destroy(Banos_Dma *dma)
{
	live -= dma != NULL;
	free(dma);
	return 0;
}

int32_t banos_dma_alloc(Banos_Dma *dma, uint64_t size, uint32_t flags, Banos_Dma_Buffer **out)
{
	(void)flags;
	CHECK(dma != NULL);
	*out = may_make() ? calloc(1, sizeof(**out)) : NULL;
	if (!*out)
		return -ENOMEM;
	(*out)->bytes = malloc(size);
	return 0;
}

void banos_dma_free(Banos_Dma_Buffer *b)
{
	if (!b)
		return;
	live--;
	free(b->bytes);
	free(b);
}

void *banos_dma_address(Banos_Dma_Buffer *b)
{
	return b->bytes;
}

uint64_t banos_dma_device_address(Banos_Dma_Buffer *b)
{
	return (uint64_t)(uintptr_t)b->bytes;
}

void banos_spin_init(Banos_Spinlock *lock, const char *name)
{
	(void)name;
	lock->storage[0] = 0;
}

uint64_t banos_spin_lock(Banos_Spinlock *lock)
{
	CHECK_EQ(lock->storage[0]++, 0);
	locks_held++;
	return 7;
}

void banos_spin_unlock(Banos_Spinlock *lock, uint64_t token)
{
	CHECK(token == 7 && --lock->storage[0] == 0);
	locks_held--;
}

void banos_spin_fini(Banos_Spinlock *lock)
{
	CHECK_EQ(lock->storage[0], 0);
}

void banos_mutex_init(Banos_Mutex *mutex, const char *name)
{
	(void)name;
	mutex->storage[0] = 0;
}

void banos_mutex_lock(Banos_Mutex *mutex)
{
	CHECK(locks_held == 0 && mutex->storage[0]++ == 0);
}

int32_t banos_mutex_lock_interruptible(Banos_Mutex *mutex)
{
	banos_mutex_lock(mutex);
	return 0;
}

void banos_mutex_unlock(Banos_Mutex *mutex)
{
	CHECK_EQ(--mutex->storage[0], 0);
}

void banos_mutex_fini(Banos_Mutex *mutex)
{
	CHECK_EQ(mutex->storage[0], 0);
}

int32_t banos_event_init(Banos_Event *event, const char *name, uint32_t flags)
{
	(void)name;
	CHECK_EQ(flags, BANOS_EVENT_AUTO);
	event->storage[0] = 0;
	return 0;
}

void banos_event_set(Banos_Event *event)
{
	event->storage[0] = 1;
}

int32_t banos_event_wait(Banos_Event *event, uint64_t timeout_ns, uint32_t flags)
{
	(void)timeout_ns, (void)flags;
	CHECK_EQ(locks_held, 0);
	if (!event->storage[0] && while_waiting)
		while_waiting();
	if (!event->storage[0])
		return -EINTR;
	event->storage[0] = 0;
	return 0;
}

void banos_event_fini(Banos_Event *event)
{
	(void)event;
}

void banos_epoch_enter(void)
{
}

void banos_epoch_exit(void)
{
}

void banos_epoch_wait(void)
{
	CHECK_EQ(locks_held, 0);
}

int32_t banos_log_format(uint32_t level, const char *format, ...)
{
	(void)level, (void)format;
	return 0;
}

/* --- work, text, devices ---------------------------------------------------------------------- */

struct Banos_Work {
	Banos_Work_Function function;
	void *ctx;
	int pending;
};

static Banos_Work *the_work;
static const Banos_Text_Ops *text_ops;
static const Banos_Device_Ops *device_ops;
static char shown[4096];

int32_t banos_workqueue_create(Banos_Driver *d, const char *name, uint32_t flags,
			       Banos_Workqueue **out)
{
	(void)d, (void)name, (void)flags;
	*out = may_make() ? (Banos_Workqueue *)&the_work : NULL;
	return *out ? 0 : -ENOMEM;
}

int32_t banos_workqueue_destroy(Banos_Workqueue *q)
{
	live -= q != NULL;
	return 0;
}

int32_t banos_work_create(Banos_Driver *d, Banos_Workqueue *q, Banos_Work_Function function,
			  void *ctx, Banos_Work **out)
{
	(void)d, (void)q;
	*out = may_make() ? calloc(1, sizeof(**out)) : NULL;
	if (!*out)
		return -ENOMEM;
	**out = (struct Banos_Work){function, ctx, 0};
	the_work = *out;
	return 0;
}

int32_t banos_work_submit(Banos_Work *w)
{
	w->pending = 1;
	return 1;
}

int32_t banos_work_cancel_sync(Banos_Work *w)
{
	w->pending = 0;
	return 0;
}

int32_t banos_work_destroy(Banos_Work *w)
{
	live -= w != NULL;
	free(w);
	the_work = NULL;
	return 0;
}

static void run_work(void)
{
	for (int i = 0; i < 100 && the_work && the_work->pending; i++) {
		the_work->pending = 0;
		the_work->function(the_work->ctx);
	}
}

int32_t banos_text_register(Banos_Driver *d, const Banos_Text_Desc *desc, const Banos_Text_Ops *ops,
			    void *ctx, Banos_Text_Node **node)
{
	(void)d, (void)desc, (void)ctx;
	text_ops = ops;
	*node = may_make() ? (Banos_Text_Node *)shown : NULL;
	return *node ? (int32_t)sizeof(*ops) : -ENOMEM;
}

int32_t banos_text_unregister(Banos_Text_Node *node)
{
	live -= node != NULL;
	return 0;
}

void banos_text_write(Banos_Text *text, const char *bytes, uint64_t length)
{
	(void)text;
	CHECK(strlen(shown) + length < sizeof(shown));
	strncat(shown, bytes, length);
}

int32_t banos_device_driver_register(Banos_Driver *d, const Banos_Device_Ops *ops, void *ctx,
				     Banos_Device_Driver **out)
{
	(void)d, (void)ctx;
	device_ops = ops;
	*out = may_make() ? (Banos_Device_Driver *)&device_ops : NULL;
	return *out ? (int32_t)sizeof(*ops) : -ENOMEM;
}

int32_t banos_device_driver_unregister(Banos_Device_Driver *d)
{
	live -= d != NULL;
	return 0;
}

int32_t banos_device_info(Banos_Device *d, Banos_Device_Info *info)
{
	(void)d;
	info->name = "0000:00:05.0";
	return 0;
}

/* --- terminals and character devices ---------------------------------------------------------- */

#define NODES 40

struct Banos_X_Tty {
	int used;
	char name[32];
	Banos_X_Tty_Ops ops;
	void *ctx;
	uint32_t rows, columns;
	uint8_t got[100000];
	size_t count, room; /* bytes that programs have; those there is room for */
};

struct Banos_Chardev {
	int used, is_open;
	char name[32];
	Banos_Chardev_Ops ops;
	void *ctx;
};

static struct Banos_X_Tty ttys[NODES];
static struct Banos_Chardev nodes[NODES];

int32_t banos_x_tty_register(Banos_Driver *d, const Banos_X_Tty_Desc *desc,
			     const Banos_X_Tty_Ops *ops, void *ctx, Banos_X_Tty **out)
{
	(void)d;
	*out = NULL;
	if (ttys[desc->minor].used)
		return -EEXIST;
	if (!may_make())
		return -ENOMEM;
	*out = &ttys[desc->minor];
	**out = (struct Banos_X_Tty){.used = 1, .ops = *ops, .ctx = ctx};
	snprintf((*out)->name, sizeof((*out)->name), "%s", desc->name);
	return (int32_t)sizeof(*ops);
}

int32_t banos_x_tty_unregister(Banos_X_Tty *tty)
{
	CHECK(tty->used && locks_held == 0);
	tty->used = 0;
	live--;
	return 0;
}

void banos_x_tty_rx_ready(Banos_X_Tty *tty)
{
	uint64_t n = 1;

	CHECK(tty->used && locks_held == 0);
	while (n && tty->room > tty->count) {
		uint64_t want = tty->room - tty->count < 64 ? tty->room - tty->count : 64;

		n = tty->ops.rx(tty->ctx, tty->got + tty->count, want);
		CHECK(n <= want);
		tty->count += n;
	}
}

void banos_x_tty_tx_ready(Banos_X_Tty *tty)
{
	CHECK(tty->used && locks_held == 0);
}

void banos_x_tty_set_size(Banos_X_Tty *tty, uint32_t rows, uint32_t columns)
{
	CHECK(tty->used && locks_held == 0);
	tty->rows = rows;
	tty->columns = columns;
}

int32_t banos_chardev_register(Banos_Driver *d, const Banos_Chardev_Desc *desc,
			       const Banos_Chardev_Ops *ops, void *ctx, Banos_Chardev **out)
{
	(void)d;
	*out = NULL;
	if (!may_make())
		return -ENOMEM;
	for (int i = 0; i < NODES && !*out; i++)
		if (!nodes[i].used)
			*out = &nodes[i];
	CHECK(*out != NULL);
	**out = (struct Banos_Chardev){.used = 1, .ops = *ops, .ctx = ctx};
	snprintf((*out)->name, sizeof((*out)->name), "%s", desc->name);
	return (int32_t)sizeof(*ops);
}

int32_t banos_chardev_unregister(Banos_Chardev *node)
{
	CHECK(node->used && locks_held == 0);
	if (node->is_open)
		node->ops.close(node->ctx);
	node->used = 0;
	live--;
	return 0;
}

void banos_chardev_notify(Banos_Chardev *node, uint32_t events)
{
	CHECK(node->used && locks_held == 0 && events);
}

struct Banos_Io {
	uint8_t *bytes;
	uint64_t length;
	uint32_t flags;
};

uint64_t banos_io_length(Banos_Io *io)
{
	return io->length;
}

uint32_t banos_io_flags(Banos_Io *io)
{
	return io->flags;
}

int32_t banos_io_copy_in(Banos_Io *io, uint64_t offset, void *to, uint64_t size)
{
	CHECK(locks_held == 0 && offset <= io->length && size <= io->length - offset);
	memcpy(to, io->bytes + offset, size);
	return 0;
}

int32_t banos_io_copy_out(Banos_Io *io, uint64_t offset, const void *from, uint64_t size)
{
	CHECK(locks_held == 0 && offset <= io->length && size <= io->length - offset);
	memcpy(io->bytes + offset, from, size);
	return 0;
}

/* --- the device ------------------------------------------------------------------------------- */

#define QUEUES	  64
#define DEPTH_MAX 32

struct Virtio_Queue {
	int used;
	uint32_t size, posted, finished;
	struct {
		Virtio_Buffer buffer;
		void *token;
	} waiting[DEPTH_MAX];
	Virtio_Done done[DEPTH_MAX];
	void (*called)(void *ctx);
	void *ctx;
};

static struct Virtio_Queue queues[QUEUES];
static uint64_t offered;
static struct virtio_console_config config;
static void (*config_changed)(void *ctx);
static void *config_ctx;
static int device_works;
static unsigned queues_there = QUEUES;

int32_t virtio_negotiate(Banos_Device *d, const uint64_t want[2], const uint64_t need[2],
			 uint64_t got[2])
{
	(void)d, (void)need;
	got[0] = want[0] & offered;
	got[1] = 0;
	return 0;
}

int32_t virtio_config_read(Banos_Device *d, uint32_t offset, void *buffer, uint32_t size)
{
	(void)d;
	CHECK(offset + size <= sizeof(config));
	memcpy(buffer, (uint8_t *)&config + offset, size);
	return 0;
}

int32_t virtio_config_notify(Banos_Device *d, void (*changed)(void *ctx), void *ctx)
{
	(void)d;
	config_changed = changed;
	config_ctx = ctx;
	return 0;
}

int32_t virtio_queue_create(Banos_Device *d, uint32_t index, uint32_t size,
			    void (*called)(void *ctx), void *ctx, Virtio_Queue **queue)
{
	(void)d;
	*queue = NULL;
	if (index >= queues_there)
		return -ENOENT;
	CHECK(!queues[index].used && !device_works && size <= DEPTH_MAX);
	if (fail_after && !--fail_after)
		return -ENOMEM;
	queues[index] =
		(struct Virtio_Queue){.used = 1, .size = size, .called = called, .ctx = ctx};
	*queue = &queues[index];
	return 0;
}

uint32_t virtio_queue_add(Virtio_Queue *q, const Virtio_Request *requests, uint32_t count)
{
	CHECK(q->used && count == 1 && requests->count == 1 && requests->token);
	if (q->posted + q->finished >= q->size)
		return 0;
	q->waiting[q->posted].buffer = requests->buffers[0];
	q->waiting[q->posted++].token = requests->token;
	return 1;
}

void virtio_queue_kick(Virtio_Queue *q)
{
	CHECK(q->used && device_works);
}

uint32_t virtio_queue_get(Virtio_Queue *q, Virtio_Done *done, uint32_t count)
{
	uint32_t n = q->finished < count ? q->finished : count;

	CHECK(q->used);
	memcpy(done, q->done, n * sizeof(*done));
	q->finished -= n;
	memmove(q->done, q->done + n, q->finished * sizeof(*done));
	return n;
}

int32_t virtio_ready(Banos_Device *d)
{
	(void)d;
	device_works = 1;
	return 0;
}

void virtio_reset(Banos_Device *d)
{
	(void)d;
	device_works = 0;
	memset(queues, 0, sizeof(queues));
}

/* Bytes into the first buffer that the driver has given; 0: there is none. */
static int put_in(unsigned index, const void *bytes, uint32_t length)
{
	Virtio_Queue *q = &queues[index];
	Virtio_Buffer *b = &q->waiting[0].buffer;

	if (!q->posted)
		return 0;
	CHECK_EQ(b->flags, VIRTIO_BUFFER_WRITTEN);
	length = length < b->length ? length : b->length;
	memcpy((void *)(uintptr_t)b->address, bytes, length);
	q->done[q->finished++] = (Virtio_Done){.token = q->waiting[0].token, .length = length};
	memmove(q->waiting, q->waiting + 1, --q->posted * sizeof(q->waiting[0]));
	q->called(q->ctx);
	return 1;
}

/* What the driver has sent first: how many bytes; 0: nothing. */
static uint32_t take_out(unsigned index, uint8_t *bytes)
{
	Virtio_Queue *q = &queues[index];
	uint32_t length;

	if (!q->posted)
		return 0;
	CHECK_EQ(q->waiting[0].buffer.flags, 0);
	length = q->waiting[0].buffer.length;
	memcpy(bytes, (void *)(uintptr_t)q->waiting[0].buffer.address, length);
	q->done[q->finished++] = (Virtio_Done){.token = q->waiting[0].token};
	memmove(q->waiting, q->waiting + 1, --q->posted * sizeof(q->waiting[0]));
	q->called(q->ctx);
	return length;
}

static void say(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control m = {id, event, value};

	CHECK_EQ(put_in(2, &m, sizeof(m)), 1);
	run_work();
}

/* The driver's next message is this. */
static void expect_said(uint32_t id, uint16_t event, uint16_t value)
{
	struct virtio_console_control m = {0, 99, 99};
	uint8_t bytes[TX_SIZE];

	if (take_out(3, bytes) == sizeof(m))
		memcpy(&m, bytes, sizeof(m));
	CHECK(m.id == id && m.event == event && m.value == value);
	run_work();
}

/* --- cases ------------------------------------------------------------------------------------ */

static void *data;

static int32_t begin(uint64_t features, uint32_t ports)
{
	int32_t result;

	offered = features;
	config = (struct virtio_console_config){.cols = 101, .rows = 33, .max_nr_ports = ports};
	live = 0;
	data = NULL;
	result = driver.init(&driver);
	if (result)
		return result;
	result = device_ops->probe(NULL, NULL, 0, &data);
	run_work();
	return result;
}

static void end(void)
{
	if (data)
		device_ops->remove(data);
	CHECK_EQ(driver.uninit(&driver), 0);
	CHECK_EQ(live, 0);
	CHECK_EQ(locks_held, 0);
	CHECK_EQ(device_works, 0);
}

#define SINGLE	1u << VIRTIO_CONSOLE_F_SIZE
#define SEVERAL 1u << VIRTIO_CONSOLE_F_MULTIPORT

static size_t given; /* bytes that the device has put in, ever */

static int give(uint32_t length)
{
	uint8_t bytes[RX_SIZE];

	for (uint32_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)((given + i) * 7 >> 3);
	if (!put_in(0, bytes, length))
		return 0;
	given += length;
	return 1;
}

static void one_port(void)
{
	uint8_t sent[TX_COUNT * TX_SIZE + 100], back[TX_SIZE];
	size_t right = 0;

	CHECK_EQ(begin(SINGLE, 0), 0);
	CHECK(ttys[0].used && strcmp(ttys[0].name, "hvc0") == 0);
	CHECK(ttys[0].rows == 33 && ttys[0].columns == 101);
	config.rows = 50;
	config_changed(config_ctx);
	run_work();
	CHECK_EQ(ttys[0].rows, 50);
	/* As much as the device has buffers for, with nobody to take it. */
	given = 0;
	while (give(700))
		;
	CHECK_EQ(given, 700 * RX_COUNT);
	CHECK_EQ(ttys[0].count, 0);
	/* Room for some of it, again and again; the device goes on meanwhile. */
	while (ttys[0].count < 60000) {
		ttys[0].room = ttys[0].count + 1 + (size_t)rand() % 900;
		banos_x_tty_rx_ready(&ttys[0]);
		give((uint32_t)rand() % (RX_SIZE + 1));
	}
	while (right < ttys[0].count && ttys[0].got[right] == (uint8_t)(right * 7 >> 3))
		right++;
	CHECK_EQ(right, ttys[0].count);
	/* Out: what the device does not take is not taken from the terminal. */
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)rand();
	CHECK_EQ(ttys[0].ops.tx(ttys[0].ctx, sent, sizeof(sent)), TX_COUNT * TX_SIZE);
	CHECK_EQ(ttys[0].ops.tx(ttys[0].ctx, sent, 1), 0);
	CHECK_EQ(ttys[0].ops.tx_idle(ttys[0].ctx), 0);
	for (unsigned i = 0; i < TX_COUNT; i++) {
		CHECK_EQ(take_out(1, back), TX_SIZE);
		CHECK(memcmp(back, sent + i * TX_SIZE, TX_SIZE) == 0);
	}
	CHECK_EQ(ttys[0].ops.tx_idle(ttys[0].ctx), 1);
	CHECK_EQ(ttys[0].ops.tx(ttys[0].ctx, sent, 5), 5);
	end();
}

static void several_ports(void)
{
	uint8_t bytes[100] = "x";
	struct Banos_Io io = {.bytes = bytes, .length = 10, .flags = BANOS_IO_NONBLOCK};
	struct {
		struct virtio_console_control m;
		char name[9];
	} name = {{1, VIRTIO_CONSOLE_PORT_NAME, 1}, "good\nname"};
	struct {
		struct virtio_console_control m;
		uint16_t columns, rows;
	} size = {{0, VIRTIO_CONSOLE_RESIZE, 0}, 132, 43};

	CHECK_EQ(begin(SEVERAL, 4), 0);
	expect_said(VIRTIO_CONSOLE_BAD_ID, VIRTIO_CONSOLE_DEVICE_READY, 1);
	say(0, VIRTIO_CONSOLE_PORT_ADD, 1);
	expect_said(0, VIRTIO_CONSOLE_PORT_READY, 1);
	say(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	expect_said(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
	put_in(2, &size, sizeof(size.m) + 4);
	run_work();
	CHECK(ttys[0].used && ttys[0].rows == 43 && ttys[0].columns == 132);
	CHECK_EQ(nodes[0].ops.open(nodes[0].ctx, 0, NULL), -ENXIO);

	say(1, VIRTIO_CONSOLE_PORT_ADD, 1);
	expect_said(1, VIRTIO_CONSOLE_PORT_READY, 1);
	put_in(2, &name, sizeof(name.m) + sizeof(name.name));
	run_work();
	CHECK(strcmp(nodes[1].name, "vport0p1") == 0);
	text_ops->show(NULL, NULL);
	CHECK(strstr(shown, "vport0p1   0000:00:05.0 port 1, 0 in, 0 out, good?name\n") != NULL);
	CHECK_EQ(nodes[1].ops.open(nodes[1].ctx, 0, NULL), 0);
	run_work();
	CHECK_EQ(nodes[1].ops.open(nodes[1].ctx, 0, NULL), -EBUSY);
	expect_said(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	/* Nobody is there. */
	CHECK_EQ(nodes[1].ops.read(nodes[1].ctx, &io, 0), 0);
	CHECK_EQ(nodes[1].ops.write(nodes[1].ctx, &io, 0), -EAGAIN);
	CHECK_EQ(nodes[1].ops.poll(nodes[1].ctx), BANOS_POLL_IN | BANOS_POLL_HANGUP);
	say(1, VIRTIO_CONSOLE_PORT_OPEN, 1);
	CHECK_EQ(nodes[1].ops.read(nodes[1].ctx, &io, 0), -EAGAIN);
	CHECK_EQ(nodes[1].ops.poll(nodes[1].ctx), BANOS_POLL_OUT);
	put_in(4, "hello", 5);
	CHECK_EQ(nodes[1].ops.poll(nodes[1].ctx), BANOS_POLL_OUT | BANOS_POLL_IN);
	CHECK_EQ(nodes[1].ops.read(nodes[1].ctx, &io, 0), 5);
	CHECK(memcmp(bytes, "hello", 5) == 0);
	CHECK_EQ(nodes[1].ops.write(nodes[1].ctx, &io, 0), 10);
	CHECK_EQ(take_out(5, bytes), 10);
	/* It is unplugged while open, and plugged again. */
	nodes[1].is_open = 1;
	say(1, VIRTIO_CONSOLE_PORT_REMOVE, 1);
	CHECK(!nodes[1].used);
	CHECK_EQ(queues[3].posted, 0);
	say(1, VIRTIO_CONSOLE_PORT_ADD, 1);
	expect_said(1, VIRTIO_CONSOLE_PORT_READY, 1);
	CHECK(nodes[1].used);
	CHECK_EQ(queues[4].posted, RX_COUNT);
	end();
}

static struct Banos_Chardev *waited_for;

static void unplug_meanwhile(void)
{
	say(0, VIRTIO_CONSOLE_PORT_REMOVE, 1);
}

/* A thread that waits when its port goes comes back. */
static void waiting(void)
{
	uint8_t bytes[10];
	struct Banos_Io io = {.bytes = bytes, .length = 10};

	for (int writes = 0; writes < 2; writes++) {
		CHECK_EQ(begin(SEVERAL, 1), 0);
		say(0, VIRTIO_CONSOLE_PORT_ADD, 1);
		if (!writes)
			say(0, VIRTIO_CONSOLE_PORT_OPEN, 1);
		waited_for = &nodes[0];
		CHECK_EQ(nodes[0].ops.open(nodes[0].ctx, 0, NULL), 0);
		CHECK_EQ(writes ? nodes[0].ops.write(nodes[0].ctx, &io, 0)
				: nodes[0].ops.read(nodes[0].ctx, &io, 0),
			 -EINTR);
		while_waiting = unplug_meanwhile;
		CHECK_EQ(writes ? nodes[0].ops.write(waited_for->ctx, &io, 0)
				: nodes[0].ops.read(waited_for->ctx, &io, 0),
			 -ENODEV);
		while_waiting = NULL;
		end();
	}
}

static void lies(void)
{
	uint8_t bytes[200] = {0};

	CHECK_EQ(begin(SEVERAL, 0), -EIO);
	CHECK_EQ(driver.uninit(&driver), 0);
	CHECK_EQ(live, 0);
	queues_there = 4;
	CHECK_EQ(begin(SEVERAL, 2), -ENOENT);
	CHECK_EQ(driver.uninit(&driver), 0);
	CHECK_EQ(live, 0);
	queues_there = QUEUES;

	CHECK_EQ(begin(SEVERAL, UINT32_MAX), 0);
	CHECK_EQ(((struct console *)data)->port_count, PORTS_MAX);
	for (uint32_t length = 0; length < 8; length++) {
		put_in(2, bytes, length);
		run_work();
	}
	for (uint16_t event = 0; event < 12; event++) {
		say(PORTS_MAX, event, 1);
		say(UINT32_MAX, event, 1);
		if (event != VIRTIO_CONSOLE_PORT_ADD)
			say(3, event, 1); /* it is not there */
	}
	CHECK(!ttys[0].used && !nodes[0].used);
	say(3, VIRTIO_CONSOLE_PORT_ADD, 1);
	say(3, VIRTIO_CONSOLE_PORT_ADD, 1);
	CHECK(nodes[0].used && !nodes[1].used);
	say(3, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	say(3, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
	CHECK(ttys[0].used && !ttys[1].used);
	say(3, VIRTIO_CONSOLE_RESIZE, 1); /* without sizes */
	CHECK_EQ(ttys[0].rows, 0);
	/* A name without end. */
	memset(bytes, 'n', sizeof(bytes));
	memcpy(bytes, &(struct virtio_console_control){3, VIRTIO_CONSOLE_PORT_NAME, 1}, 8);
	put_in(2, bytes, sizeof(bytes));
	run_work();
	shown[0] = '\0';
	text_ops->show(NULL, NULL);
	CHECK(strstr(shown, "nnnnnn\n") != NULL);
	say(3, VIRTIO_CONSOLE_PORT_REMOVE, 1);
	CHECK(!ttys[0].used && !nodes[0].used);
	end();
}

/* It does not take what we say, and says much: nobody waits, and nothing grows. */
static void deaf(void)
{
	CHECK_EQ(begin(SEVERAL, 31), 0);
	for (uint32_t round = 0; round < 20; round++)
		for (uint32_t id = 0; id < 31; id++) {
			say(id, VIRTIO_CONSOLE_PORT_ADD, 1);
			say(id, VIRTIO_CONSOLE_PORT_OPEN, 1);
			say(id, VIRTIO_CONSOLE_PORT_REMOVE, 1);
		}
	CHECK(queues[3].posted <= CONTROL_OUT);
	CHECK_EQ(queues[2].posted, CONTROL_IN);
	end();
}

static void anything(void)
{
	for (unsigned round = 0; round < 3000; round++) {
		uint8_t bytes[2000];
		struct Banos_Io io = {
			.bytes = bytes, .length = sizeof(bytes), .flags = BANOS_IO_NONBLOCK};

		CHECK_EQ(begin(SEVERAL, 3), 0);
		for (unsigned k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)rand();
		for (unsigned i = 0; i < 300; i++) {
			struct virtio_console_control m = {(uint32_t)rand() % 4,
							   (uint16_t)(rand() % 9),
							   (uint16_t)(rand() % 2)};
			unsigned n = (unsigned)rand() % NODES;

			memcpy(bytes, &m, sizeof(m));
			switch (rand() % 6) {
			case 0:
				put_in(2, bytes,
				       (uint32_t)rand() % 3 ? 8 + (uint32_t)rand() % 4
							    : (uint32_t)rand() % 200);
				break;
			case 1:
				put_in(rand() % 2 ? 0 : 4 + 2 * ((unsigned)rand() % 2), bytes,
				       (uint32_t)rand() % 1100);
				break;
			case 2:
				take_out(1 + 2 * ((unsigned)rand() % 4), bytes);
				break;
			case 3:
				run_work();
				break;
			case 4:
				if (!nodes[n].used)
					break;
				if (!nodes[n].is_open)
					nodes[n].is_open =
						!nodes[n].ops.open(nodes[n].ctx, 0, NULL);
				else if (rand() % 2)
					nodes[n].ops.read(nodes[n].ctx, &io, 0);
				else
					nodes[n].ops.write(nodes[n].ctx, &io, 0);
				break;
			default:
				n %= 3;
				if (!ttys[n].used)
					break;
				ttys[n].room = ttys[n].count + (size_t)rand() % 500;
				if (ttys[n].room > sizeof(ttys[n].got))
					break;
				banos_x_tty_rx_ready(&ttys[n]);
				ttys[n].ops.tx(ttys[n].ctx, bytes, (uint64_t)rand() % 2000);
			}
		}
		end();
	}
}

/* Each step of the beginning fails once, and nothing is left. */
static void without_memory(void)
{
	for (unsigned n = 1; n < 100; n++) {
		int32_t result;

		fail_after = n;
		result = begin(n % 2 ? SEVERAL : SINGLE, 3);
		if (!result && n % 2) {
			say(0, VIRTIO_CONSOLE_PORT_ADD, 1);
			say(0, VIRTIO_CONSOLE_CONSOLE_PORT, 1);
		}
		fail_after = 0;
		if (!result) {
			end();
			continue;
		}
		CHECK_EQ(result, -ENOMEM);
		if (live)
			CHECK_EQ(driver.uninit(&driver), 0);
		CHECK_EQ(live, 0);
	}
}

int main(void)
{
	srand(1);
	RUN(one_port);
	RUN(several_ports);
	RUN(waiting);
	RUN(lies);
	RUN(deaf);
	RUN(anything);
	RUN(without_memory);
	return test_finish();
}
