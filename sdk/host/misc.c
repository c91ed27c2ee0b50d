/* SPDX-License-Identifier: BSD-2-Clause */
/* The small parts of the core: <banos/log.h>, <banos/print.h>, <banos/time.h>, <banos/random.h>. */
#include "host.h"
#include "task.h"
#include <banos/log.h>
#include <banos/print.h>
#include <banos/random.h>
#include <banos/sync.h>
#include <banos/time.h>
#include <base/log.h>
#include <lib/errno.h>
#include <lib/string.h>

#define LINE_MAX   500
#define WALL_START 1700000000u /* seconds since 1970: the same in each run */

static void log_line(const char *text, size_t n)
{
	char line[LINE_MAX + 1];

	n = min(n, (size_t)LINE_MAX);
	for (size_t i = 0; i < n; i++)
		line[i] = (uint8_t)text[i] < 0x20 && text[i] != '\t' ? '?' : text[i];
	line[n] = '\0';
	log_printf(LOG_INFO, "%s", line);
}

/* A driver may report errors of its device: they are none of its own. */
int32_t banos_log(uint32_t level, const char *text, uint32_t length)
{
	if (level < BANOS_LOG_ERROR || level > BANOS_LOG_DEBUG)
		return -EINVAL;
	do {
		const char *end = memchr(text, '\n', length);
		uint32_t n = end ? (uint32_t)(end - text) : length;

		log_line(text, n);
		n += end != NULL;
		text += n;
		length -= n;
	} while (length);
	return 0;
}

void banos_dprintln(const char *text)
{
	if (text)
		banos_log(BANOS_LOG_INFO, text, (uint32_t)strnlen(text, LINE_MAX));
}

uint64_t banos_time_mono_ns(void)
{
	return task_now();
}

uint64_t banos_time_wall_ns(void)
{
	return WALL_START * NSEC_PER_SEC + task_now();
}

void banos_delay_ns(uint64_t ns)
{
	task_busy(min(ns, (uint64_t)BANOS_DELAY_MAX));
}

static bool never(const void *on)
{
	return false;
}

int32_t banos_sleep_ns(uint64_t ns, uint32_t flags)
{
	nsec_t deadline = ns >= NEVER - task_now() ? NEVER : task_now() + ns;
	int r;

	if (flags & ~BANOS_WAIT_INTERRUPTIBLE)
		return -EINVAL;
	r = task_wait(never, NULL, deadline, flags & BANOS_WAIT_INTERRUPTIBLE, "time to pass");
	return r == -ETIMEDOUT ? 0 : r;
}

/* The seed's, so that a run can be repeated. */
void banos_random(void *buffer, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		((uint8_t *)buffer)[i] = (uint8_t)task_random(256);
}

void banos_random_feed(const void *buffer, uint64_t size, uint64_t bits)
{
	static volatile uint8_t stirred;
	char where[WHERE_SIZE];

	/* All of it, so that the sanitizer sees what is not there. */
	for (uint64_t i = 0; i < size; i++)
		stirred ^= ((const uint8_t *)buffer)[i];
	if (bits > 8 * size)
		host_complain("%s: says that %llu bytes have %llu random bits",
			      images_where(api_caller(), where), (unsigned long long)size,
			      (unsigned long long)bits);
}
