/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw copies across the user boundary: the caller has checked the range (vm/usercopy.c). */
#ifndef ARCH_USERCOPY_H
#define ARCH_USERCOPY_H

#include <base/types.h>

size_t arch_usercopy(void *to, const void *from, size_t n);
size_t arch_userclear(void *to, size_t n);
ssize_t arch_userstring(char *to, const char *from, size_t size);
/* One word: 0 or -EFAULT. */
int arch_user_load8(uint8_t *to, const void *from);
int arch_user_load16(uint16_t *to, const void *from);
int arch_user_load32(uint32_t *to, const void *from);
int arch_user_load64(uint64_t *to, const void *from);
int arch_user_store8(void *to, uint8_t value);
int arch_user_store16(void *to, uint16_t value);
int arch_user_store32(void *to, uint32_t value);
int arch_user_store64(void *to, uint64_t value);
/* n of them, each `stride` bytes after the one before, on both sides. */
int arch_user_scatter16(void *to, const void *from, size_t stride, size_t n);
int arch_user_cmpxchg32(uint32_t *word, uint32_t expect, uint32_t value, uint32_t *was);

#endif
