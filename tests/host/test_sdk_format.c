/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The SDK's formatting against the C library's, and the functions that compilers call.
 *
 * HOST-LINK: sdk/lib/format.c
 */
#include "test.h"
#include <banos/format.h>
#include <limits.h>
#include <string.h>

#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-truncation"
#pragma GCC diagnostic ignored "-Wformat-overflow"

/* The same text and the same length, also when it is cut. */
#define SAME(...)                                                                 \
	do {                                                                      \
		char ours[300], theirs[300];                                      \
		for (unsigned size_ = 0; size_ < 60; size_ += 1 + size_ / 8) {    \
			memset(ours, 'x', sizeof(ours));                          \
			memset(theirs, 'x', sizeof(theirs));                      \
			CHECK_EQ(banos_format(ours, size_, __VA_ARGS__),          \
				 snprintf(theirs, size_, __VA_ARGS__));           \
			CHECK(__builtin_memcmp(ours, theirs, sizeof(ours)) == 0); \
		}                                                                 \
		banos_format(ours, sizeof(ours), __VA_ARGS__);                    \
		snprintf(theirs, sizeof(theirs), __VA_ARGS__);                    \
		CHECK_STR(ours, theirs);                                          \
	} while (0)

static void numbers(void)
{
	static const long long values[] = {0,	    1,	     -1,       42,	  -42,	     255,
					   INT_MAX, INT_MIN, UINT_MAX, LLONG_MAX, LLONG_MIN, -128};

	for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		long long v = values[i];

		SAME("%d|%i|%u|%x|%X|%o", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v,
		     (unsigned)v);
		SAME("%lld|%llu|%llx|%#llx|%#llo", v, v, v, v, v);
		SAME("%hd|%hu|%hhd|%hhx", (int)v, (int)v, (int)v, (int)v);
		SAME("%zd|%zu|%jd|%td|%ld", (size_t)v, (size_t)v, v, v, v);
		SAME("%8lld|%-8lld|%08lld|%+lld|% lld|%.5lld|%10.5lld|%-10.5lld|%010.5lld", v, v, v,
		     v, v, v, v, v, v);
		SAME("%#8x|%#08x|%-#8x|%#.4x|%.0d|%+.0d", (int)v, (int)v, (int)v, (int)v, (int)v,
		     (int)v);
		SAME("%*d|%-*d|%.*d|%*d", 6, (int)v, 6, (int)v, 4, (int)v, -6, (int)v);
		SAME("%.*d", -1, (int)v);
	}
	SAME("%p", (void *)0x1234);
}

static void texts(void)
{
	SAME("plain %% text");
	SAME("%s|%10s|%-10s|%.2s|%.0s|%10.3s", "abcdef", "abc", "abc", "abc", "abc", "abcdef");
	SAME("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd');
	SAME("%.3s", "abc\0def");
}

/* What others leave open, or what we do not know. */
static void strange(void)
{
	char text[64];
	/* Not terminated: only as much as the precision allows is read. */
	char raw[3] = {'r', 'a', 'w'};

	CHECK_EQ(banos_format(text, sizeof(text), "%.3s", raw), 3);
	CHECK_STR(text, "raw");
	banos_format(text, sizeof(text), "%s", (char *)NULL);
	CHECK_STR(text, "(null)");
	banos_format(text, sizeof(text), "100%");
	CHECK_STR(text, "100%");
	banos_format(text, sizeof(text), "%f %k");
	CHECK_STR(text, "%f %k");
	banos_format(text, sizeof(text), "%5");
	CHECK_STR(text, "%5");
	CHECK_EQ(banos_format(NULL, 0, "%d", 12345), 5);
	CHECK(banos_format(text, sizeof(text), "%999999999d", 1) < 2000000);
}

int main(void)
{
	RUN(numbers);
	RUN(texts);
	RUN(strange);
	return test_finish();
}
