/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline: what is typed, what a reader gets, and what the screen shows.
 *
 * HOST-LINK: kernel/tty/ldisc.c
 */
#include "test.h"
#include <signal.h>
#include <lib/string.h>
#include <tty/ldisc.h>

static struct ldisc l;
static struct tty_settings set;
static struct ldisc_events ev;
static char shown[65536]; /* everything that was echoed, as it goes over the line */
static size_t shown_len;
static unsigned column;
static int flushes, stops, starts;
static uint8_t sent_now[16];
static size_t sent_count;

static void put(uint8_t c)
{
	uint8_t out[LDISC_OUTPUT_MAX];
	unsigned n = ldisc_output(&l.settings, &column, c, out);

	for (unsigned i = 0; i < n && shown_len < sizeof(shown) - 1; i++)
		shown[shown_len++] = out[i];
	shown[shown_len] = '\0';
}

static void op_echo(void *ctx, uint8_t c)
{
	CHECK(ctx == &l);
	put(c);
}
static unsigned op_column(void *ctx)
{
	return column;
}
static void op_flush(void *ctx)
{
	flushes++;
}
static void op_flow(void *ctx, bool stop)
{
	stops += stop;
	starts += !stop;
}
static void op_send(void *ctx, uint8_t c)
{
	sent_now[sent_count++ % sizeof(sent_now)] = c;
}

static const struct ldisc_ops ops = {op_echo, op_column, op_flush, op_flow, op_send};

static void fresh(void)
{
	ldisc_init(&l, &ops, &l);
	set = l.settings;
	memset(&ev, 0, sizeof(ev));
	shown_len = 0;
	shown[0] = '\0';
	column = 0;
	flushes = stops = starts = 0;
	sent_count = 0;
}

static void apply(void)
{
	ldisc_set(&l, &set);
}

static void type(const char *text)
{
	while (*text)
		ldisc_receive(&l, *text++, LDISC_OK, &ev);
}

/* Read up to n bytes and compare; -1: end of file is expected. */
static void expect_read(size_t n, const char *expected)
{
	uint8_t buf[8192];
	bool end;
	size_t got = ldisc_read(&l, buf, n, &end);

	buf[got] = '\0';
	CHECK_STR((char *)buf, expected);
}

static void expect_eof(void)
{
	uint8_t buf[8];
	bool end;

	CHECK_EQ(ldisc_read(&l, buf, sizeof(buf), &end), 0);
	CHECK(end);
}

/* Type a line in a fresh terminal: what is read, and what was echoed. */
static void line(const char *typed, const char *read, const char *echo)
{
	type(typed);
	expect_read(4096, read);
	CHECK_STR(shown, echo);
	shown_len = 0;
	shown[0] = '\0';
	CHECK(!ldisc_readable(&l, 0));
}

static void canonical_lines(void)
{
	fresh();
	type("ab");
	CHECK(!ldisc_readable(&l, 1) && !ev.readable);
	expect_read(10, "");
	type("c\r");
	CHECK(ldisc_readable(&l, 1) && ev.readable);
	type("second\nthi");
	CHECK_EQ(ldisc_available(&l), 11);
	expect_read(2, "ab");
	expect_read(100, "c\n");
	expect_read(100, "second\n");
	expect_read(100, "");
	CHECK_STR(shown, "abc\r\nsecond\r\nthi");

	fresh();
	type("abc\x04");
	expect_read(3, "abc"); /* the mark goes with it */
	CHECK(!ldisc_readable(&l, 1));
	type("abc\x04");
	CHECK_EQ(ldisc_available(&l), 3);
	expect_read(2, "ab");
	expect_read(2, "c");
	CHECK(!ldisc_readable(&l, 1));
	type("\x04");
	CHECK(ldisc_readable(&l, 1));
	expect_eof();
	type("\x04\x04x\n");
	expect_eof();
	expect_eof();
	expect_read(10, "x\n");

	fresh();
	set.cc[VEOL] = ';';
	set.cc[VEOL2] = '.';
	apply();
	type("a;b.c\n");
	expect_read(10, "a;");
	expect_read(10, "b.");
	expect_read(10, "c\n");
}

