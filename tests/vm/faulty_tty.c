/* SPDX-License-Identifier: MIT */
/*
 * A terminal with faults that banos-host is to find: the parameter `what` names one, which sending
 * or a change of the settings meets. Like tests/vm/faulty.c.
 */
#include <banos/driver.h>
#include <banos/log.h>
#include <banos/meta.h>
#include <banos/param.h>
#include <banos/sync.h>
#include <banos/time.h>
#include <banos/x_tty.h>

static Banos_X_Tty *tty;
static Banos_Spinlock spin;
static char what[32];

static int is(const char *fault)
{
	const char *x = what;

	while (*x && *x == *fault) {
		x++;
		fault++;
	}
	return *x == *fault;
}

static uint64_t send(void *ctx, const uint8_t *bytes, uint64_t length)
{
	static const uint8_t byte = 'x';

	(void)ctx, (void)bytes;
	if (is("keep"))
		banos_spin_lock(&spin);
	if (is("sleep"))
		banos_sleep_ns(1000, 0);
	if (is("rx"))
		banos_x_tty_rx(tty, &byte, 0, 1);
	if (is("log"))
		banos_log(BANOS_LOG_INFO, "sent", 4);
	return is("much") ? length + 8 : length;
}

static void ask(void *ctx, uint32_t on)
{
	(void)ctx, (void)on;
}

static uint32_t idle(void *ctx)
{
	(void)ctx;
	return 1;
}

static void set_line(void *ctx, Banos_X_Tty_Line *line)
{
	(void)ctx;
	if (is("line") && line->speed == 9600)
		line->data_bits = 9;
}

static void receive(void *ctx, uint32_t on)
{
	(void)ctx, (void)on;
}

static const Banos_X_Tty_Ops ops = {.size = sizeof(ops),
				    .receive = receive,
				    .tx = send,
				    .tx_ask = ask,
				    .tx_idle = idle,
				    .set_line = set_line};

static int stop(Banos_Driver *driver)
{
	static const uint8_t byte = 'x', wild = 77;

	(void)driver;
	if (is("status"))
		banos_x_tty_rx(tty, &byte, &wild, 1);
	if (is("forget"))
		return 0;
	banos_x_tty_unregister(tty);
	if (is("after"))
		banos_x_tty_tx_ready(tty);
	if (!is("keep"))
		banos_spin_fini(&spin);
	return 0;
}

static int start(Banos_Driver *driver)
{
	Banos_X_Tty_Desc desc = {.size = sizeof(desc), .name = "ttyF0", .major = 204, .minor = 3};
	int32_t result;

	banos_param_get(driver, "what", BANOS_PARAM_TEXT, what, sizeof(what));
	if (is("log"))
		desc.io_base = 0x3f8;
	banos_spin_init(&spin, "faulty");
	result = banos_x_tty_register(driver, &desc, &ops, 0, &tty);
	return result < 0 ? result : 0;
}

static const Banos_Parameter parameters[] = {
	{.name = "what", .fallback = "", .type = BANOS_PARAM_TEXT},
};

BANOS_META_API static const Banos_Meta meta = {
	BANOS_META_HEAD,
	.flags = BANOS_META_EXPERIMENTAL,
	.parameters = BANOS_LIST(parameters),
};

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(Banos_Driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "faulty",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = start,
	.uninit = stop,
};
