/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serial ports: the 16550A at the four places where PCs have it.
 *
 * COM1 and COM3 share interrupt 4, COM2 and COM4 share 3, and ISA interrupts are edges: the
 * controller sees only the change from "no port asks" to "some port asks". So the handler of a
 * line goes round its ports until none of them asks any more; a request that comes meanwhile
 * does not make an edge, but a later round sees it. When the handler has to leave earlier (a
 * port that always has more to do must not keep a processor in the interrupt for ever), it makes
 * the edge itself: it turns the requests of all ports of the line off and on again.
 *
 * A port that asks again and again without any reason is broken, or is being fed noise: it is
 * silenced for a moment (STORM_PAUSE) rather than left to eat the processor.
 *
 * Sending: the transmit request (IER_THRI) is on exactly while there may be something to send.
 * start_tx turns it on, and the empty transmitter asks at once; the handler fills the FIFO as often
 * as the transmitter is empty again immediately, as it is on virtual hardware, and turns the
 * request off when the ring is empty or output is stopped.
 *
 * Locks: the registers of a port belong to its terminal's output_lock. COM1's are also written by
 * the kernel log, so they need console_port_lock in addition, the last lock of all; nothing but
 * register access happens inside it. Received bytes are collected under the locks and handed to
 * tty_input without them.
 */
#include "serial.h"
#include "tty.h"
#include <arch/console.h>
#include <arch/io.h>
#include <asm/termios.h>
#include <base/log.h>
#include <base/stats.h>
#include <bus/irq.h>
#include <bus/port.h>
#include <lib/errno.h>
#include <linux/serial_reg.h>
#include <sched/clock.h>
#include <sched/timer.h>

#define CLOCK_BAUD  115200 /* divisor 1 */
#define REGISTERS   8
#define FIFO_SIZE   16
#define RX_BATCH    64
#define TX_BURSTS   16 /* FIFOs filled in one visit */
#define ROUNDS_MAX  64
#define VAIN_MAX    64 /* requests in a row without a reason */
#define STORM_PAUSE (10 * NSEC_PER_MSEC)
#define LINES	    2

struct serial_port {
	struct tty *tty; /* [I] NULL: no such port */
	struct port_range range;
	uint16_t base;	      /* [I] */
	bool shared_with_log; /* [I] console_port_lock is needed */
	uint8_t ier;	      /* [output_lock] requests that are turned on */
	uint8_t mcr;	      /* [output_lock] */
	uint8_t lcr;	      /* [output_lock] */
	bool silenced;	      /* [output_lock] by the storm guard */
	uint64_t received, sent, overruns, framing, parity, breaks; /* [output_lock] */
	uint64_t storms; /* counted by the handler of its line alone */
};

/* The ports of one interrupt. */
struct serial_line {
	unsigned irq;
	struct irq_handler handler;
	struct serial_port *ports[SERIAL_PORTS / LINES]; /* [I] */
	struct timer resume;				 /* ends the pause after a storm */
};

static struct serial_port ports[SERIAL_PORTS] = {
	{.base = 0x3f8, .shared_with_log = true},
	{.base = 0x2f8},
	{.base = 0x3e8},
	{.base = 0x2e8},
};
static struct serial_line lines[LINES] = {
	{.irq = 4, .ports = {&ports[0], &ports[2]}},
	{.irq = 3, .ports = {&ports[1], &ports[3]}},
};
static const char *const names[SERIAL_PORTS] = {"ttyS0", "ttyS1", "ttyS2", "ttyS3"};

struct tty *serial_tty(unsigned index)
{
	return index < SERIAL_PORTS ? ports[index].tty : NULL;
}

/* --- registers ---------------------------------------------------------------------------------
 */

static uint8_t reg_read(const struct serial_port *p, unsigned reg)
{
	return io_read8(p->base + reg);
}

static void reg_write(const struct serial_port *p, unsigned reg, uint8_t v)
{
	io_write8(p->base + reg, v);
}

/* Around every access; interrupts are off. */
static void regs_lock(const struct serial_port *p)
{
	if (p->shared_with_log)
		spin_lock(&console_port_lock);
}

static void regs_unlock(const struct serial_port *p)
{
	if (p->shared_with_log)
		spin_unlock(&console_port_lock);
}

/* output_lock held. */
static void update_ier(struct serial_port *p)
{
	regs_lock(p);
	reg_write(p, UART_IER, p->silenced ? 0 : p->ier);
	regs_unlock(p);
}

/* --- sending: output_lock held
 * -------------------------------------------------------------------- */

