/* SPDX-License-Identifier: BSD-2-Clause */
/* format against the C library's snprintf, and parse_u64. */
#include "test.h"
#include <limits.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

/* Warnings are off for the deliberate oddities: "%05s", "% +d", "%.0d" of 0. */
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-overflow"
#pragma GCC diagnostic ignored "-Wformat-extra-args"

#define SAME(...)                                                      \
	do {                                                           \
		char ours[300], theirs[300];                           \
		int a = format(ours, sizeof(ours), __VA_ARGS__);       \
		int b = snprintf(theirs, sizeof(theirs), __VA_ARGS__); \
		CHECK_EQ(a, b);                                        \
		CHECK_STR(ours, theirs);                               \
	} while (0)

/* Every combination of flags, widths and precisions, with the values at the edges. */
static void integers(void)
{
	static const char *const flags[] = {"",	  "-",	"0",  "+",  " ", "#",
					    "-0", "0+", "#0", "-#", "0 "};
	static const char *const sizes[] = {"",	  "1",	"8",  "30",   ".",
					    ".0", ".1", ".5", "12.7", "3.9"};
	static const long values[] = {0, 1, -1, 7, 8, 255, INT_MAX, INT_MIN, LONG_MAX, LONG_MIN};
	static const char *const types[] = {"d", "i", "hd", "hhd", "ld", "lld", "zd", "jd", "td"};
	static const char *const unsigned_types[] = {"u",  "x",	 "X",  "o",   "hx", "hhu",
						     "lu", "lx", "lo", "llX", "zu"};

	for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			for (size_t v = 0; v < ARRAY_SIZE(values); v++) {
				char fmt[32];

				for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
					snprintf(fmt, sizeof(fmt), "<%%%s%s%s>", flags[f], sizes[s],
						 types[t]);
					SAME(fmt, values[v]);
				}
				for (size_t t = 0; t < ARRAY_SIZE(unsigned_types); t++) {
					if (flags[f][0] == '+' || strchr(flags[f], ' '))
						continue;
					snprintf(fmt, sizeof(fmt), "<%%%s%s%s>", flags[f], sizes[s],
						 unsigned_types[t]);
					SAME(fmt, values[v]);
				}
			}
		}
	}
}

static void text(void)
{
	SAME("plain %% text");
	SAME("%s|%10s|%-10s|%.2s|%.0s|%5.1s", "abc", "abc", "abc", "abc", "abc", "abc");
	SAME("%c|%5c|%-5c", 'x', 'y', 'z');
	SAME("%*d|%-*d|%*d|%.*d|%.*d", 6, 1, 6, 2, -6, 3, 4, 5, -1, 6);
	SAME("%.*s", 3, "abcdef");

	char buf[64];

	format(buf, sizeof(buf), "%s", (const char *)NULL);
	CHECK_STR(buf, "(null)");
	format(buf, sizeof(buf), "%p", (void *)0xffff800012345678);
	CHECK_STR(buf, "0xffff800012345678");
	format(buf, sizeof(buf), "%p", NULL);
	CHECK_STR(buf, "0x0000000000000000");
	format(buf, sizeof(buf), "a%yb");
	CHECK_STR(buf, "a%yb");
	format(buf, sizeof(buf), "a%");
	CHECK_STR(buf, "a%");
	/* Not terminated within the precision: must not be read further. */
	char *bare = malloc(3);

	memcpy(bare, "abc", 3);
	format(buf, sizeof(buf), "%.3s", bare);
	CHECK_STR(buf, "abc");
	free(bare);
}

static void limits(void)
{
	char buf[4] = "zzz";

	CHECK_EQ(format(buf, sizeof(buf), "12345"), 5);
	CHECK_STR(buf, "123");
	CHECK_EQ(format(buf, 1, "12345"), 5);
	CHECK_STR(buf, "");
	CHECK_EQ(format(NULL, 0, "12345"), 5);
	CHECK_EQ(format(buf, sizeof(buf), "%*d", 1000, 1), 1000);
	CHECK_STR(buf, "   ");
}

static void numbers(void)
{
	uint64_t v = 42;

	CHECK(parse_u64("0", 0, &v) == 0 && v == 0);
	CHECK(parse_u64("123", 0, &v) == 0 && v == 123);
	CHECK(parse_u64("0x1F", 0, &v) == 0 && v == 31);
	CHECK(parse_u64("0x1f", 16, &v) == 0 && v == 31);
	CHECK(parse_u64("ff", 16, &v) == 0 && v == 255);
	CHECK(parse_u64("755", 8, &v) == 0 && v == 0755);
	CHECK(parse_u64("0755", 0, &v) == 0 && v == 0755);
	CHECK(parse_u64("18446744073709551615", 10, &v) == 0 && v == UINT64_MAX);
	v = 42;
	CHECK_EQ(parse_u64("18446744073709551616", 10, &v), -ERANGE);
	CHECK_EQ(parse_u64("99999999999999999999999", 10, &v), -ERANGE);
	CHECK_EQ(parse_u64("", 0, &v), -EINVAL);
	CHECK_EQ(parse_u64("0x", 0, &v), -EINVAL);
	CHECK_EQ(parse_u64("12 ", 0, &v), -EINVAL);
	CHECK_EQ(parse_u64("-1", 0, &v), -EINVAL);
	CHECK_EQ(parse_u64("9", 8, &v), -EINVAL);
	CHECK_EQ(parse_u64("0x10", 10, &v), -EINVAL);
	CHECK_EQ(v, 42);
}

static void error_names(void)
{
	CHECK_STR(errno_name(ENOENT), "ENOENT");
	CHECK_STR(errno_name(-ENOENT), "ENOENT");
	CHECK_STR(errno_name(EAGAIN), "EAGAIN");
	CHECK_STR(errno_name(-EHWPOISON), "EHWPOISON");
	CHECK_STR(errno_name(ERESTARTSYS), "ERESTARTSYS");
	CHECK_STR(errno_name(0), "E?");
	CHECK_STR(errno_name(INT_MIN), "E?");
	CHECK(IS_ERR(ERR_PTR(-EIO)) && PTR_ERR(ERR_PTR(-EIO)) == -EIO);
	CHECK(IS_ERR(ERR_PTR(-MAX_ERRNO)) && !IS_ERR(ERR_PTR(-MAX_ERRNO - 1)) && !IS_ERR(NULL));
}

int main(void)
{
	RUN(integers);
	RUN(text);
	RUN(limits);
	RUN(numbers);
	RUN(error_names);
	return test_finish();
}
