/* SPDX-License-Identifier: BSD-2-Clause */
/* The syscall trace: `trace` on the kernel's command line logs every call. */
#ifndef LINUX_TRACE_H
#define LINUX_TRACE_H

#include <base/types.h>

extern bool syscall_tracing;
void syscall_trace(const char *name, const char *kinds, uint64_t nr, const uint64_t args[6],
		   int64_t result);
/* NULL: there is no such call. */
const char *syscall_name(uint64_t nr);

#endif
