/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host ring's whole test framework. A test file has one main that calls its cases with
 * RUN(case) and returns test_finish(). A failed CHECK is printed and counted, and the case goes
 * on, so that one run shows all that is wrong.
 */
#ifndef TESTS_HOST_TEST_H
#define TESTS_HOST_TEST_H

#include <stdio.h>
#include <stdlib.h>

static int test_failures;
static int test_checks;
static const char *test_case = "";

#define CHECK(condition)                                                                      \
	do {                                                                                  \
		test_checks++;                                                                \
		if (!(condition)) {                                                           \
			test_failures++;                                                      \
			printf("%s:%d: %s: %s\n", __FILE__, __LINE__, test_case, #condition); \
		}                                                                             \
	} while (0)

/* Both as signed 64-bit numbers, which are printed when they differ. */
#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);        \
		test_checks++;                                                                     \
		if (actual_ != expected_) {                                                        \
			test_failures++;                                                           \
			printf("%s:%d: %s: %s is %lld, not %lld\n", __FILE__, __LINE__, test_case, \
			       #actual, actual_, expected_);                                       \
		}                                                                                  \
	} while (0)

#define CHECK_STR(actual, expected)                                                         \
	do {                                                                                \
		const char *actual_ = (actual), *expected_ = (expected);                    \
		test_checks++;                                                              \
		if (__builtin_strcmp(actual_, expected_) != 0) {                            \
			test_failures++;                                                    \
			printf("%s:%d: %s: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, \
			       test_case, #actual, actual_, expected_);                     \
		}                                                                           \
	} while (0)

#define RUN(function)                  \
	do {                           \
		test_case = #function; \
		function();            \
	} while (0)

static inline int test_finish(void)
{
	printf("%d checks, %d failed\n", test_checks, test_failures);
	return test_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Random numbers that are the same in every run. */
static inline unsigned long long test_random(void)
{
	static unsigned long long state = 0x853c49e6748fea9bull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

#endif
