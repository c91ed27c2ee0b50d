/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address sanitiser for the kernel (build/kasan): every load and store of instrumented code in the
 * direct map is checked against a shadow, one byte for eight. Elsewhere nothing is checked. In
 * other builds it all compiles to nothing.
 */
#ifndef BASE_KASAN_H
#define BASE_KASAN_H

#include <base/types.h>

#if CONFIG_KASAN
/* After the frame allocator is up: [start, end) of physical memory gets a shadow. */
void kasan_init(void);
void kasan_poison(const void *p, size_t n); /* from the next multiple of 8 */
void kasan_unpoison(const void *p, size_t n);
#else
static inline void kasan_init(void)
{
}
static inline void kasan_poison(const void *p, size_t n)
{
	(void)p, (void)n;
}
static inline void kasan_unpoison(const void *p, size_t n)
{
	(void)p, (void)n;
}
#endif

#endif