static void serial_start_tx(struct tty *tty)
{
	struct serial_port *p = tty->port;

	if (p->ier & UART_IER_THRI)
		return;
	p->ier |= UART_IER_THRI;
	update_ier(p);
}

static void send(struct serial_port *p)
{
	uint8_t bytes[FIFO_SIZE];
	size_t n = 0;
	bool empty = true;

	for (unsigned burst = 0; burst < TX_BURSTS && empty; burst++) {
		n = tty_tx_peek(p->tty, bytes, sizeof(bytes));
		if (!n) {
			p->ier &= ~UART_IER_THRI;
			update_ier(p);
			return;
		}
		regs_lock(p);
		/* The log may have filled the FIFO since we looked. */
		empty = reg_read(p, UART_LSR) & UART_LSR_THRE;
		for (size_t i = 0; empty && i < n; i++)
			reg_write(p, UART_TX, bytes[i]);
		regs_unlock(p);
		if (empty) {
			tty_tx_done(p->tty, n);
			p->sent += n;
		}
	}
}

/* --- receiving -----------------------------------------------------------------------------------
 */

struct batch {
	size_t n;
	uint8_t bytes[RX_BATCH], status[RX_BATCH];
};

static uint8_t status_of(struct serial_port *p, uint8_t lsr)
{
	if (lsr & UART_LSR_BI) {
		p->breaks++;
		return LDISC_BREAK; /* comes with a framing error, which is the same thing */
	}
	if (lsr & UART_LSR_FE)
		p->framing++;
	if (lsr & UART_LSR_PE)
		p->parity++;
	if (lsr & UART_LSR_OE)
		p->overruns++;
	if (lsr & (UART_LSR_FE | UART_LSR_PE))
		return LDISC_PARITY;
	return lsr & UART_LSR_OE ? LDISC_OVERRUN : LDISC_OK;
}

/* Registers locked. */
static void receive(struct serial_port *p, struct batch *b, uint8_t lsr)
{
	while ((lsr & UART_LSR_DR) && b->n < RX_BATCH) {
		b->status[b->n] = status_of(p, lsr);
		b->bytes[b->n++] = reg_read(p, UART_RX);
		lsr = reg_read(p, UART_LSR);
	}
	p->received += b->n;
}

/* --- interrupts ----------------------------------------------------------------------------------
 */

enum visit { QUIET, WORKED, IN_VAIN };

static enum visit visit_port(struct serial_port *p)
{
	struct batch batch;
	struct tty *tty = p->tty;
	uint64_t flags, sent;
	uint8_t iir, lsr, msr;
	bool worked;

	batch.n = 0;
	flags = spin_lock_irq(&tty->output_lock);
	regs_lock(p);
	iir = reg_read(p, UART_IIR);
	if (iir & UART_IIR_NO_INT) {
		regs_unlock(p);
		spin_unlock_irq(&tty->output_lock, flags);
		return QUIET;
	}
	lsr = reg_read(p, UART_LSR);
	receive(p, &batch, lsr);
	msr = reg_read(p, UART_MSR);
	regs_unlock(p);
	sent = p->sent;
	if ((lsr & UART_LSR_THRE) && (p->ier & UART_IER_THRI))
		send(p);
	/* The transmitter asks once more after its last byte. */
	worked = batch.n || p->sent != sent || (iir & UART_IIR_ID) == UART_IIR_THRI ||
		 (msr & UART_MSR_ANY_DELTA);
	spin_unlock_irq(&tty->output_lock, flags);
	if (batch.n)
		tty_input(tty, batch.bytes, batch.status, batch.n);
	return worked ? WORKED : IN_VAIN;
}

static void set_silence(struct serial_line *line, bool silence)
{
	for (unsigned i = 0; i < ARRAY_SIZE(line->ports); i++) {
		struct serial_port *p = line->ports[i];
		uint64_t flags;

		if (!p->tty)
			continue;
		flags = spin_lock_irq(&p->tty->output_lock);
		p->silenced = silence;
		update_ier(p);
		spin_unlock_irq(&p->tty->output_lock, flags);
	}
}

static void resume(struct timer *t)
{
	set_silence(container_of(t, struct serial_line, resume), false);
}

static void storm(struct serial_line *line, struct serial_port *p)
{
	set_silence(line, true);
	timer_arm(&line->resume, clock_mono_ns() + STORM_PAUSE);
	if (p->storms++ == 0)
		log_warn("%s: interrupts without a reason; the port pauses when that happens",
			 p->tty->name);
}

/* Storms have an answer of their own here, so the line is never said to be unhandled. */
static enum irq_answer serial_interrupt(struct irq_handler *h)
{
	struct serial_line *line = container_of(h, struct serial_line, handler);
	unsigned vain = 0;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		bool quiet = true;

