/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver ABI's random numbers: <banos/random.h>. */
#include <banos/export.h>
#include <banos/random.h>
#include <base/random.h>

void banos_random(void *buffer, uint64_t size)
{
	random_bytes(buffer, size);
}
BANOS_EXPORT(banos_random);

/* The generator is seeded at boot and counts nothing since: what comes is mixed in. */
void banos_random_feed(const void *buffer, uint64_t size, uint64_t bits)
{
	random_add(buffer, size);
}
BANOS_EXPORT(banos_random_feed);
