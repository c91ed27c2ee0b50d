/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The random generator: ChaCha20 with fast key erasure (D. J. Bernstein, "Fast-key-erasure
 * random-number generators", 2017): each request takes blocks from the key, and the first 32 bytes
 * become the next key, so that what was given out cannot be computed from what is left.
 *
 * Seeds: RDRAND and the cycle counter at boot, before the first stack guard and AT_RANDOM are
 * drawn; afterwards whatever is offered by random_add(). Input is mixed in by hashing it with the
 * key (one block keyed by the old key over the input), which never loses what was there.
 */
#include "random.h"

#include "spinlock.h"

#include <arch/cpu.h>
#include <lib/chacha20.h>
#include <lib/string.h>

static struct spinlock lock = SPINLOCK_INIT(LOCK_RANDOM);
static uint32_t key[8]; /* [lock] */
static uint64_t nonce;	/* [lock] */
static bool seeded;	/* [lock] */

static void block(uint8_t out[64])
{
	uint32_t n[3] = {(uint32_t)nonce, (uint32_t)(nonce >> 32), (uint32_t)cpu_cycles()};

	nonce++;
	chacha20_block(key, 0, n, out);
}

static void mix(const void *data, size_t n)
{
	const uint8_t *d = data;
	uint8_t out[64];

	while (n) {
		size_t part = min(n, sizeof(key));

		for (size_t i = 0; i < part; i++)
			((uint8_t *)key)[i] ^= d[i];
		block(out);
		memcpy(key, out, sizeof(key));
		d += part;
		n -= part;
	}
}

static void seed(void)
{
	uint64_t v;

	for (unsigned i = 0; i < 16; i++) {
		v = cpu_cycles();
		mix(&v, sizeof(v));
		if (cpu_random(&v))
			mix(&v, sizeof(v));
	}
	seeded = true;
}

void random_bytes(void *buf, size_t n)
{
	uint8_t out[64];
	uint64_t irq = spin_lock_irq(&lock);

	if (!seeded)
		seed();
	while (n) {
		size_t part = min(n, sizeof(out) - sizeof(key));

		block(out);
		memcpy(key, out, sizeof(key));
		memcpy(buf, out + sizeof(key), part);
		buf = (uint8_t *)buf + part;
		n -= part;
	}
	spin_unlock_irq(&lock, irq);
	memset(out, 0, sizeof(out));
}

uint64_t random_u64(void)
{
	uint64_t v;

	random_bytes(&v, sizeof(v));
	return v;
}

uint64_t random_below(uint64_t below)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % below, v;

	do
		v = random_u64();
	while (v >= limit);
	return v % below;
}

void random_add(const void *buf, size_t n)
{
	uint64_t irq = spin_lock_irq(&lock);

	if (!seeded)
		seed();
	mix(buf, n);
	spin_unlock_irq(&lock, irq);
}
