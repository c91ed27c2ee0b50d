/* SPDX-License-Identifier: BSD-2-Clause */
/* Raw copies across the user boundary: the caller has checked the range (vm/usercopy.c). */
#ifndef ARCH_USERCOPY_H
#define ARCH_USERCOPY_H

#include <base/types.h>

size_t arch_usercopy(void *to, const void *from, size_t n);
size_t arch_userclear(void *to, size_t n);
ssize_t arch_userstring(char *to, const char *from, size_t size);
int arch_user_cmpxchg32(uint32_t *word, uint32_t expect, uint32_t value, uint32_t *was);

#endif
