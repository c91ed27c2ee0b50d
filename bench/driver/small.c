/* SPDX-License-Identifier: MIT */
/* For the bench: as large as Linux's module nls_utf8, which it stands beside. Its init does
 * nothing. */
#include "table.h"

static const uint16_t tables[10][256] = {{1}, {2}, {3}, {4}};

static const uint16_t *const pages[] = {P8(0, 10), P8(8, 10)};

BENCH_DRIVER("small")
