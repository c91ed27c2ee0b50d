/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, for drivers: part of the SDK, not of the kernel. banos-cc links the code into the
 * driver that uses it, so no argument list ever crosses the ABI, and what it understands is what
 * this SDK understands, on every kernel.
 *
 * Conversions: d i u x X o c s p and %%; flags - 0 + space #; width and precision, also as *; sizes
 * hh h l ll z j t. Others, floating point above all, are written as they stand.
 */
#ifndef BANOS_FORMAT_H
#define BANOS_FORMAT_H

#include <banos/log.h>
#include <stdarg.h>

#define BANOS_FORMAT_CHECK(format, first) __attribute__((__format__(__printf__, format, first)))

BANOS_API_BEGIN

/*
 * Write text of at most size - 1 bytes and a terminator; with size 0 nothing is written. Returns
 * the length that the whole text has, so what is below `size` was complete. Context: any.
 * Since 0.9, of the SDK: every kernel will do.
 */
uint64_t banos_format_v(char *buf, uint64_t size, const char *format, va_list arguments)
	BANOS_FORMAT_CHECK(3, 0);
uint64_t banos_format(char *buf, uint64_t size, const char *format, ...) BANOS_FORMAT_CHECK(3, 4);

/*
 * A line of the kernel log; what is beyond 255 bytes is cut. 0, or -EINVAL for an unknown level.
 * Context: any. Since 0.9, of the SDK: every kernel will do.
 */
int32_t banos_log_format(uint32_t level, const char *format, ...) BANOS_FORMAT_CHECK(2, 3);

BANOS_API_END

#endif