static void erasing(void)
{
	fresh();
	line("abc\x7f\x7fx\n", "ax\n", "abc\b \b\b \bx\r\n");
	line("\x7f\x7f\n", "\n", "\r\n");
	line("a\x01\x7f\n", "a\n", "a^A\b \b\b \b\r\n");
	line("ab\tc\x7f\x7f\n", "ab\n", "ab\tc\b \b\b\b\b\b\b\b\r\n");
	/* UTF-8: two bytes, one column. */
	line("x\xc3\xa9\x7f\n", "x\n", "x\xc3\xa9\b \b\r\n");
	line("\xe2\x82\xac\x7f\x7f\x7f\n", "\n", "\xe2\x82\xac\b \b\r\n");
	/* A line that begins with a continuation byte, which never was a character. */
	line("\x82\x82\x7f\n", "\x82\x82\n", "\x82\x82\r\n");
	set.iflag &= ~IUTF8;
	apply();
	line("x\xc3\xa9\x7f\n", "x\xc3\n", "x\xc3\xa9\b \b\r\n");

	fresh();
	line("one two\x17three\n", "one three\n", "one two\b \b\b \b\b \bthree\r\n");
	line("one   \x17\n", "\n", "one   \b \b\b \b\b \b\b \b\b \b\b \b\r\n");
	line("a.b\x17\x17\n", "\n", "a.b\b \b\b \b\b \b\r\n");
	line("abc\x15x\n", "x\n", "abc\b \b\b \b\b \bx\r\n");
	set.lflag &= ~ECHOKE;
	apply();
	line("abc\x15x\n", "x\n", "abc^U\r\nx\r\n");
	set.lflag &= ~ECHOK;
	apply();
	line("abc\x15x\n", "x\n", "abc^Ux\r\n");
	set.lflag &= ~ECHOE;
	apply();
	line("abc\x7fx\n", "abx\n", "abc^?x\r\n");
	set.lflag &= ~ECHO;
	apply();
	line("abc\x7fx\x15y\n", "y\n", "");
	set.lflag |= ECHONL;
	apply();
	line("abc\n", "abc\n", "\r\n");

	/* Behind a prompt, a tab is shorter. */
	fresh();
	put('$');
	put(' ');
	line("\t\x7f\n", "\n", "$ \t\b\b\b\b\b\b\r\n");
}

static void literal_and_reprint(void)
{
	fresh();
	line("a\x16\x7f\x16\x03\x16\n\n", "a\x7f\x03\n\n", "a^\b^?^\b^C^\b^J\r\n");
	CHECK_EQ(ev.signals, 0);
	expect_read(10, "");
	fresh();
	type("a\x16\n\n");
	CHECK_EQ(ldisc_available(&l), 3);
	expect_read(10, "a\n\n"); /* the first one ends no line */
	fresh();
	line("ab\x01\x12z\n", "ab\x01z\n", "ab^A^R\r\nab^Az\r\n");
	set.lflag &= ~IEXTEN;
	apply();
	line("a\x16\x17\n", "a\x16\x17\n", "a^V^W\r\n");
}

static void input_mapping(void)
{
	fresh();
	set.iflag |= IGNCR;
	apply();
	line("a\rb\n", "ab\n", "ab\r\n");
	set.iflag = INLCR;
	set.cc[VEOL] = '\r';
	apply();
	line("a\n", "a\r", "a^M");
	fresh();
	set.iflag |= ISTRIP;
	apply();
	line("\xe1\xe2\n", "ab\n", "ab\r\n");
}

static void output_mapping(void)
{
	fresh();
	column = 0;
	for (const char *s = "a\tb\n\r\tc\bd"; *s; s++)
		put(*s);
	CHECK_STR(shown, "a\tb\r\n\r\tc\bd");
	CHECK_EQ(column, 9);
	fresh();
	set.oflag |= XTABS | ONOCR;
	apply();
	for (const char *s = "a\tb\n\r\tc"; *s; s++)
		put(*s);
	CHECK_STR(shown, "a       b\r\n        c");
	fresh();
	set.oflag = OPOST | OCRNL;
	apply();
	for (const char *s = "a\rb\n"; *s; s++)
		put(*s);
	CHECK_STR(shown, "a\nb\n");
	CHECK_EQ(column, 2);
	set.oflag = OPOST | ONLRET;
	apply();
	put('\n');
	CHECK_EQ(column, 0);
	fresh();
	set.oflag = 0;
	apply();
	for (const char *s = "a\tb\r\n"; *s; s++)
		put(*s);
	CHECK_STR(shown, "a\tb\r\n");
}

