/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers to text and back. */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <lib/compiler.h>

/*
 * snprintf without floating point: flags - 0 + space #, width and precision (also *), lengths
 * hh h l ll z j t, conversions d i u x X o c s p %. %p prints 0x and 16 digits; %s of NULL prints
 * (null). An unknown conversion is printed as it stands and takes no argument.
 * Context: any. Returns: the length that the whole text has; the text was cut if that is >= size.
 * The result is terminated when size > 0.
 */
int format(char *buf, size_t size, const char *fmt, ...) __printf_like(3, 4);
int format_v(char *buf, size_t size, const char *fmt, va_list ap) __printf_like(3, 0);

/*
 * The whole of `s` as an unsigned number. base is 2 to 16, or 0 for decimal, 0x hexadecimal and
 * leading-0 octal; with base 16 a leading 0x is accepted too. No sign, no white space.
 * Context: any. Returns: 0; -EINVAL if `s` is not a number; -ERANGE if it does not fit. *out is
 * written only on success.
 */
int parse_u64(const char *s, unsigned base, uint64_t *out);

#endif
