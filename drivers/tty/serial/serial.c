/* SPDX-License-Identifier: MIT */
/*
 * Serial ports: the 16550A (National Semiconductor PC16550D) at the four places where PCs have it,
 * as /dev/ttyS0 to ttyS3.
 *
 * COM1 and COM3 share interrupt 4, COM2 and COM4 share 3, and ISA interrupts are edges: the
 * controller sees only the change from "no port asks" to "some port asks". So the handler of a
 * line goes round its ports until none of them asks any more; a request that comes meanwhile
 * does not make an edge, but a later round sees it. When the handler has to leave earlier (a
 * port that always has more to do must not keep a processor in the interrupt for ever), it makes
 * the edge itself: it turns the requests of all ports of the line off and on again.
 *
 * A port that asks again and again without any reason is broken, or is being fed noise: it is
 * silenced for a moment (STORM_PAUSE_NS) rather than left to eat the processor.
 *
 * Sending: bytes go into the FIFO as often as the transmitter is empty again immediately, as it is
 * on virtual hardware. Its interrupt (UART_IER_THRI) is on while the kernel asks to be called.
 *
 * Lock: the port's (banos_x_tty_lock) covers its registers and what is marked [port]. Counters are
 * for people, who may see a moment between two. Probing comes before there is a terminal, and a
 * lock; a byte of the log that another processor writes to COM1 in that moment may be lost.
 */
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/irq.h>
#include <banos/log.h>
#include <banos/meta.h>
#include <banos/port.h>
#include <banos/text.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/x_tty.h>
#include <linux/serial_reg.h>

#define ENODEV 19

#define CLOCK_BAUD     115200u /* divisor 1 */
#define SPEED_MIN      50u
#define PORT_COUNT     4
#define LINE_COUNT     2
#define LINE_PORTS     2
#define REGISTERS      8
#define FIFO_SIZE      16
#define RX_BATCH       64
#define ROUNDS_MAX     64
#define VAIN_MAX       64 /* requests in a row without a reason */
#define STORM_PAUSE_NS 10000000u

struct counts {
	uint64_t received, sent, overruns, framing, parity, breaks, storms;
};

struct port {
	const char *name;
	uint32_t base;
	Banos_Ports *ports;
	Banos_X_Tty *tty; /* NULL: there is no such port */
	uint8_t ier;	  /* [port] requests that are turned on */
	uint8_t mcr;	  /* [port] */
	uint8_t lcr;	  /* [port] */
	uint8_t silenced; /* [port] by the storm guard */
	struct counts counts;
};

/* The ports of one interrupt. */
struct line {
	uint32_t number;
	struct port *ports[LINE_PORTS];
	Banos_Irq *irq;
	Banos_Timer *resume; /* ends the pause after a storm */
};

static Banos_Driver *self;
static Banos_Text_Node *node;
static struct port ports[PORT_COUNT] = {
	{.name = "ttyS0", .base = 0x3f8},
	{.name = "ttyS1", .base = 0x2f8},
	{.name = "ttyS2", .base = 0x3e8},
	{.name = "ttyS3", .base = 0x2e8},
};
static struct line lines[LINE_COUNT] = {
	{.number = 4, .ports = {&ports[0], &ports[2]}},
	{.number = 3, .ports = {&ports[1], &ports[3]}},
};

static uint8_t reg_read(const struct port *p, uint32_t reg)
{
	return banos_port_r8(p->ports, reg);
}

static void reg_write(const struct port *p, uint32_t reg, uint8_t value)
{
	banos_port_w8(p->ports, reg, value);
}

/* Port's lock held. */
static void update_ier(const struct port *p)
{
	reg_write(p, UART_IER, p->silenced ? 0 : p->ier);
}

static void ask_for(struct port *p, uint8_t requests, uint32_t on)
{
	if (on)
		p->ier |= requests;
	else
		p->ier &= (uint8_t)~requests;
	update_ier(p);
}

/* --- what the kernel asks for: the port's lock is held -----------------------------------------
 */

static void serial_receive(void *ctx, uint32_t on)
{
	ask_for(ctx, UART_IER_RDI | UART_IER_RLSI, on);
}