static void signals(void)
{
	fresh();
	type("abc\x03");
	CHECK_EQ(ev.signals, 1u << SIGINT);
	CHECK_EQ(flushes, 1);
	CHECK_STR(shown, "abc^C");
	type("\n");
	expect_read(10, "\n");
	type("\x1c\x1a");
	CHECK_EQ(ev.signals, 1u << SIGINT | 1u << SIGQUIT | 1u << SIGTSTP);

	fresh();
	set.lflag |= NOFLSH;
	apply();
	type("abc\x03\n");
	CHECK_EQ(ev.signals, 1u << SIGINT);
	CHECK_EQ(flushes, 0);
	expect_read(10, "abc\n");

	fresh();
	set.lflag &= ~ISIG;
	apply();
	line("\x03\n", "\x03\n", "^C\r\n");
	CHECK_EQ(ev.signals, 0);

	/* Also in raw mode; a disabled character never matches. */
	fresh();
	set.lflag &= ~ICANON;
	set.cc[VQUIT] = 0;
	apply();
	ldisc_receive(&l, 0, LDISC_OK, &ev);
	CHECK_EQ(ev.signals, 0);
	CHECK_EQ(ldisc_available(&l), 1);
	type("\x03");
	CHECK_EQ(ev.signals, 1u << SIGINT);
	CHECK_EQ(ldisc_available(&l), 0);
}

static void flow_control(void)
{
	fresh();
	type("\x13");
	CHECK(l.stopped && stops == 1 && starts == 0);
	type("a");
	CHECK(l.stopped);
	type("\x11");
	CHECK(!l.stopped && starts == 1);
	set.iflag |= IXANY;
	apply();
	type("\x13z");
	CHECK(!l.stopped && starts == 2);
	expect_read(10, "");
	type("\n");
	expect_read(10, "az\n");
	type("\x13\x03");
	CHECK(!l.stopped && starts == 3);
	type("\x13");
	set.iflag &= ~IXON;
	apply();
	CHECK(!l.stopped && starts == 4);
	type("\x13\n");
	expect_read(10, "\x13\n");

	/* IXOFF: the other side is asked to stop, and to go on. */
	fresh();
	set.iflag |= IXOFF;
	set.lflag &= ~ICANON;
	apply();
	for (unsigned i = 0; i < 3500; i++)
		type("x");
	CHECK_EQ(sent_count, 1);
	CHECK_EQ(sent_now[0], set.cc[VSTOP]);
	for (unsigned i = 0; i < 35; i++) {
		uint8_t buf[100];
		bool end;

		CHECK_EQ(ldisc_read(&l, buf, 100, &end), 100);
	}
	CHECK_EQ(sent_count, 2);
	CHECK_EQ(sent_now[1], set.cc[VSTART]);
}

static void full(void)
{
	fresh();
	for (unsigned i = 0; i < 10000; i++)
		type("x");
	CHECK_EQ(ldisc_available(&l), 0);
	type("\n");
	CHECK_EQ(ldisc_available(&l), 4096);
	type("y\n");
	CHECK_EQ(ldisc_available(&l), 4096); /* no room even for the newline */
	expect_read(4095, memset((char[4096]){0}, 'x', 4095));
	expect_read(10, "\n");
	CHECK(!ldisc_readable(&l, 0));
	type("ok\n");
	expect_read(10, "ok\n");

	fresh();
	set.iflag |= IMAXBEL;
	apply();
	for (unsigned i = 0; i < 4096; i++)
		type("x");
	CHECK_EQ(shown[shown_len - 1], 'x'); /* no bell, as on Linux */
	type("\x15");
	type("a\n");
	expect_read(10, "a\n");

	fresh();
	set.lflag = 0;
	apply();
	for (unsigned i = 0; i < 5000; i++)
		type("x");
	CHECK_EQ(ldisc_available(&l), 4096);
}

