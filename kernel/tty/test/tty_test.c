/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Terminals as files, on a port made of memory: what is sent is collected, what is "received"
 * comes from a timer, in interrupt context, as from hardware.
 */
#include <asm/ioctls.h>
#include <base/cred.h>
#include <base/ktest.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/fcntl.h>
#include <proc/signal.h>
#include <sched/clock.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <tty/tty.h>
#include <vfs/chardev.h>
#include <vfs/poll.h>

#define MS NSEC_PER_MSEC

static char sent[4096]; /* what went over the line */
static size_t sent_len;
static bool plugged = true; /* false: the line takes nothing */
static bool powered;
static unsigned rooms; /* times that the port was told of room for input */

static void port_input_room(struct tty *tty)
{
	rooms++;
}

static void port_start_tx(struct tty *tty)
{
	uint8_t bytes[16];
	size_t n;

	while (plugged && (n = tty_tx_peek(tty, bytes, sizeof(bytes))) != 0) {
		for (size_t i = 0; i < n; i++)
			sent[sent_len++ % (sizeof(sent) - 1)] = bytes[i];
		tty_tx_done(tty, n);
	}
}
static bool port_tx_idle(struct tty *tty)
{
	return true;
}
static void port_set_line(struct tty *tty, struct tty_settings *s)
{
}
static int port_power(struct tty *tty, bool on)
{
	powered = on;
	return 0;
}
static void port_set_break(struct tty *tty, bool on)
{
}
static unsigned port_get_modem(struct tty *tty)
{
	return 0;
}
static void port_set_modem(struct tty *tty, unsigned on, unsigned off)
{
}

static const struct tty_port_ops port_ops = {
	.input_room = port_input_room,
	.start_tx = port_start_tx,
	.tx_idle = port_tx_idle,
	.set_line = port_set_line,
	.power = port_power,
	.set_break = port_set_break,
	.get_modem = port_get_modem,
	.set_modem = port_set_modem,
};

static struct tty *tty;
static struct file file; /* as open(2) would make it */

/* The terminal and a file on it, in its first state. */
static void set_up(bool canonical, unsigned min_, unsigned time_)
{
	struct tty_settings s;
	const struct chardev *c;

	if (!tty) {
		ktest_check_eq(tty_create("test", &port_ops, NULL, &tty), 0);
		tty->number = 4 << 8 | 250;
		ktest_check_eq(
			chardev_register(tty->name, DEV_MAKE(4, 250), 0600, &tty_line_ops, tty), 0);
	}
	c = chardev_find(DEV_MAKE(4, 250));
	file = (struct file){.flags = O_RDWR | O_NOCTTY, .ops = c->ops, .priv = c->priv};
	file.cred = &cred_root;
	ktest_check_eq(file.ops->open(NULL, &file), 0);
	ktest_check(powered);
	tty_flush(tty, true, true);
	sent_len = 0;
	memset(sent, 0, sizeof(sent));
	tty_get_settings(tty, &s);
	s.lflag = canonical ? ICANON | ECHO | ECHOE | ISIG : 0;
	s.cc[VMIN] = min_;
	s.cc[VTIME] = time_;
	ktest_check_eq(tty_set_settings(tty, &s, TTY_NOW), 0);
}

static void tear_down(void)
{
	file.ops->release(&file);
	ktest_check(!powered);
}

static ssize_t read_file(char *buf, size_t n)
{
	struct iter it;
	off64_t pos = 0;

	iter_init_kernel(&it, buf, n);
	return file.ops->read(&file, &it, &pos);
}

static ssize_t write_file(const char *text)
{
	struct iter it;
	off64_t pos = 0;

	iter_init_kernel(&it, (void *)text, strlen(text));
	return file.ops->write(&file, &it, &pos);
}

static void type_now(const char *text)
{
	tty_input(tty, (const uint8_t *)text, NULL, strlen(text));
}

/* One character after the other, every `gap`, the first after one gap. */
static struct typist {
	struct timer timer;
	const char *text;
	nsec_t gap;
} typist;

static void type_one(struct timer *t)
{
	if (!*typist.text)
		return;
	tty_input(tty, (const uint8_t *)typist.text++, NULL, 1);
	if (*typist.text)
		timer_arm(t, clock_mono_ns() + typist.gap);
}

static void type_later(const char *text, nsec_t gap)
{
	typist.text = text;
	typist.gap = gap;
	timer_init(&typist.timer, type_one);
	timer_arm(&typist.timer, clock_mono_ns() + gap);
}

#define READ_IS(n, expected)                                                     \
	do {                                                                     \
		char buf_[64] = "";                                              \
		ktest_check_eq(read_file(buf_, (n)), (ssize_t)strlen(expected)); \
		ktest_check(strcmp(buf_, (expected)) == 0);                      \
	} while (0)

KTEST(canonical_read_sleeps_until_a_line)
{
	set_up(true, 1, 0);
	type_later("ab\x7fline\n", 5 * MS);
	READ_IS(60, "aline\n");
	ktest_check(strcmp(sent, "ab\b \bline\r\n") == 0);
	type_now("x\ny\n\x04");
	READ_IS(60, "x\n");
	READ_IS(60, "y\n");
	READ_IS(60, "");
	timer_cancel_sync(&typist.timer);
	tear_down();
}