static uint64_t serial_tx(void *ctx, const uint8_t *bytes, uint64_t length)
{
	struct port *p = ctx;
	uint64_t done = 0;

	/* The log may have filled the FIFO. */
	while (done < length && reg_read(p, UART_LSR) & UART_LSR_THRE) {
		uint64_t end = length - done > FIFO_SIZE ? done + FIFO_SIZE : length;

		while (done < end)
			reg_write(p, UART_TX, bytes[done++]);
	}
	p->counts.sent += done;
	return done;
}

static void serial_tx_ask(void *ctx, uint32_t on)
{
	ask_for(ctx, UART_IER_THRI, on);
}

static uint32_t serial_tx_idle(void *ctx)
{
	return reg_read(ctx, UART_LSR) & UART_LSR_TEMT ? 1 : 0;
}

static uint8_t line_control(const Banos_X_Tty_Line *line)
{
	uint8_t lcr = (uint8_t)(line->data_bits - 5);

	if (line->stop_bits == 2)
		lcr |= UART_LCR_STOP;
	if (line->parity != BANOS_X_TTY_PARITY_NONE)
		lcr |= UART_LCR_PARITY;
	if (line->parity == BANOS_X_TTY_PARITY_EVEN)
		lcr |= UART_LCR_EPAR;
	return lcr;
}

static void serial_set_line(void *ctx, Banos_X_Tty_Line *line)
{
	struct port *p = ctx;
	uint32_t divisor;

	if (line->speed == 0) {
		p->mcr &= (uint8_t) ~(UART_MCR_DTR | UART_MCR_RTS); /* hang up */
	} else {
		p->mcr |= UART_MCR_DTR | UART_MCR_RTS;
		if (line->speed < SPEED_MIN)
			line->speed = SPEED_MIN;
		if (line->speed > CLOCK_BAUD)
			line->speed = CLOCK_BAUD;
	}
	p->lcr = line_control(line);
	if (line->speed) {
		divisor = (CLOCK_BAUD + line->speed / 2) / line->speed;
		reg_write(p, UART_LCR, p->lcr | UART_LCR_DLAB);
		reg_write(p, UART_DLL, (uint8_t)divisor);
		reg_write(p, UART_DLM, (uint8_t)(divisor >> 8));
	}
	reg_write(p, UART_LCR, p->lcr);
	reg_write(p, UART_MCR, p->mcr);
}

static void serial_set_break(void *ctx, uint32_t on)
{
	struct port *p = ctx;

	reg_write(p, UART_LCR, on ? p->lcr | UART_LCR_SBC : p->lcr);
}

static uint32_t serial_get_modem(void *ctx)
{
	struct port *p = ctx;
	uint8_t msr = reg_read(p, UART_MSR);

	return (p->mcr & UART_MCR_DTR ? BANOS_X_TTY_DTR : 0) |
	       (p->mcr & UART_MCR_RTS ? BANOS_X_TTY_RTS : 0) |
	       (msr & UART_MSR_CTS ? BANOS_X_TTY_CTS : 0) |
	       (msr & UART_MSR_DSR ? BANOS_X_TTY_DSR : 0) |
	       (msr & UART_MSR_RI ? BANOS_X_TTY_RI : 0) | (msr & UART_MSR_DCD ? BANOS_X_TTY_CD : 0);
}

static uint8_t modem_bits(uint32_t lines_)
{
	return (uint8_t)((lines_ & BANOS_X_TTY_DTR ? UART_MCR_DTR : 0) |
			 (lines_ & BANOS_X_TTY_RTS ? UART_MCR_RTS : 0));
}

static void serial_set_modem(void *ctx, uint32_t on, uint32_t off)
{
	struct port *p = ctx;

	p->mcr = (uint8_t)((p->mcr | modem_bits(on)) & ~modem_bits(off));
	reg_write(p, UART_MCR, p->mcr);
}

static const Banos_X_Tty_Ops tty_ops = {
	.size = sizeof(tty_ops),
	.receive = serial_receive,
	.tx = serial_tx,
	.tx_ask = serial_tx_ask,
	.tx_idle = serial_tx_idle,
	.set_line = serial_set_line,
	.set_break = serial_set_break,
	.get_modem = serial_get_modem,
	.set_modem = serial_set_modem,
};

/* --- interrupts --------------------------------------------------------------------------------
 */

enum visit { QUIET, WORKED, IN_VAIN };

struct batch {
	uint32_t length;
	uint8_t bytes[RX_BATCH], status[RX_BATCH];
};

