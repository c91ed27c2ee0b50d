/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Put before every host-test source (-include). The kernel's own memory and string functions get
 * other names, so that they do not replace those of the C library and of the sanitizers, and are
 * themselves instrumented. test.h compares strings with the compiler's builtin for this reason.
 */
#ifndef TESTS_HOST_RENAME_H
#define TESTS_HOST_RENAME_H

#define memcpy	kernel_memcpy
#define memmove kernel_memmove
#define memset	kernel_memset
#define memcmp	kernel_memcmp
#define memchr	kernel_memchr
#define strlen	kernel_strlen
#define strnlen kernel_strnlen
#define strcmp	kernel_strcmp
#define strncmp kernel_strncmp
#define strchr	kernel_strchr
#define strrchr kernel_strrchr
#define strlcpy kernel_strlcpy
#define strlcat kernel_strlcat

#endif