		for (unsigned i = 0; i < ARRAY_SIZE(line->ports); i++) {
			struct serial_port *p = line->ports[i];
			enum visit v = p->tty ? visit_port(p) : QUIET;

			quiet &= v == QUIET;
			if (v == WORKED)
				vain = 0;
			if (v == IN_VAIN && ++vain == VAIN_MAX) {
				storm(line, p);
				return IRQ_HANDLED;
			}
		}
		if (quiet)
			return IRQ_HANDLED;
	}
	/* There is more, but others want the processor, too: come back by a new edge. */
	set_silence(line, true);
	set_silence(line, false);
	return IRQ_HANDLED;
}

/* --- what terminals ask of a port ----------------------------------------------------------------
 */

static bool serial_tx_idle(struct tty *tty)
{
	struct serial_port *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	uint8_t lsr;

	regs_lock(p);
	lsr = reg_read(p, UART_LSR);
	regs_unlock(p);
	spin_unlock_irq(&tty->output_lock, flags);
	return lsr & UART_LSR_TEMT;
}

static uint8_t line_control(const struct tty_settings *s)
{
	static const uint8_t lengths[] = {UART_LCR_WLEN5, UART_LCR_WLEN6, UART_LCR_WLEN7,
					  UART_LCR_WLEN8};
	uint8_t lcr = lengths[(s->cflag & CSIZE) / CS6];

	if (s->cflag & CSTOPB)
		lcr |= UART_LCR_STOP;
	if (s->cflag & PARENB)
		lcr |= UART_LCR_PARITY;
	if (!(s->cflag & PARODD))
		lcr |= UART_LCR_EPAR;
	return lcr;
}

static void serial_set_line(struct tty *tty, struct tty_settings *s)
{
	struct serial_port *p = tty->port;
	uint32_t speed = clamp(s->ospeed, 50u, (uint32_t)CLOCK_BAUD);
	uint16_t divisor = (CLOCK_BAUD + speed / 2) / speed;
	uint64_t flags;

	/* Not done: hardware flow control. The answer to tcgetattr says so. */
	s->cflag &= ~CRTSCTS;
	flags = spin_lock_irq(&tty->output_lock);
	if (s->ospeed == 0) {
		p->mcr &= ~(UART_MCR_DTR | UART_MCR_RTS); /* B0 hangs up */
	} else {
		p->mcr |= UART_MCR_DTR | UART_MCR_RTS;
		if (s->ospeed != speed) {
			s->ospeed = speed;
			s->cflag = (s->cflag & ~CBAUD) | tty_speed_flag(speed);
		}
		s->ispeed = s->ospeed;
	}
	p->lcr = line_control(s);
	regs_lock(p);
	reg_write(p, UART_LCR, p->lcr | UART_LCR_DLAB);
	reg_write(p, UART_DLL, divisor & 0xff);
	reg_write(p, UART_DLM, divisor >> 8);
	reg_write(p, UART_LCR, p->lcr);
	reg_write(p, UART_MCR, p->mcr);
	regs_unlock(p);
	spin_unlock_irq(&tty->output_lock, flags);
}

/* Closed ports do not receive, but send what is left. */
static void serial_power(struct tty *tty, bool on)
{
	struct serial_port *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);

	if (on)
		p->ier |= UART_IER_RDI | UART_IER_RLSI;
	else
		p->ier &= ~(UART_IER_RDI | UART_IER_RLSI);
	update_ier(p);
	spin_unlock_irq(&tty->output_lock, flags);
}

static void serial_set_break(struct tty *tty, bool on)
{
	struct serial_port *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);

	regs_lock(p);
	reg_write(p, UART_LCR, on ? p->lcr | UART_LCR_SBC : p->lcr);
	regs_unlock(p);
	spin_unlock_irq(&tty->output_lock, flags);
}

static unsigned serial_get_modem(struct tty *tty)
{
	struct serial_port *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);
	uint8_t msr, mcr = p->mcr;

	regs_lock(p);
	msr = reg_read(p, UART_MSR);
	regs_unlock(p);
	spin_unlock_irq(&tty->output_lock, flags);
	return (mcr & UART_MCR_DTR ? TIOCM_DTR : 0) | (mcr & UART_MCR_RTS ? TIOCM_RTS : 0) |
	       (msr & UART_MSR_CTS ? TIOCM_CTS : 0) | (msr & UART_MSR_DSR ? TIOCM_DSR : 0) |
	       (msr & UART_MSR_RI ? TIOCM_RI : 0) | (msr & UART_MSR_DCD ? TIOCM_CD : 0);
}

