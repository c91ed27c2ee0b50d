/* SPDX-License-Identifier: MIT */
/*
 * QEMU's teaching device (docs/specs/edu.rst of QEMU), as an example of a model for banos-host:
 * registers in memory, an interrupt by line or MSI, transfers to and from a buffer of its own.
 *
 *	gcc -shared -fPIC -I SDK/include -o edu.so edu.c
 *	banos-host --device edu.so edu.banos -- 'open edu0 as f; write f "hello" at 0'
 *
 * A computation takes 1 ms and a transfer 10 us.
 */
#include <banos-host/model.h>
#include <stdlib.h>
#include <string.h>

#define REG_ID	      0x00
#define REG_LIVE      0x04
#define REG_FACTORIAL 0x08
#define REG_STATUS    0x20
#define REG_ASKS      0x24
#define REG_RAISE     0x60
#define REG_DONE      0x64
#define REG_FROM      0x80
#define REG_TO	      0x88
#define REG_COUNT     0x90
#define REG_COMMAND   0x98

#define ID		 0x010000edu
#define STATUS_COMPUTES	 0x01u
#define STATUS_INTERRUPT 0x80u
#define ASKS_FACTORIAL	 0x001u
#define ASKS_TRANSFER	 0x100u
#define COMMAND_START	 1u
#define COMMAND_TO_RAM	 2u
#define COMMAND_ASK	 4u

#define BUFFER	    0x40000u /* where transfers find it */
#define BUFFER_SIZE 4096u
#define ADDRESSES   0x0fffffffu /* it has 28 lines of address */

#define COMPUTE_NS  1000000u
#define TRANSFER_NS 10000u

enum { COMPUTED, TRANSFERRED };

struct edu {
	Banos_Model_Device *device;
	uint32_t live, status, factorial, asks;
	uint64_t from, to, count, command;
	uint8_t buffer[BUFFER_SIZE];
};

static const Banos_Model_Host *host;

static void ask(struct edu *e, uint32_t what)
{
	e->asks |= what;
	host->interrupt(e->device, 0, 1);
}

static void compute(struct edu *e)
{
	uint32_t n = e->factorial, result = 1;

	while (n > 1)
		result *= n--;
	e->factorial = result;
	e->status &= ~STATUS_COMPUTES;
	if (e->status & STATUS_INTERRUPT)
		ask(e, ASKS_FACTORIAL);
}

/* Where the buffer begins for a transfer; NULL: it would reach out of it. */
static uint8_t *in_buffer(struct edu *e, uint64_t address)
{
	if (address < BUFFER || address - BUFFER > BUFFER_SIZE ||
	    e->count > BUFFER_SIZE - (address - BUFFER))
		return NULL;
	return e->buffer + (address - BUFFER);
}

static void transfer(struct edu *e)
{
	int to_ram = (e->command & COMMAND_TO_RAM) != 0;
	uint8_t *buffer = in_buffer(e, to_ram ? e->from : e->to);

	if (!buffer)
		host->log(e->device, "a transfer reaches beyond its buffer: not done");
	else if (to_ram)
		host->write(e->device, e->to & ADDRESSES, buffer, e->count);
	else
		host->read(e->device, e->from & ADDRESSES, buffer, e->count);
	e->command &= ~(uint64_t)COMMAND_START;
	if (e->command & COMMAND_ASK)
		ask(e, ASKS_TRANSFER);
}

static void due(void *state, uint64_t what)
{
	struct edu *e = state;

	if (what == COMPUTED && (e->status & STATUS_COMPUTES))
		compute(e);
	if (what == TRANSFERRED && (e->command & COMMAND_START))
		transfer(e);
}

static uint64_t read(void *state, uint32_t bar, uint64_t offset, uint32_t width)
{
	struct edu *e = state;

	(void)bar;
	if (width < 4 || (offset >= REG_FROM ? 0 : width != 4))
		return UINT64_MAX;
	switch (offset) {
	case REG_ID:
		return ID;
	case REG_LIVE:
		return e->live;
	case REG_FACTORIAL:
		return e->factorial;
	case REG_STATUS:
		return e->status;
	case REG_ASKS:
		return e->asks;
	case REG_FROM:
		return e->from;
	case REG_TO:
		return e->to;
	case REG_COUNT:
		return e->count;
	case REG_COMMAND:
		return e->command;
	default:
		return UINT64_MAX;
	}
}

static void start_computing(struct edu *e, uint32_t value)
{
	if (e->status & STATUS_COMPUTES)
		return;
	e->factorial = value;
	e->status |= STATUS_COMPUTES;
	host->after(e->device, COMPUTE_NS, COMPUTED);
}

static void end_asking(struct edu *e, uint32_t what)
{
	e->asks &= ~what;
	if (!e->asks)
		host->interrupt(e->device, 0, 0);
}

static void write(void *state, uint32_t bar, uint64_t offset, uint32_t width, uint64_t value)
{
	struct edu *e = state;

	(void)bar;
	if (width < 4 || (offset >= REG_FROM ? 0 : width != 4))
		return;
	if (offset == REG_LIVE)
		e->live = ~(uint32_t)value;
	else if (offset == REG_FACTORIAL)
		start_computing(e, (uint32_t)value);
	else if (offset == REG_STATUS)
		e->status = (e->status & ~STATUS_INTERRUPT) | ((uint32_t)value & STATUS_INTERRUPT);
	else if (offset == REG_RAISE)
		ask(e, (uint32_t)value);
	else if (offset == REG_DONE)
		end_asking(e, (uint32_t)value);
	else if (e->command & COMMAND_START)
		return; /* a transfer is in progress */
	else if (offset == REG_FROM)
		e->from = value;
	else if (offset == REG_TO)
		e->to = value;
	else if (offset == REG_COUNT)
		e->count = value;
	else if (offset == REG_COMMAND) {
		e->command = value;
		if (value & COMMAND_START)
			host->after(e->device, TRANSFER_NS, TRANSFERRED);
	}
}

static void restart(void *state)
{
	struct edu *e = state;
	Banos_Model_Device *device = e->device;

	memset(e, 0, sizeof(*e));
	e->device = device;
}

static void *create(Banos_Model_Device *device, const char *options)
{
	struct edu *e = calloc(1, sizeof(*e));

	(void)options;
	if (e)
		e->device = device;
	return e;
}

static const Banos_Model model = {
	.size = sizeof(model),
	.name = "edu",
	.vendor = 0x1234,
	.device = 0x11e8,
	.subvendor = 0x1af4,
	.subdevice = 0x1100,
	.class_code = 0x00ff00,
	.revision = 0x10,
	.bars = {{.length = 0x100000}},
	.msi = 1,
	.line = 1,
	.create = create,
	.destroy = free,
	.restart = restart,
	.read = read,
	.write = write,
	.due = due,
};

const Banos_Model *banos_model(const Banos_Model_Host *given)
{
	host = given;
	return &model;
}
