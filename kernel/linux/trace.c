/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include <base/log.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <sched/thread.h>

bool syscall_tracing;

/* Kinds of arguments are letters from the generated table: d int, u unsigned, p address... */
static int put_arg(char *to, size_t room, char kind, uint64_t v)
{
	switch (kind) {
	case 'd':
		return format(to, room, "%d", (int)v);
	case 'u':
		return format(to, room, "%u", (unsigned)v);
	case 'l':
	case 'o':
		return format(to, room, "%ld", (long)v);
	case 'z':
		return format(to, room, "%lu", (unsigned long)v);
	default:
		return format(to, room, "%#lx", (unsigned long)v);
	}
}

void syscall_trace(const char *name, const char *kinds, uint64_t nr, const uint64_t args[6],
		   int64_t result)
{
	char line[192];
	size_t n = (size_t)format(line, sizeof(line), "%s:%d %s", current()->name, current()->tid,
				  name ? name : "?");

	if (!name)
		n += (size_t)format(line + n, sizeof(line) - n, "%lu", (unsigned long)nr);
	for (unsigned i = 0; kinds[i] && i < 6 && n < sizeof(line) - 24; i++) {
		line[n++] = i ? ',' : '(';
		n += (size_t)put_arg(line + n, sizeof(line) - n, kinds[i], args[i]);
	}
	if (result < 0 && result >= -MAX_ERRNO)
		log_debug("%s) = -%s", line, errno_name((int)result));
	else
		log_debug("%s) = %#lx", line, (unsigned long)result);
}
