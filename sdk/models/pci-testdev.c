/* SPDX-License-Identifier: MIT */
/*
 * QEMU's test device for PCI (docs/specs/pci-testdev.txt of QEMU), as a model for banos-host: it
 * names places in its memory and ports, and counts the writes to them. The option "wild" makes it
 * name places that are not there, as a broken device might.
 */
#include <banos-host/model.h>
#include <stdlib.h>
#include <string.h>

#define BAR_PORTS_FLAG 1u /* BANOS_PCI_BAR_PORTS */
#define WAYS	       2  /* memory, ports */
#define TESTS	       3

#define AT_TEST	 0
#define AT_WIDTH 1
#define AT_WHERE 4
#define AT_WHAT	 8
#define AT_COUNT 12
#define AT_NAME	 16
#define HEADER	 64
#define WHERE	 0x40 /* the first place; the others lie behind it */
#define WHAT	 0xa5

struct way {
	uint32_t test; /* chosen; TESTS: none */
	uint32_t count;
};

struct testdev {
	int wild;
	struct way ways[WAYS];
};

static const char *const names[WAYS][TESTS] = {
	{"mmio-byte", "mmio-word", "mmio-long"},
	{"port-byte", "port-word", "port-long"},
};
static const uint8_t widths[TESTS] = {1, 2, 4};

static uint32_t where_is(const struct testdev *t, uint32_t test)
{
	return t->wild ? 0xfffffff0u + test : WHERE + 8 * test;
}

/* What the chosen test says about itself. */
static void fill(const struct testdev *t, uint32_t bar, uint8_t header[HEADER])
{
	const struct way *w = &t->ways[bar];
	uint32_t where;

	memset(header, 0, HEADER);
	if (w->test >= TESTS)
		return;
	where = where_is(t, w->test);
	header[AT_TEST] = (uint8_t)w->test;
	header[AT_WIDTH] = widths[w->test];
	memcpy(header + AT_WHERE, &where, sizeof(where));
	header[AT_WHAT] = WHAT;
	memcpy(header + AT_COUNT, &w->count, sizeof(w->count));
	strcpy((char *)header + AT_NAME, names[bar][w->test]);
}

static uint64_t read(void *state, uint32_t bar, uint64_t offset, uint32_t width)
{
	uint8_t header[HEADER];
	uint64_t value = 0;

	fill(state, bar, header);
	if (offset < HEADER && width <= HEADER - offset)
		memcpy(&value, header + offset, width);
	return value;
}

static void write(void *state, uint32_t bar, uint64_t offset, uint32_t width, uint64_t value)
{
	struct testdev *t = state;
	struct way *w = &t->ways[bar];

	if (offset == AT_TEST && width == 1) {
		w->test = value < TESTS ? (uint32_t)value : TESTS;
		w->count = 0;
	} else if (w->test < TESTS && offset == where_is(t, w->test) && width == widths[w->test] &&
		   value == WHAT) {
		w->count++;
	}
}

static void *create(Banos_Model_Device *device, const char *options)
{
	struct testdev *t = calloc(1, sizeof(*t));

	(void)device;
	if (!t)
		return NULL;
	t->wild = strcmp(options, "wild") == 0;
	t->ways[0].test = t->ways[1].test = TESTS;
	return t;
}

static const Banos_Model model = {
	.size = sizeof(model),
	.name = "pci-testdev",
	.vendor = 0x1b36,
	.device = 0x0005,
	.subvendor = 0x1af4,
	.subdevice = 0x1100,
	.class_code = 0x00ff00,
	.bars = {{.length = 4096}, {.length = 256, .flags = BAR_PORTS_FLAG}},
	.create = create,
	.destroy = free,
	.read = read,
	.write = write,
};

const Banos_Model *banos_model(const Banos_Model_Host *host)
{
	(void)host;
	return &model;
}
