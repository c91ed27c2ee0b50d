/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and strings. The C names have their C meaning. Context of all: any. */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stddef.h>
#include <stdbool.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);

#ifndef memcpy /* the host's tests have other names */
/* Freestanding, the compiler takes these names for any function's; told what they are, it does a
 * small constant size better than a call. */
#define memcpy(dst, src, n)  __builtin_memcpy(dst, src, n)
#define memset(dst, byte, n) __builtin_memset(dst, byte, n)
#define memcmp(a, b, n)	     __builtin_memcmp(a, b, n)
#endif

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t limit);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t limit);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);

/*
 * Copy or append, always leaving a terminated string when size > 0. Returns: the length the
 * result would have without the limit; >= size means that it was cut.
 */
size_t strlcpy(char *dst, const char *src, size_t size);
size_t strlcat(char *dst, const char *src, size_t size);

/* Returns: true when `s` begins with `prefix`. */
bool str_starts(const char *s, const char *prefix);

/*
 * The whole of `s` against a pattern of `*` (any run, also empty, also with slashes), `?` (one
 * character) and plain characters. Time is at most length(pattern) * length(s).
 */
bool glob_match(const char *pattern, const char *s);

#endif
