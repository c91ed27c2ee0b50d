/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/hash.h>
#include <lib/string.h>

/* Fewer than 8 bytes. How many there are is in the hash already. */
static uint64_t rest(const unsigned char *p, size_t len)
{
	uint64_t word = 0;
	uint32_t four;
	uint16_t two;

	if (len & 4) {
		memcpy(&four, p, 4);
		word = four;
		p += 4;
	}
	if (len & 2) {
		memcpy(&two, p, 2);
		word = word << 16 | two;
		p += 2;
	}
	return len & 1 ? word << 8 | *p : word;
}

uint64_t hash_bytes(const void *ptr, size_t len, uint64_t seed)
{
	const unsigned char *p = ptr;
	uint64_t h = seed ^ len * 0x9e3779b97f4a7c15ull;
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		h = hash_u64(h ^ word) * 0x9e3779b97f4a7c15ull;
	}
	return hash_u64(h ^ rest(p, len));
}
