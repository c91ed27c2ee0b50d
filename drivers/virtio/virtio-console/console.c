/* SPDX-License-Identifier: MIT */
/*
 * Consoles and serial ports of virtual machines (Virtual I/O Device 1.2, 5.3). A device has one
 * port, which is a terminal, or several, of which it says what they are (control.c); each has a
 * queue for each direction (port.c). A port is a terminal /dev/hvcN (hvc.c), or a stream of bytes
 * to a program of the host, /dev/vportNpM (vport.c). /proc/driver/virtio-console lists them.
 *
 * Interrupts move bytes: the kernel takes those that have come when it has room for them, and the
 * device has buffers as long as somebody takes what is in them. All else is done by one work for
 * each device: messages, terminals and nodes that come and go, changes of the window's size.
 *
 * Removal, in this order: the work has ended and does nothing when it is submitted again; nobody
 * finds a queue any more (port_detach); the device is reset, so that no interrupt comes; terminals
 * and nodes go, with those who wait in them; then memory. If the device was there only in part the
 * same does.
 *
 * Queues are to be made before the device works, so those of ports that may come once are, too: up
 * to PORTS_MAX ports, of 4 KiB each. The buffers of a port are made when it comes; they stay, as
 * the device keeps those that it has had.
 *
 * Locks: list_lock (a mutex) around the list of devices, for numbers and the text; each port has
 * its own spinlock. Messages are for the work alone.
 */
#include "internal.h"
#include <banos/memory.h>
#include <banos/meta.h>
#include <linux/virtio_ids.h>

static Banos_Device_Driver *devices;
static Banos_Workqueue *queue;
static Banos_Text_Node *text;
static Banos_Mutex list_lock;
static struct console *first; /* [list_lock] */

#define READ_CONFIG(c, field, to)                                                                \
	virtio_config_read((c)->device, __builtin_offsetof(struct virtio_console_config, field), \
			   (to), sizeof(*(to)))

/* --- the list --------------------------------------------------------------------------------- */

static uint32_t is_taken(uint32_t index)
{
	struct console *c = first;

	while (c && c->index != index)
		c = c->next;
	return c != NULL;
}

/* With the lowest number that is free. */
static void add_to_list(struct console *c)
{
	banos_mutex_lock(&list_lock);
	while (is_taken(c->index))
		c->index++;
	c->next = first;
	first = c;
	banos_mutex_unlock(&list_lock);
}

static void take_off_list(struct console *c)
{
	struct console **at;

	banos_mutex_lock(&list_lock);
	for (at = &first; *at != c; at = &(*at)->next)
		;
	*at = c->next;
	banos_mutex_unlock(&list_lock);
}

/* --- work ------------------------------------------------------------------------------------- */

void console_submit(struct console *c)
{
	banos_work_submit(c->work);
}

static void on_config(void *ctx)
{
	console_submit(ctx);
}

/* Of the device's one port. */
static void read_size(struct console *c)
{
	uint16_t columns, rows;

	if (!READ_CONFIG(c, cols, &columns) && !READ_CONFIG(c, rows, &rows))
		hvc_set_size(&c->ports[0], rows, columns);
}

static void work(void *ctx)
{
	struct console *c = ctx;

	if (__atomic_load_n(&c->stopping, __ATOMIC_ACQUIRE))
		return;
	if (HAS(c->features, VIRTIO_CONSOLE_F_MULTIPORT))
		control_run(c);
	else if (HAS(c->features, VIRTIO_CONSOLE_F_SIZE))
		read_size(c);
}

/* --- life of a device ------------------------------------------------------------------------- */

static int32_t create_queues(struct console *c)
{
	int32_t error = 0;

	for (uint32_t i = 0; i < c->port_count && !error; i++) {
		uint32_t first_queue = i ? 2 * i + 2 : 0; /* 2 and 3 are for messages */
		struct port *p = &c->ports[i];

		error = virtio_queue_create(c->device, first_queue, RX_COUNT, port_on_input, p,
					    &p->in);
		if (!error)
			error = virtio_queue_create(c->device, first_queue + 1, TX_COUNT,
						    port_on_output, p, &p->out);
	}
	return error;
}

