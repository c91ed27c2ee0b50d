/* SPDX-License-Identifier: MIT */
/*
 * A terminal whose line leads back to itself: what is sent comes in again, a millisecond later, at
 * most 16 bytes at a time. /proc/driver/loopline takes words: "unregister" and "register" it,
 * "break" and "error" for something to come in, "wait" for a line that from its next registration
 * on waits with what the kernel has no room for, "hold" and "go" for one that lets nothing out,
 * "window 33 101" for a window of so many rows and columns.
 *
 * Lock: the port's covers what is on the line. There is one timer, so one delivery at a time.
 */
#include <banos/driver.h>
#include <banos/format.h>
#include <banos/meta.h>
#include <banos/text.h>
#include <banos/time.h>
#include <banos/timer.h>
#include <banos/x_tty.h>

#define EINVAL 22

#define ROOM	 16
#define DELAY_NS 1000000u

static Banos_Driver *self;
static Banos_X_Tty *tty;
static Banos_Timer *timer;
static Banos_Text_Node *node;
static uint8_t on_line[ROOM];  /* [port] */
static uint32_t on_line_count; /* [port] */
static uint32_t asked;	       /* [port] */
static uint32_t receiving;     /* [port] */
static uint32_t closing;       /* [port] what is sent is lost, the timer stays as it is */
static uint32_t held;	       /* [port] nothing goes over the line */
static uint32_t waits;	       /* a line that waits: by whoever writes to the node */
static uint64_t carried;       /* by the timer alone, or [port] */

static uint64_t loop_tx(void *ctx, const uint8_t *bytes, uint64_t length)
{
	uint64_t done = 0;

	(void)ctx;
	if (closing)
		return length;
	while (done < length && on_line_count < ROOM)
		on_line[on_line_count++] = bytes[done++];
	if (on_line_count && !held)
		banos_timer_arm(timer, banos_time_mono_ns() + DELAY_NS, 0, 0);
	return done;
}

/* What is on the line, to the kernel when it has room. There is room on the line then. */
static uint64_t loop_rx(void *ctx, uint8_t *bytes, uint64_t length)
{
	uint32_t count = on_line_count < length ? on_line_count : (uint32_t)length;

	(void)ctx;
	if (held || closing)
		return 0;
	__builtin_memcpy(bytes, on_line, count);
	__builtin_memmove(on_line, on_line + count, on_line_count - count);
	on_line_count -= count;
	carried += count;
	if (count)
		banos_timer_arm(timer, banos_time_mono_ns() + DELAY_NS, 0, 0);
	return count;
}

static void loop_tx_ask(void *ctx, uint32_t on)
{
	(void)ctx;
	asked = on;
}

static uint32_t loop_tx_idle(void *ctx)
{
	(void)ctx;
	return on_line_count == 0;
}

static void loop_receive(void *ctx, uint32_t on)
{
	(void)ctx;
	receiving = on;
}

/* It can do two speeds, and one format. */
static void loop_set_line(void *ctx, Banos_X_Tty_Line *line)
{
	(void)ctx;
	if (line->speed)
		line->speed = line->speed < 10000 ? 9600 : 38400;
	line->data_bits = 8;
	line->stop_bits = 1;
	line->parity = BANOS_X_TTY_PARITY_NONE;
}

static const Banos_X_Tty_Ops tty_ops = {
	.size = sizeof(tty_ops),
	.receive = loop_receive,
	.tx = loop_tx,
	.tx_ask = loop_tx_ask,
	.tx_idle = loop_tx_idle,
	.set_line = loop_set_line,
	.rx = loop_rx,
};

/* Of a line that waits. It has become empty, or has something. */
static void offer(void)
{
	banos_x_tty_rx_ready(tty);
	banos_x_tty_tx_ready(tty);
}

static void deliver(void *ctx)
{
	uint8_t bytes[ROOM];
	uint32_t count, heard, ask;
	uint64_t token;

	(void)ctx;
	if (waits) {
		offer();
		return;
	}
	token = banos_x_tty_lock(tty);
	count = on_line_count;
	__builtin_memcpy(bytes, on_line, count);
	on_line_count = 0;
	heard = receiving;
	ask = asked;
	banos_x_tty_unlock(tty, token);
	carried += count;
	if (heard && count)
		banos_x_tty_rx(tty, bytes, NULL, count);
	if (ask)
		banos_x_tty_tx_ready(tty);
}

