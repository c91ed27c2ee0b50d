/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong, and the log. Everything that is not a command's output goes to stderr. */
#include "host.h"
#include "task.h"
#include <base/log.h>
#include <base/panic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <lib/string.h>

#define LINE_SIZE 1200

unsigned host_failures;
uint64_t host_fail_at;
uint64_t host_fail_count;

/* One write each, so that the lines of several processes do not mix. */
static void line(const char *before, const char *format, va_list ap)
{
	char text[LINE_SIZE];
	int n = snprintf(text, sizeof(text), "%s", before);

	n += vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
	n = min(n, LINE_SIZE - 2);
	text[n++] = '\n';
	if (write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(EXIT_FAILURE);
}

void host_say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	line("", format, ap);
	va_end(ap);
}

void host_complain(const char *format, ...)
{
	va_list ap;

	host_failures++;
	va_start(ap, format);
	line("banos-host: ", format, ap);
	va_end(ap);
}

/* Also from a task that is not the main one, and with others in the middle of something. */
_Noreturn void host_end(void)
{
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

void *host_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);

	if (!memory) {
		fprintf(stderr, "banos-host: out of memory\n");
		exit(EXIT_FAILURE);
	}
	return memory;
}

char *host_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(host_alloc(size), text, size);
}

bool host_fails(void)
{
	return ++host_fail_count == host_fail_at;
}

/* --- the kernel's log ------------------------------------------------------------------------ */

void log_vprintf(enum log_level level, const char *fmt, va_list ap)
{
	char before[40];
	nsec_t now = task_now();

	snprintf(before, sizeof(before), "[%5llu.%06llu] ",
		 (unsigned long long)(now / NSEC_PER_SEC),
		 (unsigned long long)(now % NSEC_PER_SEC / NSEC_PER_USEC));
	line(before, fmt, ap);
}

/*
 * What the kernel's code warns of is a driver that has broken a rule; but for a probe that has
 * failed, which may be right.
 */
static bool is_fault(enum log_level level, const char *fmt)
{
	static const char failed[] = "probe failed with %s";
	size_t length = strlen(fmt);

	if (level > LOG_WARN)
		return false;
	return length < sizeof(failed) - 1 || strcmp(fmt + length - (sizeof(failed) - 1), failed);
}

void log_printf(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	host_failures += is_fault(level, fmt);
	va_start(ap, fmt);
	log_vprintf(level, fmt, ap);
	va_end(ap);
}

_Noreturn void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line("banos-host: ", fmt, ap);
	va_end(ap);
	abort();
}