static uint8_t modem_bits(unsigned lines_)
{
	return (lines_ & TIOCM_DTR ? UART_MCR_DTR : 0) | (lines_ & TIOCM_RTS ? UART_MCR_RTS : 0);
}

static void serial_set_modem(struct tty *tty, unsigned on, unsigned off)
{
	struct serial_port *p = tty->port;
	uint64_t flags = spin_lock_irq(&tty->output_lock);

	p->mcr = (p->mcr | modem_bits(on)) & ~modem_bits(off);
	regs_lock(p);
	reg_write(p, UART_MCR, p->mcr);
	regs_unlock(p);
	spin_unlock_irq(&tty->output_lock, flags);
}

static const struct tty_port_ops serial_ops = {
	.start_tx = serial_start_tx,
	.tx_idle = serial_tx_idle,
	.set_line = serial_set_line,
	.power = serial_power,
	.set_break = serial_set_break,
	.get_modem = serial_get_modem,
	.set_modem = serial_set_modem,
};

/* --- finding ports
 * --------------------------------------------------------------------------------- */

/*
 * A 16550A keeps what is written to its scratch register, shows in loopback mode its outputs
 * at its inputs, and has a FIFO. Nothing at all reads as all ones. Registers locked.
 */
static bool probe(struct serial_port *p)
{
	uint8_t modem;

	reg_write(p, UART_IER, 0);
	reg_write(p, UART_SCR, 0x5a);
	if (reg_read(p, UART_SCR) != 0x5a)
		return false;
	reg_write(p, UART_SCR, 0xa5);
	if (reg_read(p, UART_SCR) != 0xa5)
		return false;
	reg_write(p, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	modem = reg_read(p, UART_MSR) & (UART_MSR_DCD | UART_MSR_RI | UART_MSR_DSR | UART_MSR_CTS);
	reg_write(p, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	if (modem != (UART_MSR_DCD | UART_MSR_CTS))
		return false;
	reg_write(p, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	return (reg_read(p, UART_IIR) & 0xc0) == 0xc0;
}

/* The log may be printing: let its last byte out before loopback mode would swallow it. */
static void wait_idle(struct serial_port *p)
{
	for (unsigned i = 0; i < 100000 && !(reg_read(p, UART_LSR) & UART_LSR_TEMT); i++)
		cpu_relax();
}

static bool find_port(struct serial_port *p)
{
	uint64_t flags = irq_save();
	bool found;

	regs_lock(p);
	wait_idle(p);
	found = probe(p);
	regs_unlock(p);
	irq_restore(flags);
	return found;
}

static int add_port(unsigned index)
{
	struct serial_port *p = &ports[index];
	struct tty_settings s;
	struct tty *tty;
	int r;

	p->range = (struct port_range){.first = p->base, .count = REGISTERS, .name = names[index]};
	r = port_range_claim(&p->range);
	if (r)
		return r;
	r = tty_create(names[index], &serial_ops, p, &tty);
	if (r) {
		port_range_release(&p->range);
		return r;
	}
	p->mcr = UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2; /* OUT2 lets interrupts through */
	tty_get_settings(tty, &s);
	serial_set_line(tty, &s);
	p->tty = tty;
	log_info("%s: 16550A at %#x", names[index], p->base);
	return tty_register(tty, 4, 64 + index, 0660);
}

static void show_ports(struct stats_node *n, struct text *out)
{
	text_printf(out, "port     received         sent overruns framing parity breaks storms\n");
	for (unsigned i = 0; i < SERIAL_PORTS; i++) {
		const struct serial_port *p = &ports[i];

		if (p->tty)
			text_printf(out, "%-5s %11lu %12lu %8lu %7lu %6lu %6lu %6lu\n", names[i],
				    p->received, p->sent, p->overruns, p->framing, p->parity,
				    p->breaks, p->storms);
	}
}

static struct stats_node ports_node = {.path = "tty/serial", .show = show_ports};

int serial_init(void)
{
	int r = 0;

	for (unsigned i = 0; i < SERIAL_PORTS && !r; i++)
		if (find_port(&ports[i]))
			r = add_port(i);
	for (unsigned i = 0; i < LINES && !r; i++) {
		timer_init(&lines[i].resume, resume);
		lines[i].handler = (struct irq_handler){.fn = serial_interrupt, .name = "serial"};
		if (lines[i].ports[0]->tty || lines[i].ports[1]->tty)
			r = irq_attach_isa(lines[i].irq, &lines[i].handler);
	}
	stats_add(&ports_node);
	return r;
}
