/* SPDX-License-Identifier: BSD-2-Clause */
/* Scalars with a meaning of their own. */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t; /* physical address */
typedef uint64_t uaddr_t; /* address in a program: only user copies may follow it */
typedef uint64_t nsec_t;  /* nanoseconds; points in time are on the monotonic clock */
typedef int64_t ssize_t;  /* a byte count, or a negative errno */
typedef int64_t off64_t;  /* a position in a file */

/* A deadline that never comes. */
#define NEVER UINT64_MAX

#define NSEC_PER_SEC  1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

#endif
