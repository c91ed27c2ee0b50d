/* SPDX-License-Identifier: BSD-2-Clause */
#include "test.h"
#include <lib/compiler.h>
#include <lib/string.h>

#define SIZE 160

/* Byte by byte, over every small length, offset and overlap: the words must not show. */
static void copies(void)
{
	unsigned char a[SIZE], expected[SIZE];

	for (size_t from = 0; from < 20; from++) {
		for (size_t to = 0; to < 20; to++) {
			for (size_t n = 0; n < 100; n++) {
				for (size_t i = 0; i < SIZE; i++)
					a[i] = expected[i] = (unsigned char)(i * 7);
				for (size_t i = 0; i < n; i++)
					expected[to + i] = (unsigned char)((from + i) * 7);
				CHECK(memmove(a + to, a + from, n) == a + to);
				CHECK(memcmp(a, expected, SIZE) == 0);
			}
		}
	}
	for (size_t n = 0; n < 100; n++) {
		unsigned char *src = malloc(n), *dst = malloc(n); /* ASan sees one byte too far */

		memset(src, (int)n, n);
		memset(dst, 0xff, n);
		CHECK(memcpy(dst, src, n) == dst);
		CHECK(memcmp(dst, src, n) == 0);
		free(src);
		free(dst);
	}
}

static void fills(void)
{
	unsigned char a[SIZE];

	for (size_t at = 0; at < 9; at++) {
		for (size_t n = 0; n < 80; n++) {
			for (size_t i = 0; i < SIZE; i++)
				a[i] = 1;
			CHECK(memset(a + at, 0x1f5, n) == a + at);
			for (size_t i = 0; i < SIZE; i++)
				if (a[i] != (i >= at && i < at + n ? 0xf5 : 1))
					CHECK(!"memset wrote the wrong bytes");
		}
	}
}

static void compares(void)
{
	unsigned char a[40], b[40];

	for (size_t n = 1; n < sizeof(a); n++) {
		for (size_t i = 0; i < n; i++) {
			memset(a, 'x', sizeof(a));
			memset(b, 'x', sizeof(b));
			a[i] = 0x80;
			CHECK(memcmp(a, b, n) > 0);
			CHECK(memcmp(b, a, n) < 0);
			CHECK(memcmp(a, b, i) == 0);
			CHECK(memchr(a, 0x80, n) == a + i);
			CHECK(memchr(a, 0x80, i) == NULL);
		}
	}
}

static void strings(void)
{
	char buf[8];

	CHECK_EQ(strlen(""), 0);
	CHECK_EQ(strlen("abc"), 3);
	CHECK_EQ(strnlen("abc", 2), 2);
	CHECK_EQ(strnlen("abc", 9), 3);
	CHECK(strcmp("a", "a") == 0 && strcmp("a", "b") < 0 && strcmp("b", "a") > 0);
	CHECK(strcmp("a", "ab") < 0 && strcmp("\xff", "a") > 0);
	CHECK(strncmp("abc", "abd", 2) == 0 && strncmp("abc", "abd", 3) < 0);
	CHECK(strncmp("a", "a", 9) == 0 && strncmp("x", "y", 0) == 0);

	const char *s = "a/b/c";

	CHECK(strchr(s, '/') == s + 1 && strrchr(s, '/') == s + 3);
	CHECK(strchr(s, 'x') == NULL && strrchr(s, 'x') == NULL);
	CHECK(strchr(s, 0) == s + 5 && strrchr(s, 0) == s + 5);
	CHECK(str_starts("abc", "") && str_starts("abc", "ab") && !str_starts("a", "ab"));

	CHECK_EQ(strlcpy(buf, "1234567", sizeof(buf)), 7);
	CHECK_STR(buf, "1234567");
	CHECK_EQ(strlcpy(buf, "12345678", sizeof(buf)), 8);
	CHECK_STR(buf, "1234567");
	CHECK_EQ(strlcpy(NULL, "12", 0), 2);
	strlcpy(buf, "ab", sizeof(buf));
	CHECK_EQ(strlcat(buf, "cd", sizeof(buf)), 4);
	CHECK_EQ(strlcat(buf, "efghij", sizeof(buf)), 10);
	CHECK_STR(buf, "abcdefg");
	CHECK_EQ(strlcat(buf, "x", 3), 4);
}

static void globs(void)
{
	CHECK(glob_match("", "") && !glob_match("", "a"));
	CHECK(glob_match("*", "") && glob_match("*", "a/b"));
	CHECK(glob_match("a*c", "abbbc") && !glob_match("a*c", "abbbd"));
	CHECK(glob_match("a?c", "abc") && !glob_match("a?c", "ac"));
	CHECK(glob_match("*ab", "aab") && glob_match("**a**", "xay"));
	CHECK(!glob_match("a", "ab") && !glob_match("ab", "a"));
	CHECK(glob_match("mem/*", "mem/frame"));
	/* Exponential in a naive matcher. */
	CHECK(!glob_match("*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

/* The macros whose mistakes compile. */
static void compiler_macros(void)
{
	struct thing {
		int before;
		int member;
	} t = {1, 2};
	int values[3] = {5, 1, 9}, i = 0;
	uint32_t sum;

	CHECK(container_of(&t.member, struct thing, member) == &t);
	CHECK_EQ(ARRAY_SIZE(values), 3);
	CHECK_EQ(min(values[0], min(values[1], values[2])), 1);
	CHECK_EQ(max(max(values[0], values[1]), values[2]), 9);
	CHECK_EQ(min(i++, 10), 0);
	CHECK_EQ(i, 1);
	CHECK_EQ(clamp(-5, 0, 3), 0);
	CHECK_EQ(clamp(7, 0, 3), 3);
	CHECK_EQ(clamp(2, 0, 3), 2);
	CHECK_EQ(ALIGN_UP(0x1001ull, 0x1000), 0x2000);
	CHECK_EQ(ALIGN_UP(0x100000001ull, 0x1000), 0x100001000ll);
	CHECK_EQ(ALIGN_DOWN(0x100000fffull, 0x1000), 0x100000000ll);
	CHECK(IS_ALIGNED(0x2000, 0x1000) && !IS_ALIGNED(0x2001, 0x1000));
	CHECK(add_overflow(0xffffffffu, 1u, &sum));
	CHECK(!add_overflow(0xfffffffeu, 1u, &sum));
	CHECK(sub_overflow(0u, 1u, &sum));
	CHECK(mul_overflow(0x10000u, 0x10000u, &sum));
}

int main(void)
{
	RUN(copies);
	RUN(fills);
	RUN(compares);
	RUN(strings);
	RUN(globs);
	RUN(compiler_macros);
	return test_finish();
}
