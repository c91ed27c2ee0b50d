/* SPDX-License-Identifier: MIT */
/*
 * A driver for vm/sizes: hands over every structure that says its size with sizes of all kinds, and
 * says in the log what was not as doc/abi/growth.md promises. It needs QEMU's teaching device
 * (-device edu). A line of the kernel's for each bad size is expected.
 */
#include <banos/chardev.h>
#include <banos/device.h>
#include <banos/dma.h>
#include <banos/driver.h>
#include <banos/errno.h>
#include <banos/format.h>
#include <banos/log.h>
#include <banos/meta.h>
#include <banos/pci.h>
#include <banos/text.h>
#include <banos/x_block.h>
#include <banos/x_tty.h>

#define ROOM 128 /* bytes of the largest structure, and more */
#define TAIL 0x7a

static Banos_Driver driver;
static Banos_Device *edu;
static Banos_Io *request;
static uint32_t asked, wrong;

/* What is handed over: a structure, and what comes behind it. */
static union {
	struct {
		uint32_t size, flags;
	} head;
	uint64_t words[ROOM / 8];
	uint8_t bytes[ROOM];
} given, other;

/* --- what it takes to register something ------------------------------------------------------ */

static void show(void *ctx, Banos_Text *text)
{
	(void)ctx;
	banos_text_write(text, "x\n", 2);
}

static uint64_t tx(void *ctx, const uint8_t *bytes, uint64_t length)
{
	(void)ctx;
	(void)bytes;
	return length;
}

static void tx_ask(void *ctx, uint32_t on)
{
	(void)ctx;
	(void)on;
}

static uint32_t tx_idle(void *ctx)
{
	(void)ctx;
	return 1;
}

static void set_line(void *ctx, Banos_X_Tty_Line *line)
{
	(void)ctx;
	if (line->size != sizeof(*line)) {
		wrong++;
		banos_log_format(BANOS_LOG_ERROR, "sizes: a line of %u bytes", line->size);
	}
}

static uint32_t submit(void *ctx, uint32_t queue, Banos_X_Block_Request *const *requests,
		       uint32_t count)
{
	(void)ctx;
	(void)queue;
	(void)requests;
	(void)count;
	return 0;
}

static int32_t probe(void *ctx, Banos_Device *device, uint32_t match, void **data)
{
	(void)ctx;
	(void)match;
	(void)data;
	edu = device;
	return 0;
}

static void remove(void *data)
{
	(void)data;
}

static void stop(void *ctx)
{
	(void)ctx;
}

/* --- each structure: made in *what, and handed over ------------------------------------------- */

static void chardev_desc(uint8_t *to)
{
	*(Banos_Chardev_Desc *)to =
		(Banos_Chardev_Desc){.size = sizeof(Banos_Chardev_Desc), .name = "sizes-more"};
}

static void chardev_ops(uint8_t *to)
{
	*(Banos_Chardev_Ops *)to = (Banos_Chardev_Ops){.size = sizeof(Banos_Chardev_Ops)};
}

static int32_t chardev(const void *desc, const void *ops)
{
	Banos_Chardev *d;
	int32_t r = banos_chardev_register(&driver, desc, ops, NULL, &d);

	banos_chardev_unregister(d);
	return r;
}

static void text_desc(uint8_t *to)
{
	*(Banos_Text_Desc *)to =
		(Banos_Text_Desc){.size = sizeof(Banos_Text_Desc), .name = "sizes"};
}

static void text_ops(uint8_t *to)
{
	*(Banos_Text_Ops *)to = (Banos_Text_Ops){.size = sizeof(Banos_Text_Ops), .show = show};
}

static int32_t text(const void *desc, const void *ops)
{
	Banos_Text_Node *n;
	int32_t r = banos_text_register(&driver, desc, ops, NULL, &n);

	banos_text_unregister(n);
	return r;
}

static void tty_desc(uint8_t *to)
{
	*(Banos_X_Tty_Desc *)to = (Banos_X_Tty_Desc){
		.size = sizeof(Banos_X_Tty_Desc), .name = "ttySizes", .major = 240};
}

static void tty_ops(uint8_t *to)
{
	*(Banos_X_Tty_Ops *)to = (Banos_X_Tty_Ops){.size = sizeof(Banos_X_Tty_Ops),
						   .tx = tx,
						   .tx_ask = tx_ask,
						   .tx_idle = tx_idle,
						   .set_line = set_line};
}

static int32_t tty(const void *desc, const void *ops)
{
	Banos_X_Tty *t;
	int32_t r = banos_x_tty_register(&driver, desc, ops, NULL, &t);

	banos_x_tty_unregister(t);
	return r;
}