/* The one port is there from the beginning. */
static int32_t begin_single(struct console *c)
{
	struct port *p = &c->ports[0];
	int32_t error = port_begin(p);
	uint64_t token = banos_spin_lock(&p->lock);

	p->plugged = p->host_open = 1;
	banos_spin_unlock(&p->lock, token);
	if (!error)
		error = hvc_create(p);
	if (!error)
		console_submit(c);
	return error;
}

static int32_t start(struct console *c)
{
	Banos_Dma_Limits limits = {.size = sizeof(limits)};
	uint32_t several = HAS(c->features, VIRTIO_CONSOLE_F_MULTIPORT);
	int32_t error = banos_dma_create(c->device, &limits, &c->dma);

	if (!error)
		error = banos_work_create(&driver, queue, work, c, &c->work);
	if (!error)
		error = create_queues(c);
	if (!error && several)
		error = control_create(c);
	if (!error)
		error = virtio_config_notify(c->device, on_config, c);
	if (!error)
		error = virtio_ready(c->device);
	if (!error && several)
		control_begin(c);
	else if (!error)
		error = begin_single(c);
	return error;
}

/* Also of one that was begun only. */
static void remove(void *data)
{
	struct console *c = data;

	take_off_list(c);
	__atomic_store_n(&c->stopping, 1, __ATOMIC_RELEASE);
	if (c->work)
		banos_work_cancel_sync(c->work);
	for (uint32_t i = 0; i < c->port_count; i++)
		port_detach(&c->ports[i]);
	virtio_reset(c->device);
	for (uint32_t i = 0; i < c->port_count; i++) {
		struct port *p = &c->ports[i];
		uint64_t token = banos_spin_lock(&p->lock);

		p->plugged = 0;
		banos_spin_unlock(&p->lock, token);
		hvc_destroy(p);
		vport_destroy(p);
	}
	banos_work_destroy(c->work);
	for (uint32_t i = 0; i < c->port_count; i++)
		port_fini(&c->ports[i]);
	control_destroy(c);
	banos_dma_destroy(c->dma);
	banos_free(c);
}

/* How many ports it may have, after the features; 0 or -errno. */
static int32_t read_port_count(Banos_Device *device, const uint64_t *features, uint32_t *count)
{
	struct console c = {.device = device};
	int32_t error;

	*count = 1;
	if (!HAS(features, VIRTIO_CONSOLE_F_MULTIPORT))
		return 0;
	error = READ_CONFIG(&c, max_nr_ports, count);
	if (!error && !*count)
		error = -EIO;
	if (*count > PORTS_MAX)
		*count = PORTS_MAX;
	return error;
}

static int32_t make(Banos_Device *device, const uint64_t *features, struct console **out)
{
	Banos_Device_Info info = {.size = sizeof(info)};
	struct console *c;
	uint32_t count;
	int32_t error = read_port_count(device, features, &count);

	if (error)
		return error;
	c = banos_alloc(sizeof(*c) + count * sizeof(c->ports[0]), 0, BANOS_ALLOC_ZERO);
	if (!c)
		return -ENOMEM;
	c->device = device;
	c->features[0] = features[0];
	c->features[1] = features[1];
	c->port_count = count;
	banos_device_info(device, &info);
	banos_format(c->name, sizeof(c->name), "%s", info.name);
	for (uint32_t i = 0; i < count; i++)
		port_init(&c->ports[i], c, i);
	*out = c;
	return 0;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	static const uint64_t want[2] = {1u << VIRTIO_CONSOLE_F_SIZE |
					 1u << VIRTIO_CONSOLE_F_MULTIPORT};
	static const uint64_t need[2];
	uint64_t features[2];
	struct console *c;
	int32_t error = virtio_negotiate(device, want, need, features);

	(void)ctx, (void)match;
	if (!error)
		error = make(device, features, &c);
	if (error) {
		virtio_reset(device);
		return error;
	}
	add_to_list(c);
	error = start(c);
	if (error) {
		remove(c);
		return error;
	}
	*data = c;
	return 0;
}

