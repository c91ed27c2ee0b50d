/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/hash.h>
#include <lib/string.h>

uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed)
{
	const unsigned char *p = ptr;
	uint64_t h = seed ^ len * 0x9e3779b97f4a7c15ull;
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = hash_u64(h ^ word) * 0x9e3779b97f4a7c15ull;
	}
	word = 0;
	memcpy(&word, p, len);
	return hash_u64(h ^ word);
}