static void block_desc(uint8_t *to)
{
	*(Banos_X_Block_Desc *)to =
		(Banos_X_Block_Desc){.size = sizeof(Banos_X_Block_Desc),
				     .name = "sizes-block",
				     .blocks = 8,
				     .logical_shift = 9,
				     .completion_stride = sizeof(Banos_X_Block_Completion)};
}

static void block_ops(uint8_t *to)
{
	*(Banos_X_Block_Ops *)to =
		(Banos_X_Block_Ops){.size = sizeof(Banos_X_Block_Ops), .submit = submit};
}

static int32_t block(const void *desc, const void *ops)
{
	Banos_X_Block *b;
	int32_t r = banos_x_block_register(&driver, desc, ops, NULL, &b);

	banos_x_block_unregister(b);
	return r;
}

static void device_desc(uint8_t *to)
{
	*(Banos_Device_Desc *)to = (Banos_Device_Desc){
		.size = sizeof(Banos_Device_Desc), .bus = "sizes", .name = "one"};
}

static void bus_ops(uint8_t *to)
{
	*(Banos_Bus_Ops *)to = (Banos_Bus_Ops){.size = sizeof(Banos_Bus_Ops), .stop = stop};
}

static int32_t device(const void *desc, const void *ops)
{
	Banos_Device *d;
	int32_t r = banos_device_add(&driver, desc, ops, NULL, &d);

	banos_device_remove(d);
	return r;
}

static void device_ops(uint8_t *to)
{
	*(Banos_Device_Ops *)to = (Banos_Device_Ops){
		.size = sizeof(Banos_Device_Ops), .probe = probe, .remove = remove};
}

static int32_t device_driver(const void *ops, const void *nothing)
{
	Banos_Device_Driver *d;
	int32_t r = banos_device_driver_register(&driver, ops, NULL, &d);

	(void)nothing;
	banos_device_driver_unregister(d);
	return r;
}

static void dma_limits(uint8_t *to)
{
	*(Banos_Dma_Limits *)to = (Banos_Dma_Limits){.size = sizeof(Banos_Dma_Limits)};
}

static int32_t dma(const void *limits, const void *nothing)
{
	Banos_Dma *d;
	int32_t r = banos_dma_create(edu, limits, &d);

	(void)nothing;
	banos_dma_destroy(d);
	return r;
}

static uint8_t memory[100];
static const Banos_Segment segment = {.address = memory, .length = sizeof(memory)};

static void dma_map(uint8_t *to)
{
	*(Banos_Dma_Map *)to = (Banos_Dma_Map){.size = sizeof(Banos_Dma_Map),
					       .flags = BANOS_DMA_TO_DEVICE,
					       .segments = &segment,
					       .count = 1};
}

static int32_t map(const void *what, const void *nothing)
{
	static const Banos_Dma_Limits limits = {.size = sizeof(limits)};
	Banos_Dma_Mapping *mapping;
	Banos_Dma_Segment out;
	Banos_Dma *d;
	int32_t r = banos_dma_create(edu, &limits, &d);

	(void)nothing;
	if (r)
		return r;
	r = banos_dma_map(d, what, &out, 1, &mapping);
	banos_dma_unmap(mapping);
	banos_dma_destroy(d);
	return r < 0 ? r : 0;
}

/* --- structures that the kernel fills in ------------------------------------------------------ */

static int32_t device_info(void *out)
{
	return banos_device_info(edu, out);
}

static int32_t pci_bar(void *out)
{
	return banos_pci_bar(edu, 0, out);
}

static int32_t caller(void *out)
{
	return banos_caller_get(out);
}

static int32_t layout(void *out)
{
	return banos_x_block_layout(out);
}

static int32_t credentials(void *out)
{
	return banos_io_credentials(request, out);
}

/* --- what comes of it ------------------------------------------------------------------------- */

static void expect(const char *name, const char *what, int32_t got, int32_t expected)
{
	asked++;
	if (got == expected)
		return;
	wrong++;
	banos_log_format(BANOS_LOG_ERROR, "sizes: %s, %s: %d, not %d", name, what, got, expected);
}

struct pair {
	const char *name;
	int32_t (*hand)(const void *first, const void *second);
	void (*make[2])(uint8_t *to);
	uint32_t sizes[2];
	/* Which of the two is tried, and whether that is a table of callbacks. */
	uint32_t which, is_table;
	int32_t whole;	 /* what comes of it as it is */
	int32_t shorter; /* without its last 8 bytes */
	int32_t head;	 /* of nothing but size and flags */
};

