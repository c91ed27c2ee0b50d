/* SPDX-License-Identifier: BSD-2-Clause */
/* What the C language leaves to the compiler: attributes, checked arithmetic, safe min and max. */
#ifndef LIB_COMPILER_H
#define LIB_COMPILER_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

/* glibc has some of these names too; the host tests must see ours. */
#undef __packed
#undef __aligned
#undef __used
#undef __section
#undef __noinline
#undef __always_inline
#undef __cold
#undef __noreturn

#define __packed	__attribute__((__packed__))
#define __aligned(n)	__attribute__((__aligned__(n)))
#define __used		__attribute__((__used__))
#define __maybe_unused	__attribute__((__unused__))
#define __weak		__attribute__((__weak__))
#define __section(s)	__attribute__((__section__(s)))
#define __noinline	__attribute__((__noinline__))
#define __always_inline inline __attribute__((__always_inline__))
#define __cold		__attribute__((__cold__))
#define __noreturn	__attribute__((__noreturn__))
#define __fallthrough	__attribute__((__fallthrough__)) /* ends a case that runs into the next */
#define __malloc_like	__attribute__((__malloc__))
#define __must_check	__attribute__((__warn_unused_result__))
#define __printf_like(format_arg, first_arg) \
	__attribute__((__format__(__printf__, format_arg, first_arg)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The compiler moves no memory access across it; the processor still may. */
#define barrier() __asm__ volatile("" ::: "memory")

/* Exactly one access, neither torn nor repeated nor cached. No ordering against other memory. */
#define READ_ONCE(x)	 (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define BUILD_ASSERT(condition, message) _Static_assert(condition, message)

/* The struct that has `ptr` as its `member`. A pointer to another type does not compile. */
#define container_of(ptr, type, member)                     \
	((type *)((uintptr_t)(ptr)-offsetof(type, member) + \
		  0 * sizeof((ptr) == &((type *)0)->member)))

/* The number of elements; a pointer instead of an array does not compile. */
#define ARRAY_SIZE(array)                                                               \
	(sizeof(array) / sizeof((array)[0]) +                                           \
	 0 * sizeof(struct {                                                            \
		 _Static_assert(!__builtin_types_compatible_p(__typeof__(array),        \
							      __typeof__(&(array)[0])), \
				"ARRAY_SIZE of a pointer");                             \
		 int unused;                                                            \
	 }))

/*
 * Each argument is evaluated once. Both must have the same size and signedness, or it does not
 * compile: a minimum of signed and unsigned is one of the classic ways past a length check. (Not
 * the very same type, because uint64_t and the type of 1ull differ only by name.)
 */
#define min(a, b) MIN_(a, b, UNIQUE_(min_a), UNIQUE_(min_b))
#define max(a, b) MAX_(a, b, UNIQUE_(max_a), UNIQUE_(max_b))
/* `x` brought into [low, high]; the bounds are converted to the type of `x`. */
#define clamp(x, low, high) \
	CLAMP_(x, low, high, UNIQUE_(clamp_x), UNIQUE_(clamp_low), UNIQUE_(clamp_high))

/* Names of their own for each use, so that uses can nest without shadowing one another. */
#define PASTE2_(a, b) a##_##b
#define PASTE_(a, b)  PASTE2_(a, b)
#define UNIQUE_(name) PASTE_(name, __COUNTER__)

#define IS_SIGNED_(x) ((__typeof__(x))-1 < (__typeof__(x))1)
#define SAME_KIND_(a, b)                                                         \
	_Static_assert(sizeof(a) == sizeof(b) && IS_SIGNED_(a) == IS_SIGNED_(b), \
		       "min and max need operands of one size and signedness")
#define MIN_(a, b, va, vb)              \
	({                              \
		__typeof__(a) va = (a); \
		__typeof__(b) vb = (b); \
		SAME_KIND_(va, vb);     \
		va < vb ? va : vb;      \
	})
#define MAX_(a, b, va, vb)              \
	({                              \
		__typeof__(a) va = (a); \
		__typeof__(b) vb = (b); \
		SAME_KIND_(va, vb);     \
		va > vb ? va : vb;      \
	})
#define CLAMP_(x, low, high, vx, vlow, vhigh)            \
	({                                               \
		__typeof__(x) vx = (x);                  \
		__typeof__(x) vlow = (low);              \
		__typeof__(x) vhigh = (high);            \
		vx<vlow ? vlow : vx> vhigh ? vhigh : vx; \
	})

/*
 * Multiples of a power of two. The result has the type of `x`. ALIGN_UP wraps to 0 near the top
 * of the type: on input that a user, a disk or an image controls, check with add_overflow first.
 */
#define ALIGN_MASK_(x, a) ((__typeof__(x))(a)-1)
#define ALIGN_UP(x, a)	  ((__typeof__(x))(((x) + ALIGN_MASK_(x, a)) & ~ALIGN_MASK_(x, a)))
#define ALIGN_DOWN(x, a)  ((__typeof__(x))((x) & ~ALIGN_MASK_(x, a)))
#define IS_ALIGNED(x, a)  (((x)&ALIGN_MASK_(x, a)) == 0)

/*
 * *result = a op b, computed without limit and then stored. Returns: true when the value did not
 * fit, in which case *result holds the wrapped value and must not be used.
 */
#define add_overflow(a, b, result) __builtin_add_overflow((a), (b), (result))
#define sub_overflow(a, b, result) __builtin_sub_overflow((a), (b), (result))
#define mul_overflow(a, b, result) __builtin_mul_overflow((a), (b), (result))

#endif
