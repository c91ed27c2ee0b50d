/* SPDX-License-Identifier: MIT */
/* A port as a terminal: /dev/hvc0 and so on, as on Linux. */
#include "internal.h"
#include <banos/epoch.h>

#define HVC_MAJOR 229
#define HVC_MAX	  64

static uint64_t hvc_tx(void *ctx, const uint8_t *bytes, uint64_t length)
{
	return port_put(ctx, bytes, length);
}

/* The device tells of what it has taken whether it is asked or not. */
static void hvc_tx_ask(void *ctx, uint32_t on)
{
	(void)ctx, (void)on;
}

static uint32_t hvc_tx_idle(void *ctx)
{
	return port_is_idle(ctx);
}

static uint64_t hvc_rx(void *ctx, uint8_t *bytes, uint64_t length)
{
	uint32_t n = port_peek(ctx, bytes, length < RX_SIZE ? (uint32_t)length : RX_SIZE);

	if (n)
		port_drop(ctx, n);
	return n;
}

static const Banos_X_Tty_Ops tty_ops = {
	.size = sizeof(tty_ops),
	.tx = hvc_tx,
	.tx_ask = hvc_tx_ask,
	.tx_idle = hvc_tx_idle,
	.rx = hvc_rx,
};

static void set_console(struct port *p, uint32_t on)
{
	uint64_t token = banos_spin_lock(&p->lock);

	p->is_console = on;
	banos_spin_unlock(&p->lock, token);
}

/* Under the first name that is free. */
static int32_t publish(struct port *p)
{
	char name[16];
	Banos_X_Tty_Desc desc = {.size = sizeof(desc),
				 .flags = BANOS_X_TTY_TELLS_IDLE,
				 .name = name,
				 .major = HVC_MAJOR};
	int32_t result = -EEXIST;

	for (; result == -EEXIST && desc.minor < HVC_MAX; desc.minor++) {
		banos_format(name, sizeof(name), "hvc%u", desc.minor);
		result = banos_x_tty_register(&driver, &desc, &tty_ops, p, &p->tty);
		p->number = desc.minor;
	}
	return result < 0 ? result : 0;
}

int32_t hvc_create(struct port *p)
{
	int32_t error;

	if (p->tty)
		return 0;
	set_console(p, 1);
	error = publish(p);
	if (error)
		set_console(p, 0);
	else
		banos_x_tty_rx_ready(p->tty); /* what came before */
	return error;
}

void hvc_destroy(struct port *p)
{
	Banos_X_Tty *tty = __atomic_exchange_n(&p->tty, NULL, __ATOMIC_ACQ_REL);

	if (!tty)
		return;
	banos_epoch_wait();
	banos_x_tty_unregister(tty);
	set_console(p, 0);
}

void hvc_set_size(struct port *p, uint32_t rows, uint32_t columns)
{
	Banos_X_Tty *tty = __atomic_load_n(&p->tty, __ATOMIC_ACQUIRE);

	if (tty)
		banos_x_tty_set_size(tty, rows, columns);
}
