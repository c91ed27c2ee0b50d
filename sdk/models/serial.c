/* SPDX-License-Identifier: MIT */
/*
 * A serial port of PCs, the 16550A (National Semiconductor PC16550D), as a model for banos-host. It
 * is no PCI device, but at the ports and on the line that PCs have it at; the option says where:
 *
 *	gcc -shared -fPIC -I SDK/include -o serial.so serial.c
 *	banos-host --device serial.so,com1 serial.banos -- 'open ttyS0 as t; send com1 "hello"'
 *
 * What scripts send comes in as fast as the line settings say, and what the driver sends leaves as
 * fast. Faults: framing, parity: what comes in is wrong in that way; break: the line is held down
 * once; noise: it asks for attention without end, and without a reason; deaf: the transmitter never
 * gets empty; gone: there is nothing at its ports any more, as far as the driver can see.
 */
#include <banos-host/model.h>
#include <linux/serial_reg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIFO	   16
#define BUFFER	   65536
#define CLOCK_BAUD 115200u
#define SECOND_NS  1000000000ull
#define REGISTERS  8

enum { RECEIVED, SENT };

struct port {
	Banos_Model_Device *device;
	Banos_Model own;
	uint8_t ier, lcr, mcr, fcr, scr, lsr, msr;
	uint8_t divisor[2];
	/* Received, with what LSR says of each. */
	uint8_t in[FIFO], in_lsr[FIFO];
	unsigned in_count;
	/* To be sent. */
	uint8_t out[FIFO];
	unsigned out_count;
	uint8_t shifted; /* the byte on the line */
	int transmits;	 /* there is one */
	int told;	 /* somebody has looked since the FIFO got empty */
	/* Outside. */
	uint8_t coming[BUFFER];
	unsigned coming_count;
	int coming_soon;
	uint8_t left[BUFFER];
	unsigned left_count;
	/* Faults. */
	uint8_t bad; /* UART_LSR_* of all that comes in */
	int noise, deaf, gone;
};

static const Banos_Model_Host *host;

static const struct {
	const char *name;
	uint32_t base, line;
} places[] = {{"com1", 0x3f8, 4}, {"com2", 0x2f8, 3}, {"com3", 0x3e8, 4}, {"com4", 0x2e8, 3}};

/* --- attention -------------------------------------------------------------------------------- */

static int is_empty(const struct port *p)
{
	return !p->out_count && !p->deaf;
}

/* What IIR says: the most urgent reason. */
static uint8_t reason(const struct port *p)
{
	if (p->noise)
		return UART_IIR_RLSI;
	if (p->ier & UART_IER_RLSI && p->in_count &&
	    p->in_lsr[0] & (UART_LSR_BI | UART_LSR_FE | UART_LSR_PE | UART_LSR_OE))
		return UART_IIR_RLSI;
	if (p->ier & UART_IER_RDI && p->in_count)
		return UART_IIR_RDI;
	if (p->ier & UART_IER_THRI && is_empty(p) && !p->told)
		return UART_IIR_THRI;
	if (p->ier & UART_IER_MSI && p->msr & UART_MSR_ANY_DELTA)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/* OUT2 lets its requests through. */
static void update(struct port *p)
{
	int asks = p->mcr & UART_MCR_OUT2 && p->ier && reason(p) != UART_IIR_NO_INT;

	host->interrupt(p->device, 0, (uint32_t)asks);
}

/* --- the line --------------------------------------------------------------------------------- */

/* A byte, with start and stop bits. */
static uint64_t byte_ns(const struct port *p)
{
	uint64_t divisor = p->divisor[0] | (unsigned)p->divisor[1] << 8;

	return 10 * SECOND_NS * (divisor ? divisor : 1) / CLOCK_BAUD;
}

static void receive(struct port *p, uint8_t byte, uint8_t lsr)
{
	if (p->in_count == FIFO) {
		p->in_lsr[FIFO - 1] |= UART_LSR_OE;
		return;
	}
	p->in[p->in_count] = byte;
	p->in_lsr[p->in_count++] = lsr;
}

static void come(struct port *p)
{
	if (p->coming_count && !p->coming_soon) {
		p->coming_soon = 1;
		host->after(p->device, byte_ns(p), RECEIVED);
	}
}

static void transmit(struct port *p)
{
	if (!p->out_count || p->transmits || p->deaf)
		return;
	p->transmits = 1;
	p->shifted = p->out[0];
	memmove(p->out, p->out + 1, --p->out_count);
	if (!p->out_count)
		p->told = 0;
	host->after(p->device, byte_ns(p), SENT);
}

static void due(void *state, uint64_t what)
{
	struct port *p = state;

	if (what == RECEIVED) {
		p->coming_soon = 0;
		receive(p, p->coming[0], p->bad);
		memmove(p->coming, p->coming + 1, --p->coming_count);
		come(p);
	} else if (p->transmits) {
		p->transmits = 0;
		if (p->mcr & UART_MCR_LOOP)
			receive(p, p->shifted, 0);
		else if (p->left_count < BUFFER)
			p->left[p->left_count++] = p->shifted;
		transmit(p);
	}
	update(p);
}

/* --- registers -------------------------------------------------------------------------------- */

static uint8_t take_byte(struct port *p)
{
	uint8_t byte = p->in[0];

	if (!p->in_count)
		return 0;
	p->in_count--;
	memmove(p->in, p->in + 1, p->in_count);
	memmove(p->in_lsr, p->in_lsr + 1, p->in_count);
	return byte;
}

static uint8_t read_lsr(struct port *p)
{
	uint8_t lsr = 0;

	if (p->in_count) {
		lsr = (uint8_t)(UART_LSR_DR | p->in_lsr[0]);
		p->in_lsr[0] = 0; /* told once */
	}
	if (is_empty(p))
		lsr |= UART_LSR_THRE;
	if (is_empty(p) && !p->transmits)
		lsr |= UART_LSR_TEMT;
	return lsr;
}

static uint8_t read_register(struct port *p, uint64_t reg)
{
	uint8_t value;

	switch (reg) {
	case UART_RX:
		return p->lcr & UART_LCR_DLAB ? p->divisor[0] : take_byte(p);
	case UART_IER:
		return p->lcr & UART_LCR_DLAB ? p->divisor[1] : p->ier;
	case UART_IIR:
		value = reason(p);
		if (value == UART_IIR_THRI)
			p->told = 1;
		return value | (p->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0);
	case UART_LCR:
		return p->lcr;
	case UART_MCR:
		return p->mcr;
	case UART_LSR:
		return read_lsr(p);
	case UART_MSR:
		value = p->msr;
		p->msr &= (uint8_t)~UART_MSR_ANY_DELTA;
		return value;
	}
	return p->scr;
}

static void send_byte(struct port *p, uint8_t byte)
{
	if (p->out_count == FIFO) {
		host->complain(p->device, "a byte is written to a full FIFO");
		return;
	}
	p->out[p->out_count++] = byte;
	p->told = 0;
	transmit(p);
}

static void write_register(struct port *p, uint64_t reg, uint8_t value)
{
	int divides = p->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (divides)
			p->divisor[0] = value;
		else
			send_byte(p, value);
		return;
	case UART_IER:
		/* Who turns the request on while it is empty is asked. */
		if (!divides && value & ~p->ier & UART_IER_THRI)
			p->told = 0;
		*(divides ? &p->divisor[1] : &p->ier) = value;
		return;
	case UART_FCR:
		p->fcr = value;
		if (value & UART_FCR_CLEAR_RCVR)
			p->in_count = 0;
		return;
	case UART_LCR:
		/* Held down: the other end sees a break. */
		if (value & ~p->lcr & UART_LCR_SBC && p->left_count + 3 < BUFFER) {
			memcpy(p->left + p->left_count, "\xff\x00\x00", 3);
			p->left_count += 3;
		}
		p->lcr = value;
		return;
	case UART_MCR:
		p->mcr = value;
		return;
	case UART_SCR:
		p->scr = value;
		return;
	}
	host->complain(p->device, "a register is written that is only to be read");
}

