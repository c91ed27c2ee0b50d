/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/bitmap.h>

/* With flip = ~0 the map is read inverted, which turns a search for 0 into one for 1. */
static size_t find(const unsigned long *map, size_t nbits, size_t start, unsigned long flip)
{
	if (start >= nbits)
		return nbits;

	size_t index = start / BITS_PER_LONG;
	unsigned long word = (map[index] ^ flip) & (~0ul << (start % BITS_PER_LONG));

	while (!word) {
		if (++index >= BITMAP_WORDS(nbits))
			return nbits;
		word = map[index] ^ flip;
	}
	return min(index * BITS_PER_LONG + (size_t)__builtin_ctzl(word), nbits);
}

size_t bitmap_find_zero(const unsigned long *map, size_t nbits, size_t start)
{
	return find(map, nbits, start, ~0ul);
}

size_t bitmap_find_set(const unsigned long *map, size_t nbits, size_t start)
{
	return find(map, nbits, start, 0);
}

void bitmap_zero(unsigned long *map, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		map[i] = 0;
}

void bitmap_fill(unsigned long *map, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		map[i] = ~0ul;
}

/* By hand: without -mpopcnt the compiler would call a function of libgcc, which we do not link. */
static unsigned word_weight(uint64_t w)
{
	w -= w >> 1 & 0x5555555555555555ull;
	w = (w & 0x3333333333333333ull) + (w >> 2 & 0x3333333333333333ull);
	w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return (unsigned)(w * 0x0101010101010101ull >> 56);
}

size_t bitmap_weight(const unsigned long *map, size_t nbits)
{
	size_t weight = 0;

	for (size_t i = 0; i < nbits / BITS_PER_LONG; i++)
		weight += word_weight(map[i]);
	if (nbits % BITS_PER_LONG) {
		unsigned long mask = ~0ul >> (BITS_PER_LONG - nbits % BITS_PER_LONG);

		weight += word_weight(map[nbits / BITS_PER_LONG] & mask);
	}
	return weight;
}
