/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address sanitiser's runtime (build/kasan). The compiler calls __asan_loadN and __asan_storeN
 * before each access; they look the address up in the shadow: one byte per eight bytes of the
 * direct map, 0 when all eight may be touched, n when the first n may, FORBIDDEN when none may.
 * Slab objects are poisoned while free, and so is what follows an object inside its stride.
 */
#include <base/kasan.h>

#if CONFIG_KASAN

#include <arch/page.h>
#include <arch/paging.h>
#include <base/panic.h>
#include <lib/compiler.h>
#include <mem/frame.h>
#include <mem/frame_boot.h>
#include <mem/kva.h>

#define SHADOW_BASE 0xffffdc0000000000UL
#define FORBIDDEN   0xff

static bool ready;
static uint64_t limit; /* bytes of the direct map that have a shadow */

static uint8_t *shadow_of(uintptr_t a)
{
	return (uint8_t *)(SHADOW_BASE + ((a - DIRECT_BASE) >> 3));
}

void kasan_init(void)
{
	paddr_t top = frame_top();

	for (uint64_t off = 0; off < top / 8; off += PAGE_SIZE) {
		struct page *page;

		if (!frame_exists_between(off * 8, (off + PAGE_SIZE) * 8))
			continue;
		page = frame_alloc(0, FRAME_ZERO);
		if (!page || kernel_map(SHADOW_BASE + off, page_paddr(page), PAGE_SIZE, KPROT_RW,
					KCACHE_NORMAL))
			panic("kasan: too little memory for the shadow");
	}
	limit = top;
	ready = true;
}

static bool covered(uintptr_t a, size_t n)
{
	return ready && a >= DIRECT_BASE && a - DIRECT_BASE < limit &&
	       n <= limit - (a - DIRECT_BASE);
}

void kasan_unpoison(const void *p, size_t n)
{
	uintptr_t a = (uintptr_t)p;

	if (!covered(a, n))
		return;
	for (size_t i = 0; i < n / 8; i++)
		shadow_of(a)[i] = 0;
	if (n % 8)
		shadow_of(a)[n / 8] = n % 8;
}

void kasan_poison(const void *p, size_t n)
{
	uintptr_t a = ALIGN_UP((uintptr_t)p, 8), end = ((uintptr_t)p + n) & ~7UL;

	if (a >= end || !covered(a, end - a))
		return;
	for (size_t i = 0; i < (end - a) / 8; i++)
		shadow_of(a)[i] = FORBIDDEN;
}

static __always_inline void check(uintptr_t a, size_t n, bool write)
{
	if (!covered(a, n))
		return;
	for (uintptr_t at = a; at < a + n; at = (at | 7) + 1) {
		uint8_t s = *shadow_of(at);
		uintptr_t last = min((at | 7) + 1, a + n) - 1;

		if (s && (s == FORBIDDEN || (last & 7) >= s)) {
			ready = false;
			panic("kasan: %s of %zu bytes at %p, which is not allocated, by %p",
			      write ? "store" : "load", n, (void *)a, __builtin_return_address(0));
		}
	}
}

#define SIZED(n)                                     \
	void __asan_load##n##_noabort(uintptr_t a);  \
	void __asan_load##n##_noabort(uintptr_t a)   \
	{                                            \
		check(a, n, false);                  \
	}                                            \
	void __asan_store##n##_noabort(uintptr_t a); \
	void __asan_store##n##_noabort(uintptr_t a)  \
	{                                            \
		check(a, n, true);                   \
	}
/* clang-format off */
SIZED(1) SIZED(2) SIZED(4) SIZED(8) SIZED(16)
	/* clang-format on */

	void __asan_loadN_noabort(uintptr_t a, size_t n);
void __asan_loadN_noabort(uintptr_t a, size_t n)
{
	check(a, n, false);
}
void __asan_storeN_noabort(uintptr_t a, size_t n);
void __asan_storeN_noabort(uintptr_t a, size_t n)
{
	check(a, n, true);
}
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

#endif
