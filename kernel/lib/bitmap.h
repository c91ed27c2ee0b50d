/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bits in an array of unsigned long. Not atomic: the owner of the map locks. Bits past `nbits` in
 * the last word may hold anything and are never reported.
 */
#ifndef LIB_BITMAP_H
#define LIB_BITMAP_H

#include <lib/compiler.h>

#define BITS_PER_LONG		    64
#define BITMAP_WORDS(nbits)	    (((nbits) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, nbits) unsigned long name[BITMAP_WORDS(nbits)]

static inline void bit_set(unsigned long *map, size_t bit)
{
	map[bit / BITS_PER_LONG] |= 1ul << (bit % BITS_PER_LONG);
}

static inline void bit_clear(unsigned long *map, size_t bit)
{
	map[bit / BITS_PER_LONG] &= ~(1ul << (bit % BITS_PER_LONG));
}

static inline bool bit_test(const unsigned long *map, size_t bit)
{
	return map[bit / BITS_PER_LONG] >> (bit % BITS_PER_LONG) & 1;
}

/* The first bit >= start that is 0 or 1. Returns: nbits when there is none, also if start > nbits.
 */
size_t bitmap_find_zero(const unsigned long *map, size_t nbits, size_t start);
size_t bitmap_find_set(const unsigned long *map, size_t nbits, size_t start);

/* These two write whole words. */
void bitmap_zero(unsigned long *map, size_t nbits);
void bitmap_fill(unsigned long *map, size_t nbits);

/* The number of bits that are set. */
size_t bitmap_weight(const unsigned long *map, size_t nbits);

#endif
