/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel log: a ring of bytes holding records, each a small header and its text. The oldest
 * records make room for new ones. Readers name a record by its sequence number, so a slow reader
 * notices what it has missed.
 *
 * Lock: LOG over the ring. The console is written after the lock is dropped; a second lock-free
 * guard keeps one processor from printing inside its own print (an error logged by the console
 * code). While a panic prints, locks are not taken: their holders may have been stopped.
 */
#include "log.h"

#include "panic.h"
#include "spinlock.h"

#include <arch/cpu.h>
#include <arch/timer.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

#define RING_SIZE (128 * 1024)
#define LINE_MAX  512

struct record {
	nsec_t time;
	uint16_t len; /* of the text that follows */
	uint8_t level, pad[5];
};

static struct spinlock lock = SPINLOCK_INIT(LOCK_LOG);
static char ring[RING_SIZE];
/* [lock] Byte positions grow for ever; position % RING_SIZE is the place in the ring. */
static uint64_t head, tail;
static uint64_t first_seq, next_seq;
static int console_level = LOG_DEBUG;
static void (*console)(const char *text, size_t len);
static void (*hook)(void);

static void ring_put(uint64_t at, const void *from, size_t n)
{
	const char *f = from;

	for (size_t i = 0; i < n; i++)
		ring[(at + i) % RING_SIZE] = f[i];
}

static void ring_get(void *to, uint64_t at, size_t n)
{
	char *t = to;

	for (size_t i = 0; i < n; i++)
		t[i] = ring[(at + i) % RING_SIZE];
}

static void append(const struct record *r, const char *text)
{
	size_t need = sizeof(*r) + r->len;

	while (head + need - tail > RING_SIZE) {
		struct record old;

		ring_get(&old, tail, sizeof(old));
		tail += sizeof(old) + old.len;
		first_seq++;
	}
	ring_put(head, r, sizeof(*r));
	ring_put(head + sizeof(*r), text, r->len);
	head += need;
	next_seq++;
}

static void print(const struct record *r, const char *text)
{
	char line[LINE_MAX + 32];
	int n = format(line, sizeof(line), "[%5lu.%06lu] %.*s\n",
		       (unsigned long)(r->time / NSEC_PER_SEC),
		       (unsigned long)(r->time % NSEC_PER_SEC / 1000), (int)r->len, text);

	console(line, min((size_t)n, sizeof(line) - 1));
}

void log_vprintf(enum log_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX];
	struct record r = {.level = (uint8_t)level};
	bool quiet = panic_quiet();
	uint64_t irq = 0;
	int n = format_v(text, sizeof(text), fmt, ap);

	n = min(n, LINE_MAX - 1);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	r.len = (uint16_t)n;
	r.time = arch_clock_ns();
	if (!quiet)
		irq = spin_lock_irq(&lock);
	append(&r, text);
	if (!quiet)
		spin_unlock_irq(&lock, irq);
	if (console && (int)level <= console_level)
		print(&r, text);
	if (hook && !quiet)
		hook();
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vprintf(level, fmt, ap);
	va_end(ap);
}

int log_read(uint64_t *seq, char *buf, size_t size, enum log_level *level, nsec_t *time)
{
	uint64_t irq = spin_lock_irq(&lock), at = tail, s = first_seq;
	struct record r;
	int result = -EAGAIN;

	if (*seq < first_seq)
		*seq = first_seq;
	while (at < head) {
		ring_get(&r, at, sizeof(r));
		if (s == *seq) {
			ring_get(buf, at + sizeof(r), min(size, (size_t)r.len));
			if (level)
				*level = r.level;
			if (time)
				*time = r.time;
			*seq = s + 1;
			result = r.len;
			break;
		}
		at += sizeof(r) + r.len;
		s++;
	}
	spin_unlock_irq(&lock, irq);
	return result;
}

uint64_t log_first(void)
{
	return READ_ONCE(first_seq);
}

uint64_t log_next(void)
{
	return READ_ONCE(next_seq);
}

int log_set_console_level(int level)
{
	int was = console_level;

	WRITE_ONCE(console_level, level);
	return was;
}

void log_set_console(void (*write)(const char *text, size_t len))
{
	console = write;
}

void (*log_console(void))(const char *text, size_t len)
{
	return console;
}

void log_set_hook(void (*fn)(void))
{
	hook = fn;
}
