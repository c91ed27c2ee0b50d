/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef INIT_CRASH_H
#define INIT_CRASH_H

/* Test kernels: break something on purpose (init/test/crash.c). Does not return normally. */
void crash(const char *kind);

#endif
