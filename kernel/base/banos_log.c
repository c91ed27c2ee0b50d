/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver ABI's way into the log: <banos/print.h> and <banos/log.h>. */
#include <banos/export.h>
#include <banos/log.h>
#include <banos/print.h>
#include <base/log.h>
#include <lib/errno.h>
#include <lib/string.h>

#define LINE_MAX 500 /* what a record of the log holds */

BUILD_ASSERT(BANOS_LOG_ERROR == LOG_ERROR && BANOS_LOG_DEBUG == LOG_DEBUG, "the same levels");

/* One line, cut; what is not text becomes '?'. */
static void log_line(uint32_t level, const char *text, size_t n)
{
	char line[LINE_MAX + 1];

	n = min(n, (size_t)LINE_MAX);
	for (size_t i = 0; i < n; i++)
		line[i] = (uint8_t)text[i] < 0x20 && text[i] != '\t' ? '?' : text[i];
	line[n] = '\0';
	log_printf(level, "%s", line);
}

int32_t banos_log(uint32_t level, const char *text, uint32_t length)
{
	if (level < BANOS_LOG_ERROR || level > BANOS_LOG_DEBUG)
		return -EINVAL;
	do {
		const char *end = memchr(text, '\n', length);
		uint32_t n = end ? (uint32_t)(end - text) : length;

		log_line(level, text, n);
		n += end != NULL;
		text += n;
		length -= n;
	} while (length);
	return 0;
}
BANOS_EXPORT(banos_log);

void banos_dprintln(const char *text)
{
	if (text)
		banos_log(BANOS_LOG_INFO, text, strnlen(text, LINE_MAX));
}
BANOS_EXPORT(banos_dprintln);