KTEST(nonblocking_read_never_waits)
{
	char buf[8];

	set_up(true, 1, 0);
	file.flags |= O_NONBLOCK;
	ktest_check_eq(read_file(buf, 8), -EAGAIN);
	type_now("part");
	ktest_check_eq(read_file(buf, 8), -EAGAIN);
	type_now("\n");
	READ_IS(8, "part\n");
	tear_down();
	set_up(false, 5, 0);
	file.flags |= O_NONBLOCK;
	type_now("ab");
	READ_IS(8, "ab");
	ktest_check_eq(read_file(buf, 8), -EAGAIN);
	tear_down();
	set_up(false, 0, 0);
	file.flags |= O_NONBLOCK;
	ktest_check_eq(read_file(buf, 8), 0);
	tear_down();
}

KTEST(raw_min_time)
{
	nsec_t start, took;

	/* MIN 3: until three bytes are there. */
	set_up(false, 3, 0);
	type_later("abc", 10 * MS);
	READ_IS(60, "abc");
	timer_cancel_sync(&typist.timer);
	type_now("d");
	READ_IS(1, "d"); /* fewer asked for than MIN */
	tear_down();

	/* MIN 10, TIME 1: the pause ends it, and only after a first byte. */
	set_up(false, 10, 1);
	start = clock_mono_ns();
	type_later("abc", 500 * MS); /* far apart: a busy host must not blur it */
	READ_IS(60, "a");
	took = clock_mono_ns() - start;
	ktest_check(took >= 600 * MS && took < 1000 * MS);
	timer_cancel_sync(&typist.timer);
	tear_down();

	/* MIN 0, TIME 2: one byte or 200 ms. */
	set_up(false, 0, 2);
	start = clock_mono_ns();
	READ_IS(60, "");
	took = clock_mono_ns() - start;
	ktest_check(took >= 200 * MS && took < 600 * MS);
	type_later("xy", 150 * MS); /* the reader is there before the second one, however busy */
	READ_IS(60, "x");
	timer_cancel_sync(&typist.timer);
	tear_down();

	/* MIN 0, TIME 0: what there is. */
	set_up(false, 0, 0);
	READ_IS(60, "");
	type_now("now");
	READ_IS(60, "now");
	tear_down();
}

KTEST(output_stops_and_starts)
{
	static char long_text[20000];

	set_up(true, 1, 0);
	ktest_check_eq(write_file("one\n"), 4);
	ktest_check(strcmp(sent, "one\r\n") == 0);
	type_now("\x13"); /* ^S */
	ktest_check_eq(write_file("two\n"), 4);
	ktest_check(strcmp(sent, "one\r\n") == 0);
	ktest_check_eq(tty_output_pending(tty), 5);
	type_now("\x11");
	ktest_check(strcmp(sent, "one\r\ntwo\r\n") == 0);
	ktest_check_eq(tty_drain(tty), 0);

	/* More than the ring holds, and nobody takes it. */
	tty_flow(tty, TCOOFF);
	memset(long_text, 'x', sizeof(long_text) - 1);
	file.flags |= O_NONBLOCK;
	ktest_check(write_file(long_text) > 4000);
	ktest_check_eq(write_file(long_text), -EAGAIN);
	ktest_check_eq(file.ops->poll(&file, NULL) & (EPOLLOUT | EPOLLIN), 0);
	tty_flow(tty, TCOON);
	ktest_check(file.ops->poll(&file, NULL) & EPOLLOUT);
	ktest_check_eq(tty_output_pending(tty), 0);
	tear_down();
}

static void restart_later(struct timer *t)
{
	uint64_t flags;

	flags = spin_lock_irq(&tty->output_lock);
	plugged = true;
	port_start_tx(tty);
	spin_unlock_irq(&tty->output_lock, flags);
}

KTEST(writer_sleeps_until_there_is_room)
{
	static char long_text[12000];
	struct timer t;

	set_up(true, 1, 0);
	memset(long_text, 'x', sizeof(long_text) - 1);
	plugged = false;
	timer_init(&t, restart_later);
	timer_arm(&t, clock_mono_ns() + 30 * MS);
	ktest_check_eq(write_file(long_text), (ssize_t)sizeof(long_text) - 1);
	ktest_check(plugged);
	ktest_check_eq(tty_drain(tty), 0);
	ktest_check_eq(sent_len, sizeof(long_text) - 1);
	timer_cancel_sync(&t);
	tear_down();
}

static void hang_up(void *arg)
{
	thread_sleep_until(clock_mono_ns() + 30 * MS, WAIT_UNINTERRUPTIBLE);
	tty_hangup(tty);
}

KTEST(hangup_ends_sleeping_reads)
{
	char buf[8];

	set_up(true, 1, 0);
	ktest_check(kthread_create("hangup", hang_up, NULL) != NULL);
	ktest_check_eq(read_file(buf, 8), 0);
	ktest_check_eq(write_file("x"), -EIO);
	ktest_check(file.ops->poll(&file, NULL) & EPOLLHUP);
	ktest_check_eq(file.ops->ioctl(&file, TCGETS, 0), -EIO);
	tear_down();
	/* A file opened afterwards works. */
	set_up(true, 1, 0);
	type_now("back\n");
	READ_IS(60, "back\n");
	tear_down();
}

/* A line that waits with what there is no room for is told whenever there may be some. */
KTEST(port_is_told_of_room)
{
	rooms = 0;
	set_up(false, 1, 0);
	ktest_check(rooms > 0); /* the first open, besides the settings */
	type_now("abc");
	rooms = 0;
	READ_IS(2, "ab");
	ktest_check_eq(rooms, 1);
	tty_flush(tty, true, false);
	ktest_check_eq(rooms, 2);
	type_now("abc");
	tty_hangup(tty);
	ktest_check_eq(rooms, 3);
	tear_down();
}
