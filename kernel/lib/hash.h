/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes for tables inside the kernel. They spread well but resist no attacker who knows the seed:
 * a table whose keys a user picks must take its seed from the random generator.
 */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Every bit of `x` reaches every bit of the result; a bijection, so that no two inputs collide. */
static inline uint64_t hash_u64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	return x;
}

/* `len` bytes at any alignment. */
uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed);

#endif
