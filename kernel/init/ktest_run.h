/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef INIT_KTEST_RUN_H
#define INIT_KTEST_RUN_H

/* Run the in-kernel tests whose "file/name" matches the pattern ("" is all), then power off. */
_Noreturn void ktest_run(const char *pattern);

#endif