static void raw(void)
{
	fresh();
	set.lflag &= ~(ICANON | ECHO | ISIG);
	set.iflag &= ~(ICRNL | IXON);
	apply();
	type("a\r\x04\x7f\x03\x13");
	CHECK(ev.readable);
	CHECK(ldisc_readable(&l, 6) && !ldisc_readable(&l, 7));
	expect_read(4, "a\r\x04\x7f");
	expect_read(10, "\x03\x13");
	CHECK(!ldisc_readable(&l, 0));
	CHECK_STR(shown, "");
}

static void switching(void)
{
	fresh();
	type("line\nend\x04part");
	set.lflag &= ~ICANON;
	apply();
	CHECK_EQ(ldisc_available(&l), 13);
	expect_read(9, "line\nend"); /* and a NUL for VEOF, as on Linux */
	expect_read(100, "part");
	type("typed");
	set.lflag |= ICANON;
	apply();
	CHECK(ldisc_readable(&l, 0));
	type("more\n");
	expect_read(100, "typed");
	expect_read(100, "more\n");
	set.lflag &= ~ICANON;
	apply();
	set.lflag |= ICANON;
	apply();
	CHECK(!ldisc_readable(&l, 0));
}

static void line_errors(void)
{
	fresh();
	set.lflag &= ~ICANON;
	set.iflag &= ~(BRKINT | IGNBRK | PARMRK);
	apply();
	ldisc_receive(&l, 'x', LDISC_BREAK, &ev);
	CHECK_EQ(ldisc_available(&l), 1);
	set.iflag |= PARMRK | INPCK;
	apply();
	ldisc_receive(&l, 'x', LDISC_BREAK, &ev);
	CHECK_EQ(ldisc_available(&l), 4);
	ldisc_receive(&l, 'y', LDISC_PARITY, &ev);
	ldisc_receive(&l, 0xff, LDISC_OK, &ev);
	uint8_t buf[16];
	bool end;
	static const uint8_t expected[] = {0, 0xff, 0, 0, 0xff, 0, 'y', 0xff, 0xff};

	CHECK_EQ(ldisc_read(&l, buf, 16, &end), sizeof(expected));
	CHECK(memcmp(buf, expected, sizeof(expected)) == 0);
	set.iflag |= IGNPAR | BRKINT;
	apply();
	ldisc_receive(&l, 'y', LDISC_PARITY, &ev);
	CHECK_EQ(ldisc_available(&l), 0);
	ldisc_receive(&l, 0, LDISC_BREAK, &ev);
	CHECK_EQ(ev.signals, 1u << SIGINT);
	set.iflag |= IGNBRK;
	apply();
	ev.signals = 0;
	ldisc_receive(&l, 0, LDISC_BREAK, &ev);
	CHECK_EQ(ev.signals, 0);
}

/* Anything, in any mode: the counters keep their order, and what was put in comes out. */
static void random_input(void)
{
	uint8_t buf[700];
	bool end;

	fresh();
	for (unsigned i = 0; i < 2000000; i++) {
		unsigned what = test_random() % 1000;

		shown_len = 0;
		if (what == 0) {
			set.iflag = test_random() & 077777;
			set.oflag = test_random() & 0177777;
			set.lflag = test_random() & 0177777;
			set.cc[test_random() % LDISC_CC_COUNT] = test_random();
			apply();
		} else if (what == 1) {
			ldisc_flush_input(&l);
		} else if (what < 10) {
			ldisc_read(&l, buf, test_random() % sizeof(buf), &end);
		} else {
			ldisc_receive(&l, test_random(),
				      test_random() % 50 ? LDISC_OK : test_random() % 4, &ev);
		}
		if (l.head - l.tail > LDISC_INPUT_SIZE ||
		    ((l.settings.lflag & ICANON) && l.line_head - l.tail > l.head - l.tail)) {
			CHECK(!"counters in order");
			return;
		}
	}
}

int main(void)
{
	RUN(canonical_lines);
	RUN(erasing);
	RUN(literal_and_reprint);
	RUN(input_mapping);
	RUN(output_mapping);
	RUN(signals);
	RUN(flow_control);
	RUN(full);
	RUN(raw);
	RUN(switching);
	RUN(line_errors);
	RUN(random_input);
	return test_finish();
}