static int32_t ask(const struct pair *p, uint32_t size, uint8_t tail)
{
	for (uint32_t i = 0; i < ROOM; i++)
		given.bytes[i] = other.bytes[i] = 0;
	p->make[p->which](given.bytes);
	if (p->make[!p->which])
		p->make[!p->which](other.bytes);
	given.bytes[p->sizes[p->which] + 7] = tail;
	given.head.size = size;
	return p->which ? p->hand(&other, &given) : p->hand(&given, &other);
}

static void try(const struct pair *p)
{
	uint32_t size = p->sizes[p->which];

	expect(p->name, "as it is", ask(p, size, 0), p->whole);
	expect(p->name, "-1", ask(p, size - 1, 0), -EINVAL);
	expect(p->name, "-4", ask(p, size - 4, 0), -EINVAL);
	expect(p->name, "-8", ask(p, size - 8, 0), p->shorter);
	expect(p->name, "+4", ask(p, size + 4, 0), -EINVAL);
	expect(p->name, "+8", ask(p, size + 8, 0), p->whole);
	expect(p->name, "+8, not zero", ask(p, size + 8, TAIL), p->is_table ? p->whole : -E2BIG);
	expect(p->name, "0", ask(p, 0, 0), -EINVAL);
	expect(p->name, "4", ask(p, 4, 0), -EINVAL);
	expect(p->name, "8", ask(p, 8, 0), p->head);
	expect(p->name, "12", ask(p, 12, 0), -EINVAL);
	expect(p->name, "~0", ask(p, ~0u, 0), -EINVAL);
	expect(p->name, "~7", ask(p, ~7u, 0), -EINVAL);
	expect(p->name, "as it is again", ask(p, size, 0), p->whole);
}

#define OF(type) sizeof(Banos_##type)

/* clang-format off */
static const struct pair before = {
	"device ops", device_driver, {device_ops, NULL}, {OF(Device_Ops), 0},
	0, 1, OF(Device_Ops), OF(Device_Ops) - 8, -EINVAL};

static const struct pair pairs[] = {
	{"chardev desc", chardev, {chardev_desc, chardev_ops}, {OF(Chardev_Desc), OF(Chardev_Ops)},
	 0, 0, OF(Chardev_Ops), OF(Chardev_Ops), -EINVAL},
	{"chardev ops", chardev, {chardev_desc, chardev_ops}, {OF(Chardev_Desc), OF(Chardev_Ops)},
	 1, 1, OF(Chardev_Ops), OF(Chardev_Ops) - 8, 8},
	{"text desc", text, {text_desc, text_ops}, {OF(Text_Desc), OF(Text_Ops)},
	 0, 0, OF(Text_Ops), OF(Text_Ops), -EINVAL},
	{"text ops", text, {text_desc, text_ops}, {OF(Text_Desc), OF(Text_Ops)},
	 1, 1, OF(Text_Ops), OF(Text_Ops) - 8, -EINVAL},
	{"tty desc", tty, {tty_desc, tty_ops}, {OF(X_Tty_Desc), OF(X_Tty_Ops)},
	 0, 0, OF(X_Tty_Ops), OF(X_Tty_Ops), -EINVAL},
	{"tty ops", tty, {tty_desc, tty_ops}, {OF(X_Tty_Desc), OF(X_Tty_Ops)},
	 1, 1, OF(X_Tty_Ops), OF(X_Tty_Ops) - 8, -EINVAL},
	{"block desc", block, {block_desc, block_ops}, {OF(X_Block_Desc), OF(X_Block_Ops)},
	 0, 0, OF(X_Block_Ops), OF(X_Block_Ops), -EINVAL},
	{"block ops", block, {block_desc, block_ops}, {OF(X_Block_Desc), OF(X_Block_Ops)},
	 1, 1, OF(X_Block_Ops), OF(X_Block_Ops) - 8, -EINVAL},
	{"device desc", device, {device_desc, bus_ops}, {OF(Device_Desc), OF(Bus_Ops)},
	 0, 0, OF(Bus_Ops), OF(Bus_Ops), -EINVAL},
	{"bus ops", device, {device_desc, bus_ops}, {OF(Device_Desc), OF(Bus_Ops)},
	 1, 1, OF(Bus_Ops), OF(Bus_Ops) - 8, 8},
	{"dma limits", dma, {dma_limits, NULL}, {OF(Dma_Limits), 0},
	 0, 0, 0, 0, 0},
	{"dma map", map, {dma_map, NULL}, {OF(Dma_Map), 0},
	 0, 0, 0, -EINVAL, -EINVAL},
};
/* clang-format on */

