/* SPDX-License-Identifier: BSD-2-Clause */
/* The runner of in-kernel tests (base/ktest.h): TAP on the console, then power off. */
#include "ktest_run.h"

#include <arch/power.h>
#include <base/ktest.h>
#include <base/log.h>
#include <lib/format.h>
#include <lib/string.h>
#include <sched/clock.h>

extern const struct ktest ktest_start[], ktest_end[];

static unsigned failures; /* of the running test [a] */

bool ktest_expect(bool ok, const char *expr, const char *file, int line)
{
	if (!ok) {
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		log_error("# failed: %s at %s:%d", expr, file, line);
	}
	return ok;
}

bool ktest_expect_eq(long a, long b, const char *expr, const char *file, int line)
{
	if (a != b) {
		__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
		log_error("# failed: %s (%ld, %ld) at %s:%d", expr, a, b, file, line);
	}
	return a == b;
}

void ktest_note(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	format_v(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("# %s", text);
}

/* "kernel/sched/test/blocker_test.c" becomes "sched/blocker_test". */
static void test_name(char *buf, size_t size, const struct ktest *t)
{
	const char *file = t->file, *slash = strrchr(file, '/'), *folder;
	char dir[64] = "";
	size_t n;

	if (str_starts(file, "kernel/"))
		file += 7;
	folder = strchr(file, '/');
	if (folder)
		strlcpy(dir, file, min(sizeof(dir), (size_t)(folder - file) + 1));
	slash = slash ? slash + 1 : file;
	n = strlen(slash);
	if (n > 2 && !strcmp(slash + n - 2, ".c"))
		n -= 2;
	format(buf, size, "%s/%.*s/%s", dir, (int)n, slash, t->name);
}

_Noreturn void ktest_run(const char *pattern)
{
	unsigned n = 0, failed = 0;
	char name[160];

	for (const struct ktest *t = ktest_start; t < ktest_end; t++) {
		nsec_t from = clock_mono_ns();

		test_name(name, sizeof(name), t);
		if (*pattern && !glob_match(pattern, name))
			continue;
		failures = 0;
		t->fn();
		n++;
		failed += failures != 0;
		log_info("%s %u - %s # %lu ms", failures ? "not ok" : "ok", n, name,
			 (unsigned long)((clock_mono_ns() - from) / NSEC_PER_MSEC));
	}
	log_info("1..%u", n);
	if (failed)
		log_error("# %u of %u tests failed", failed, n);
	power_off();
}