static const Banos_Device_Ops device_ops = {
	.size = sizeof(device_ops), .probe = probe, .remove = remove};

/* --- text ------------------------------------------------------------------------------------- */

static void show_port(Banos_Text *out, struct port *p)
{
	char line[256], node[32], name[PORT_NAME];
	uint64_t token = banos_spin_lock(&p->lock), received = p->received, sent = p->sent, n;
	uint32_t plugged = p->plugged, host_open = p->host_open, opened = p->opened,
		 is_console = p->is_console, number = p->number;

	__builtin_memcpy(name, p->name, sizeof(name));
	banos_spin_unlock(&p->lock, token);
	if (!plugged)
		return;
	if (is_console)
		banos_format(node, sizeof(node), "hvc%u", number);
	else
		banos_format(node, sizeof(node), "vport%up%u", p->console->index, p->id);
	n = banos_format(line, sizeof(line), "%-10s %s port %u, %lu in, %lu out%s%s%s%s\n", node,
			 p->console->name, p->id, (unsigned long)received, (unsigned long)sent,
			 opened ? ", open" : "", host_open ? ", host open" : "",
			 name[0] ? ", " : "", name);
	banos_text_write(out, line, n < sizeof(line) ? n : sizeof(line) - 1);
}

static void show(void *ctx, Banos_Text *out)
{
	(void)ctx;
	banos_mutex_lock(&list_lock);
	for (struct console *c = first; c; c = c->next)
		for (uint32_t i = 0; i < c->port_count; i++)
			show_port(out, &c->ports[i]);
	banos_mutex_unlock(&list_lock);
}

static const Banos_Text_Ops text_ops = {.size = sizeof(text_ops), .show = show};

/* --- the driver ------------------------------------------------------------------------------- */

static int console_uninit(Banos_Driver *record)
{
	int32_t result = banos_device_driver_unregister(devices);

	(void)record;
	if (result)
		return result;
	banos_text_unregister(text);
	banos_workqueue_destroy(queue);
	banos_mutex_fini(&list_lock);
	devices = NULL;
	text = NULL;
	queue = NULL;
	return 0;
}

static int console_init(Banos_Driver *record)
{
	Banos_Text_Desc desc = {.size = sizeof(desc), .name = "virtio-console"};
	int32_t result;

	banos_mutex_init(&list_lock, "virtio-console list");
	result = banos_workqueue_create(record, "virtio-console", 0, &queue);
	if (!result)
		result = banos_text_register(record, &desc, &text_ops, NULL, &text);
	if (result >= 0)
		result = banos_device_driver_register(record, &device_ops, NULL, &devices);
	if (result >= 0)
		return 0;
	console_uninit(record);
	return result;
}

BANOS_DRIVER_API Banos_Driver driver = {
	.driver_size = sizeof(driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 10, 0),
	.name = "virtio-console",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = console_init,
	.uninit = console_uninit,
};

static const Banos_Match matches[] = {
	{.bus = "virtio",
	 .vendor = BANOS_MATCH_ANY,
	 .device = VIRTIO_ID_CONSOLE,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

static const Banos_Dependency dependencies[] = {
	{.name = "virtio", .minimum = BANOS_VERSION_MAKE(1, 1, 0)}};

static const Banos_Need needs[] = {{"banos.device", 0, 9},
				   {"banos.dma", 0, 9},
				   {"banos.chardev", 0, 9},
				   {"banos.x_tty", 0, 10}};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.description = "consoles and serial ports of virtual machines",
	.author = "the Banos project",
	.flags = BANOS_META_SINGLE | BANOS_META_EXPERIMENTAL,
	.needs = BANOS_LIST(needs),
	.dependencies = BANOS_LIST(dependencies),
	.matches = BANOS_LIST(matches),
};