static int32_t connect(void)
{
	const Banos_X_Tty_Desc desc = {.size = sizeof(desc),
				       .flags = waits ? BANOS_X_TTY_TELLS_IDLE : 0,
				       .name = "ttyL0",
				       .major = 204,
				       .minor = 9,
				       .mode = 0666};
	int32_t result = banos_x_tty_register(self, &desc, &tty_ops, NULL, &tty);

	return result < 0 ? result : 0;
}

/* The timer first: it uses the terminal. What is on the line is lost. */
static void disconnect(void)
{
	uint64_t token = banos_x_tty_lock(tty);

	closing = 1;
	banos_x_tty_unlock(tty, token);
	banos_timer_cancel_sync(timer);
	banos_x_tty_unregister(tty);
	tty = NULL;
	on_line_count = 0;
	closing = held = 0;
}

static void hold(uint32_t on)
{
	uint64_t token = banos_x_tty_lock(tty);

	held = on;
	if (!on)
		banos_timer_arm(timer, banos_time_mono_ns() + DELAY_NS, 0, 0);
	banos_x_tty_unlock(tty, token);
}

/* "window 33 101\n" */
static int32_t resize(const char *text)
{
	uint32_t numbers[2] = {0, 0};

	for (uint32_t i = 0; i < 2; i++) {
		if (*text++ != ' ' || *text < '0' || *text > '9')
			return -EINVAL;
		while (*text >= '0' && *text <= '9')
			numbers[i] = numbers[i] * 10 + (uint32_t)(*text++ - '0');
	}
	banos_x_tty_set_size(tty, numbers[0], numbers[1]);
	return 0;
}

/* What follows the word; NULL: it is another. */
static const char *after(const char *text, const char *word)
{
	while (*word && *text == *word) {
		text++;
		word++;
	}
	return *word ? NULL : text;
}

/* The word, and the end of the line. */
static int is(const char *text, const char *word)
{
	const char *rest = after(text, word);

	return rest && rest[0] == '\n' && !rest[1];
}

static int64_t store(void *ctx, const char *text, uint64_t length)
{
	static const uint8_t byte = 'x';
	uint8_t status = BANOS_X_TTY_BREAK;
	int32_t result = 0;

	(void)ctx;
	if (is(text, "unregister") && tty)
		disconnect();
	else if (is(text, "register") && !tty)
		result = connect();
	else if (is(text, "wait") && !tty)
		waits = 1;
	else if ((is(text, "hold") || is(text, "go")) && tty)
		hold(text[0] == 'h');
	else if (after(text, "window") && tty)
		result = resize(after(text, "window"));
	else if (is(text, "break") && tty)
		banos_x_tty_rx(tty, &byte, &status, 1);
	else if (is(text, "error") && tty)
		status = BANOS_X_TTY_ERROR, banos_x_tty_rx(tty, &byte, &status, 1);
	else
		return -EINVAL;
	return result ? result : (int64_t)length;
}

static void show(void *ctx, Banos_Text *text)
{
	char line[64];
	uint64_t n = banos_format(line, sizeof(line), "%s, %lu bytes\n",
				  !tty	      ? "no line"
				  : receiving ? "receiving"
					      : "not receiving",
				  (unsigned long)carried);

	(void)ctx;
	banos_text_write(text, line, n);
}

static const Banos_Text_Ops text_ops = {.size = sizeof(text_ops), .show = show, .store = store};

static int stop(Banos_Driver *driver)
{
	(void)driver;
	banos_text_unregister(node);
	if (tty)
		disconnect();
	banos_timer_destroy(timer);
	return 0;
}

static int start(Banos_Driver *driver)
{
	const Banos_Text_Desc desc = {.size = sizeof(desc), .name = "loopline"};
	int32_t result;

	self = driver;
	result = banos_timer_create(driver, deliver, NULL, BANOS_TIMER_INTERRUPT, &timer);
	if (!result)
		result = connect();
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
	.description = "a terminal that hears what it says, for tests",
};

BANOS_DRIVER_API static Banos_Driver driver = {
	.driver_size = sizeof(Banos_Driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 10, 0),
	.name = "loopline",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = start,
	.uninit = stop,
};
