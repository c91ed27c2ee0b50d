/* SPDX-License-Identifier: MIT */
/* Random numbers. Interface "banos.core". */
#ifndef BANOS_RANDOM_H
#define BANOS_RANDOM_H

#include <banos/types.h>

BANOS_API_BEGIN

/* Fill a buffer, `size` bytes, from the kernel's cryptographic generator. Context: any. Since 0.9.
 */
void banos_random(void *buffer, uint64_t size);
/*
 * Stir bytes from a device into the generator. `bits`: how many of them nobody could guess, at
 * most 8 for each byte. Context: any. Since 0.9.
 */
void banos_random_feed(const void *buffer, uint64_t size, uint64_t bits);

BANOS_API_END

#endif