struct info {
	const char *name;
	int32_t (*get)(void *out);
	uint32_t size;
};

static const struct info infos[] = {
	{"device info", device_info, sizeof(Banos_Device_Info)},
	{"pci bar", pci_bar, sizeof(Banos_Pci_Bar)},
	{"caller", caller, sizeof(Banos_Caller)},
	{"layout", layout, sizeof(Banos_X_Block_Layout)},
};
static const struct info of_request = {"credentials", credentials, sizeof(Banos_Credentials)};

/*
 * Any size with room for itself will do, as it did in 0.9. What is behind `size` stays; `known`
 * bytes are filled in, and the size says so; the rest is zero.
 */
static void fill(const struct info *info, const char *what, uint32_t size, int32_t expected)
{
	uint32_t known = size < info->size ? size : info->size, bad = 0;
	uint32_t end = size <= ROOM ? size : known; /* larger ones are lies */

	for (uint32_t i = 0; i < ROOM; i++)
		given.bytes[i] = TAIL;
	given.head.size = size;
	given.head.flags = 0;
	expect(info->name, what, info->get(&given), expected);
	for (uint32_t i = expected ? 8 : end; i < ROOM; i++)
		bad += given.bytes[i] != TAIL;
	expect(info->name, "bytes written behind it", (int32_t)bad, 0);
	if (expected)
		return;
	expect(info->name, "its size", (int32_t)given.head.size, (int32_t)known);
	for (uint32_t i = known; i < end; i++)
		bad += given.bytes[i] != 0;
	expect(info->name, "bytes that are not zero", (int32_t)bad, 0);
}

static void try_info(const struct info *info)
{
	fill(info, "as it is", info->size, 0);
	fill(info, "-1", info->size - 1, 0);
	fill(info, "-4", info->size - 4, 0);
	fill(info, "-8", info->size - 8, 0);
	fill(info, "+4", info->size + 4, 0);
	fill(info, "+8", info->size + 8, 0);
	fill(info, "0", 0, -EINVAL);
	fill(info, "4", 4, -EINVAL);
	fill(info, "8", 8, 0);
	fill(info, "12", 12, 0);
	fill(info, "~0", ~0u, 0);
	fill(info, "~7", ~7u, 0);
	fill(info, "as it is again", info->size, 0);
}

/* --- the driver ------------------------------------------------------------------------------- */

static Banos_Chardev *node;
static Banos_Device_Driver *devices;

/* Only here is there a request; the program gets the numbers, once. */
static int64_t sizes_read(void *file, Banos_Io *io, uint64_t position)
{
	char line[80];
	uint32_t length;

	(void)file;
	(void)position;
	if (request)
		return 0;
	request = io;
	try_info(&of_request);
	length = (uint32_t)banos_format(line, sizeof(line), "sizes: %u asked, %u wrong\n", asked,
					wrong);
	if (length > banos_io_length(io))
		length = (uint32_t)banos_io_length(io);
	return banos_io_copy_out(io, 0, line, length) ? -EFAULT : (int64_t)length;
}

static int32_t sizes_init(Banos_Driver *self)
{
	static const Banos_Chardev_Desc desc = {.size = sizeof(desc), .name = "sizes"};
	static const Banos_Chardev_Ops ops = {.size = sizeof(ops), .read = sizes_read};
	static const Banos_Device_Ops take = {
		.size = sizeof(take), .probe = probe, .remove = remove};
	int32_t r;

	try(&before);
	r = banos_device_driver_register(self, &take, NULL, &devices);
	if (r < 0)
		return r;
	if (!edu)
		return -ENODEV;
	for (uint32_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		try(&pairs[i]);
	for (uint32_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++)
		try_info(&infos[i]);
	r = banos_chardev_register(self, &desc, &ops, NULL, &node);
	return r < 0 ? r : 0;
}

static int32_t sizes_uninit(Banos_Driver *self)
{
	(void)self;
	banos_chardev_unregister(node);
	banos_device_driver_unregister(devices);
	return 0;
}

static const Banos_Match matches[] = {
	{.bus = "pci",
	 .vendor = 0x1234,
	 .device = 0x11e8,
	 .subvendor = BANOS_MATCH_ANY,
	 .subdevice = BANOS_MATCH_ANY},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.flags = BANOS_META_EXPERIMENTAL,
	.matches = BANOS_LIST(matches),
};

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "sizes",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = sizes_init,
	.uninit = sizes_uninit,
};
