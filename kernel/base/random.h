/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's random generator: ChaCha20, seeded from RDRAND and timing. Context: any. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <base/types.h>

void random_bytes(void *buf, size_t n);
uint64_t random_u64(void);
/* Uniform in [0, below); below > 0. */
uint64_t random_below(uint64_t below);
/* Mix in what a program or device offers; never makes the generator worse. */
void random_add(const void *buf, size_t n);

#endif
