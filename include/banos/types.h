/* SPDX-License-Identifier: MIT */
/*
 * What every header of the driver ABI needs: fixed-width types, layout checks, visibility.
 *
 * All names that a driver and the kernel share are declared hidden (BANOS_API_BEGIN). The compiler
 * then knows that nothing replaces them at run time and reaches them directly, without a global
 * offset table; -fvisibility=hidden alone does not do that for declarations.
 */
#ifndef BANOS_TYPES_H
#define BANOS_TYPES_H

#include <stdint.h>
#include <stddef.h>

#ifdef __cplusplus
#define BANOS_API_BEGIN \
	extern "C" {    \
	_Pragma("GCC visibility push(hidden)")
#define BANOS_API_END                 \
	_Pragma("GCC visibility pop") \
	}
#else
#define BANOS_API_BEGIN _Pragma("GCC visibility push(hidden)")
#define BANOS_API_END	_Pragma("GCC visibility pop")
#endif

/* Checked when the header is compiled, by C99 compilers too. */
#if defined(__cplusplus)
#define BANOS_LAYOUT(condition, name) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define BANOS_LAYOUT(condition, name) _Static_assert(condition, #name)
#else
#define BANOS_LAYOUT(condition, name) typedef char banos_layout_##name[(condition) ? 1 : -1]
#endif

/* A field of a public structure stays where it is, for ever. */
#define BANOS_OFFSET(type, field, offset) \
	BANOS_LAYOUT(offsetof(type, field) == (offset), type##_##field)
#define BANOS_SIZE(type, size) BANOS_LAYOUT(sizeof(type) == (size), type##_size)

BANOS_LAYOUT(sizeof(void *) == 8, pointers_have_64_bits);
BANOS_LAYOUT(sizeof(int) == 4, int_has_32_bits);

#endif
