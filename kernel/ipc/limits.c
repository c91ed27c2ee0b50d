/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits.h"

#include <arch/page.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <mem/frame.h>

typedef unsigned long long ull;

/* --- files with numbers ------------------------------------------------------------------- */

static size_t count_of(const struct ipc_limit *l)
{
	size_t n = 0;

	while (n < ARRAY_SIZE(l->values) && l->values[n])
		n++;
	return n;
}

static void show_limit(struct stats_node *node, struct text *out)
{
	struct ipc_limit *l = container_of(node, struct ipc_limit, node);
	size_t n = count_of(l);

	for (size_t i = 0; i < n; i++)
		text_printf(out, "%llu%s", (ull)ipc_limit_read(l->values[i]),
			    i + 1 < n ? "\t" : "\n");
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The number at *at, which moves behind it. False: there is none, or it is too large. */
static bool parse(const char **at, const char *end, uint64_t *out)
{
	const char *s = *at;
	uint64_t v = 0;

	while (s < end && is_space(*s))
		s++;
	if (s == end || *s < '0' || *s > '9')
		return false;
	for (; s < end && *s >= '0' && *s <= '9'; s++)
		if (mul_overflow(v, (uint64_t)10, &v) || add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	*out = v;
	*at = s;
	return s == end || is_space(*s) || !*s;
}

/* As many numbers as are given, the first ones; all are checked before one is stored. */
static ssize_t store_limit(struct stats_node *node, const char *text, size_t len)
{
	struct ipc_limit *l = container_of(node, struct ipc_limit, node);
	const char *at = text, *end = text + len;
	uint64_t v[ARRAY_SIZE(l->values)];
	size_t n = count_of(l), given = 0;

	while (given < n) {
		while (at < end && is_space(*at))
			at++;
		if (at == end || !*at)
			break;
		if (!parse(&at, end, &v[given]))
			return -EINVAL;
		if (given + 1 == n ? v[given] < l->low || v[given] > l->high : v[given] > INT32_MAX)
			return given ? -ERANGE : -EINVAL;
		given++;
	}
	if (!given)
		return -EINVAL;
	for (size_t i = 0; i < given; i++)
		__atomic_store_n(l->values[i], v[i], __ATOMIC_RELAXED);
	return (ssize_t)len;
}

void ipc_limits_add(struct ipc_limit *l, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		l[i].node.show = show_limit;
		l[i].node.store = store_limit;
		l[i].node.mode = 0644;
		stats_add(&l[i].node);
	}
}

/* --- memory ------------------------------------------------------------------------------- */

/*
 * The limits in /proc/sys allow more than a small machine has, and nobody's end would give this
 * memory back: so there is another one, a quarter of the machine.
 */
#define SHARE_OF_MEMORY 4

static uint64_t memory_max;   /* [I] */
static uint64_t memory_taken; /* [a] */

void ipc_memory_init(void)
{
	struct frame_stats frames;

	frame_stats(&frames);
	memory_max = frames.total / SHARE_OF_MEMORY * PAGE_SIZE;
}

bool ipc_memory_take(uint64_t bytes)
{
	uint64_t now = __atomic_load_n(&memory_taken, __ATOMIC_RELAXED);

	do {
		if (bytes > memory_max || now > memory_max - bytes)
			return false;
	} while (!__atomic_compare_exchange_n(&memory_taken, &now, now + bytes, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void ipc_memory_give(uint64_t bytes)
{
	__atomic_fetch_sub(&memory_taken, bytes, __ATOMIC_RELAXED);
}
