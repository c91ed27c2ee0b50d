/* SPDX-License-Identifier: MIT */
/* A formatted line of the log: <banos/format.h>. */
#include <banos/format.h>

int32_t banos_log_format(uint32_t level, const char *format, ...)
{
	char line[256];
	va_list arguments;
	uint64_t n;

	va_start(arguments, format);
	n = banos_format_v(line, sizeof(line), format, arguments);
	va_end(arguments);
	return banos_log(level, line, (uint32_t)(n < sizeof(line) ? n : sizeof(line) - 1));
}