static uint8_t status_of(struct counts *c, uint8_t lsr)
{
	if (lsr & UART_LSR_BI) {
		c->breaks++;
		return BANOS_X_TTY_BREAK; /* comes with a framing error: the same thing */
	}
	c->framing += !!(lsr & UART_LSR_FE);
	c->parity += !!(lsr & UART_LSR_PE);
	c->overruns += !!(lsr & UART_LSR_OE);
	if (lsr & (UART_LSR_FE | UART_LSR_PE))
		return BANOS_X_TTY_ERROR;
	return lsr & UART_LSR_OE ? BANOS_X_TTY_OVERRUN : BANOS_X_TTY_GOOD;
}

/* Port's lock held. */
static void receive(struct port *p, struct batch *b, uint8_t lsr)
{
	while ((lsr & UART_LSR_DR) && b->length < RX_BATCH) {
		b->status[b->length] = status_of(&p->counts, lsr);
		b->bytes[b->length++] = reg_read(p, UART_RX);
		lsr = reg_read(p, UART_LSR);
	}
	p->counts.received += b->length;
}

static enum visit visit(struct port *p)
{
	struct batch batch;
	uint8_t iir, lsr, msr;
	uint64_t token;
	int sending;

	batch.length = 0;
	token = banos_x_tty_lock(p->tty);
	iir = reg_read(p, UART_IIR);
	if (iir & UART_IIR_NO_INT) {
		banos_x_tty_unlock(p->tty, token);
		return QUIET;
	}
	lsr = reg_read(p, UART_LSR);
	receive(p, &batch, lsr);
	msr = reg_read(p, UART_MSR);
	sending = (lsr & UART_LSR_THRE) && (p->ier & UART_IER_THRI);
	banos_x_tty_unlock(p->tty, token);
	if (sending)
		banos_x_tty_tx_ready(p->tty);
	if (batch.length)
		banos_x_tty_rx(p->tty, batch.bytes, batch.status, batch.length);
	/* The transmitter asks once more after its last byte. */
	return batch.length || sending || (iir & UART_IIR_ID) == UART_IIR_THRI ||
			       (msr & UART_MSR_ANY_DELTA)
		       ? WORKED
		       : IN_VAIN;
}

static void set_silence(struct line *line, uint8_t silence)
{
	for (unsigned i = 0; i < LINE_PORTS; i++) {
		struct port *p = line->ports[i];
		uint64_t token;

		if (!p->tty)
			continue;
		token = banos_x_tty_lock(p->tty);
		p->silenced = silence;
		update_ier(p);
		banos_x_tty_unlock(p->tty, token);
	}
}

static void resume(void *ctx)
{
	set_silence(ctx, 0);
}

static void storm(struct line *line, struct port *p)
{
	set_silence(line, 1);
	banos_timer_arm(line->resume, banos_time_mono_ns() + STORM_PAUSE_NS, 0, 0);
	if (p->counts.storms++ == 0)
		banos_log_format(
			BANOS_LOG_WARNING,
			"%s: interrupts without a reason; the port pauses when that happens",
			p->name);
}

static uint32_t interrupt(void *ctx)
{
	struct line *line = ctx;
	uint32_t result = BANOS_IRQ_NONE;
	unsigned vain = 0;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		int quiet = 1;

		for (unsigned i = 0; i < LINE_PORTS; i++) {
			struct port *p = line->ports[i];
			enum visit v = p->tty ? visit(p) : QUIET;

			quiet &= v == QUIET;
			if (v == WORKED)
				vain = 0;
			if (v == IN_VAIN && ++vain == VAIN_MAX) {
				storm(line, p);
				return BANOS_IRQ_HANDLED;
			}
		}
		if (quiet)
			return result;
		result = BANOS_IRQ_HANDLED;
	}
	/* There is more, but others want the processor, too: come back by a new edge. */
	set_silence(line, 1);
	set_silence(line, 0);
	return BANOS_IRQ_HANDLED;
}

/* --- finding ports -----------------------------------------------------------------------------
 */

/*
 * A 16550A keeps what is written to its scratch register, and has a FIFO. Nothing at all reads as
 * all ones.
 */
