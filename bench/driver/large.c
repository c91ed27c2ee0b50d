/* SPDX-License-Identifier: MIT */
/*
 * For the bench: as large as Linux's module nls_cp949, which it stands beside, and like that one
 * mostly tables and two arrays of pointers to them. Its init does nothing.
 */
#include "table.h"

#define TABLES 288

static const uint16_t tables[TABLES][256] = {{1}, [TABLES - 1] = {2}};

static const uint16_t *const pages[] = {P256(0, TABLES), P256(256, TABLES)};

BENCH_DRIVER("large")