static uint64_t read(void *state, uint32_t bar, uint64_t offset, uint32_t width)
{
	struct port *p = state;
	uint8_t value;

	(void)bar;
	if (p->gone || width != 1)
		return UINT64_MAX;
	value = read_register(p, offset);
	update(p);
	return value;
}

static void write(void *state, uint32_t bar, uint64_t offset, uint32_t width, uint64_t value)
{
	struct port *p = state;

	(void)bar;
	if (p->gone || width != 1)
		return;
	write_register(p, offset, (uint8_t)value);
	update(p);
}

/* --- outside ---------------------------------------------------------------------------------- */

static uint64_t send(void *state, const uint8_t *bytes, uint64_t length)
{
	struct port *p = state;
	uint64_t room = BUFFER - p->coming_count;

	length = length < room ? length : room;
	memcpy(p->coming + p->coming_count, bytes, length);
	p->coming_count += (unsigned)length;
	come(p);
	return length;
}

static uint64_t sent(void *state, uint8_t *bytes, uint64_t length)
{
	struct port *p = state;

	length = length < p->left_count ? length : p->left_count;
	memcpy(bytes, p->left, length);
	p->left_count -= (unsigned)length;
	memmove(p->left, p->left + length, p->left_count);
	return length;
}

static int32_t fault(void *state, const char *word)
{
	struct port *p = state;

	if (!strcmp(word, "none"))
		p->bad = 0, p->noise = p->deaf = p->gone = 0;
	else if (!strcmp(word, "framing"))
		p->bad |= UART_LSR_FE;
	else if (!strcmp(word, "parity"))
		p->bad |= UART_LSR_PE;
	else if (!strcmp(word, "break"))
		receive(p, 0, UART_LSR_BI | UART_LSR_FE);
	else if (!strcmp(word, "noise"))
		p->noise = 1;
	else if (!strcmp(word, "deaf"))
		p->deaf = 1;
	else if (!strcmp(word, "gone"))
		p->gone = 1;
	else
		return -1;
	transmit(p);
	update(p);
	return 0;
}

static void *create(Banos_Model_Device *device, const char *options);

static const Banos_Model model = {
	.size = sizeof(model),
	.flags = BANOS_MODEL_LEGACY,
	.name = "serial",
	.create = create,
	.destroy = free,
	.read = read,
	.write = write,
	.due = due,
	.fault = fault,
	.send = send,
	.sent = sent,
};

static void *create(Banos_Model_Device *device, const char *options)
{
	struct port *p = calloc(1, sizeof(*p));

	for (unsigned i = 0; p && i < sizeof(places) / sizeof(places[0]); i++) {
		if (strcmp(options, places[i].name))
			continue;
		p->device = device;
		p->own = model;
		p->own.name = places[i].name;
		p->divisor[0] = 12;
		p->msr = UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD;
		host->describe(device, &p->own);
		host->ports(device, 0, places[i].base, REGISTERS);
		host->line(device, places[i].line);
		return p;
	}
	free(p);
	return NULL;
}

const Banos_Model *banos_model(const Banos_Model_Host *given)
{
	host = given;
	return &model;
}