static int probe(struct port *p)
{
	/* The log may be writing: let its last byte out before the FIFO changes. */
	for (unsigned i = 0; i < 100000 && !(reg_read(p, UART_LSR) & UART_LSR_TEMT); i++)
		__builtin_ia32_pause();
	reg_write(p, UART_IER, 0);
	reg_write(p, UART_SCR, 0x5a);
	if (reg_read(p, UART_SCR) != 0x5a)
		return 0;
	reg_write(p, UART_SCR, 0xa5);
	if (reg_read(p, UART_SCR) != 0xa5)
		return 0;
	reg_write(p, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	return (reg_read(p, UART_IIR) & 0xc0) == 0xc0;
}

/* 0, also when there is no port; -errno. */
static int32_t add(struct port *p, uint32_t index)
{
	const Banos_X_Tty_Desc desc = {
		.size = sizeof(desc),
		.name = p->name,
		.major = 4,
		.minor = 64 + index,
		.io_base = p->base,
	};
	int32_t result = banos_ports_claim(self, p->base, REGISTERS, 0, &p->ports);

	if (result)
		return result;
	if (!probe(p)) {
		banos_ports_release(p->ports);
		p->ports = NULL;
		return 0;
	}
	p->mcr = UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2; /* OUT2 lets interrupts through */
	result = banos_x_tty_register(self, &desc, &tty_ops, p, &p->tty);
	return result < 0 ? result : 0;
}

static void show(void *ctx, Banos_Text *text)
{
	static const char head[] =
		"port     received         sent overruns framing parity breaks storms\n";
	char line[128];

	(void)ctx;
	banos_text_write(text, head, sizeof(head) - 1);
	for (unsigned i = 0; i < PORT_COUNT; i++) {
		const struct counts *c = &ports[i].counts;
		uint64_t n = banos_format(line, sizeof(line),
					  "%-5s %11lu %12lu %8lu %7lu %6lu %6lu %6lu\n",
					  ports[i].name, c->received, c->sent, c->overruns,
					  c->framing, c->parity, c->breaks, c->storms);

		if (ports[i].tty)
			banos_text_write(text, line, n < sizeof(line) ? n : sizeof(line) - 1);
	}
}

static const Banos_Text_Ops text_ops = {.size = sizeof(text_ops), .show = show};

/* Interrupts end first: their handlers use the terminals. */
static int stop(Banos_Driver *driver)
{
	(void)driver;
	for (unsigned i = 0; i < LINE_COUNT; i++) {
		banos_irq_free(lines[i].irq);
		banos_timer_destroy(lines[i].resume);
	}
	banos_text_unregister(node);
	for (unsigned i = 0; i < PORT_COUNT; i++) {
		banos_x_tty_unregister(ports[i].tty);
		if (ports[i].tty)
			reg_write(&ports[i], UART_IER, 0);
		banos_ports_release(ports[i].ports);
		ports[i].tty = NULL;
		ports[i].ports = NULL;
	}
	return 0;
}

static int32_t start_line(struct line *line)
{
	int32_t result;

	if (!line->ports[0]->tty && !line->ports[1]->tty)
		return 0;
	result = banos_timer_create(self, resume, line, BANOS_TIMER_INTERRUPT, &line->resume);
	if (!result)
		result = banos_irq_alloc_line(self, line->number, 0, &line->irq);
	if (!result)
		result = banos_irq_bind(line->irq, interrupt, NULL, line, BANOS_CPU_ANY, 0);
	return result;
}

static int start(Banos_Driver *driver)
{
	const Banos_Text_Desc desc = {.size = sizeof(desc), .name = "serial"};
	int32_t result = 0;
	uint32_t found = 0;

	self = driver;
	for (uint32_t i = 0; i < PORT_COUNT && !result; i++) {
		result = add(&ports[i], i);
		found += ports[i].tty != NULL;
	}
	if (!result && !found)
		result = -ENODEV;
	for (unsigned i = 0; i < LINE_COUNT && !result; i++)
		result = start_line(&lines[i]);
	if (!result)
		result = banos_text_register(driver, &desc, &text_ops, NULL, &node);
	if (result >= 0)
		return 0;
	stop(driver);
	return result;
}

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.flags = BANOS_META_SINGLE | BANOS_META_EXPERIMENTAL,
	.description = "serial ports of PCs (16550A)",
};

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(Banos_Driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "serial",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = start,
	.uninit = stop,
};
