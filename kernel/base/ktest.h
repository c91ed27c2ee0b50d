/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tests inside the kernel: <folder>/test/NAME_test.c, run in order of file and line at boot by
 * the command-line word test or test=GLOB (matched against "file/name"), TAP on the console.
 *
 *	KTEST(adds_up) { ktest_check(1 + 1 == 2); }
 *
 * Each runs in a kernel thread in process context with all processors up.
 */
#ifndef BASE_KTEST_H
#define BASE_KTEST_H

#include <arch/cpu.h>
#include <lib/compiler.h>
#include <stdbool.h>

struct ktest {
	const char *file, *name;
	void (*fn)(void);
};

#define KTEST(fn_)                                                                      \
	static void fn_(void);                                                          \
	/* The alignment is said so that the compiler adds none: they form an array. */ \
	static const struct ktest ktest_##fn_ __used __section(".ktest")                \
		__aligned(8) = {.file = __FILE__, .name = #fn_, .fn = fn_};             \
	static void fn_(void)

/* Note a failed expectation with its place; the test goes on. Evaluates to the condition. */
bool ktest_expect(bool ok, const char *expr, const char *file, int line);
#define ktest_check(expr) ktest_expect((expr), #expr, __FILE__, __LINE__)
/* The same for a value that should equal another; prints both. */
bool ktest_expect_eq(long a, long b, const char *expr, const char *file, int line);
#define ktest_check_eq(a, b) ktest_expect_eq((long)(a), (long)(b), #a " == " #b, __FILE__, __LINE__)
/*
 * Between two stores that readers must not tell apart: test kernels stay there a little, so that a
 * reader without protection is caught.
 */
static inline void ktest_window(void)
{
	for (unsigned i = 0; CONFIG_TEST && i < 100; i++)
		cpu_relax();
}
/* A "# ..." line in the output. */
void ktest_note(const char *fmt, ...) __printf_like(1, 2);

#endif
