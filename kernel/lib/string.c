/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and strings for the kernel.
 *
 * The compiler itself calls memcpy, memmove, memset and memcmp, so these four must exist under
 * their C names and must not be compiled into calls to themselves: the Makefile gives this file
 * -fno-builtin and -fno-tree-loop-distribute-patterns, and leaves it out of the KASAN build,
 * whose checks would slow each byte down.
 *
 * Copies go in words of eight bytes at any alignment, which every x86-64 does at full speed.
 * `rep movsb` is faster on hardware that has ERMS, but under QEMU without hardware virtualisation,
 * where most of our tests run, it costs one step of the interpreter for each byte. The copies and
 * clears of whole pages, where the instruction is worth it, belong to arch.
 */
#include <lib/compiler.h>
#include <lib/string.h>

/* A word at any address that may alias anything. */
struct word {
	uint64_t value;
} __packed __attribute__((__may_alias__));

static inline uint64_t word_load(const unsigned char *p)
{
	return ((const struct word *)p)->value;
}

static inline void word_store(unsigned char *p, uint64_t value)
{
	((struct word *)p)->value = value;
}

void *(memcpy)(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	while (n >= 32) {
		uint64_t w0 = word_load(s), w1 = word_load(s + 8);
		uint64_t w2 = word_load(s + 16), w3 = word_load(s + 24);

		word_store(d, w0);
		word_store(d + 8, w1);
		word_store(d + 16, w2);
		word_store(d + 24, w3);
		d += 32;
		s += 32;
		n -= 32;
	}
	for (; n >= 8; d += 8, s += 8, n -= 8)
		word_store(d, word_load(s));
	while (n--)
		*d++ = *s++;
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	/*
	 * Forward is safe when dst is not inside [src, src + n): memcpy reads each of its chunks
	 * before it writes it, so it also serves dst < src.
	 */
	if ((uintptr_t)d - (uintptr_t)s >= n)
		return memcpy(dst, src, n);
	d += n;
	s += n;
	for (; n >= 8; n -= 8) {
		d -= 8;
		s -= 8;
		word_store(d, word_load(s));
	}
	while (n--)
		*--d = *--s;
	return dst;
}

void *(memset)(void *dst, int byte, size_t n)
{
	unsigned char *d = dst;
	uint64_t word = (unsigned char)byte * 0x0101010101010101ull;

	for (; n >= 32; d += 32, n -= 32) {
		word_store(d, word);
		word_store(d + 8, word);
		word_store(d + 16, word);
		word_store(d + 24, word);
	}
	for (; n >= 8; d += 8, n -= 8)
		word_store(d, word);
	while (n--)
		*d++ = (unsigned char)byte;
	return dst;
}

int(memcmp)(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n >= 8 && word_load(p) == word_load(q); n -= 8) {
		p += 8;
		q += 8;
	}
	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++)
		if (*p == (unsigned char)byte)
			return (void *)(uintptr_t)p;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t limit)
{
	size_t n = 0;

	while (n < limit && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (; limit; limit--, a++, b++) {
		if (*a != *b)
			return (unsigned char)*a - (unsigned char)*b;
		if (!*a)
			break;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return (char *)(uintptr_t)s;
		if (!*s)
			return NULL;
	}
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (!*s)
			return (char *)(uintptr_t)last;
	}
}

size_t strlcpy(char *dst, const char *src, size_t size)
{
	size_t length = strlen(src);

	if (size) {
		size_t n = min(length, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return length;
}

size_t strlcat(char *dst, const char *src, size_t size)
{
	size_t used = strnlen(dst, size);

	return used + strlcpy(dst + used, src, size - used);
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool glob_match(const char *pattern, const char *s)
{
	const char *star = NULL; /* behind the last '*' met */
	const char *resume = s;	 /* where that star's run ends in the current attempt */

	/*
	 * On a mismatch only the last star needs to take one more character: an earlier one can
	 * gain nothing that the last cannot. That keeps the time quadratic at worst, where the
	 * recursive form is exponential.
	 */
	while (*s) {
		if (*pattern == '*') {
			star = ++pattern;
			resume = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star;
			s = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
