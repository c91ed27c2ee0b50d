/* SPDX-License-Identifier: MIT */
#ifndef BENCH_DRIVER_TABLE_H
#define BENCH_DRIVER_TABLE_H

#include <banos/driver.h>

/* Pointers to 8, 64, 256 tables from the i-th on, of n. */
#define P(i, n) tables[(i) % (n)]
#define P8(i, n)                                                                            \
	P(i, n), P((i) + 1, n), P((i) + 2, n), P((i) + 3, n), P((i) + 4, n), P((i) + 5, n), \
		P((i) + 6, n), P((i) + 7, n)
#define P64(i, n)                                                                    \
	P8(i, n), P8((i) + 8, n), P8((i) + 16, n), P8((i) + 24, n), P8((i) + 32, n), \
		P8((i) + 40, n), P8((i) + 48, n), P8((i) + 56, n)
#define P256(i, n) P64(i, n), P64((i) + 64, n), P64((i) + 128, n), P64((i) + 192, n)

#define BENCH_DRIVER(name_)                                           \
	static uint64_t sum;                                          \
	static int init(Banos_Driver *driver)                         \
	{                                                             \
		sum = pages[driver->version % 8][0];                  \
		return 0;                                             \
	}                                                             \
	static int uninit(Banos_Driver *driver)                       \
	{                                                             \
		(void)driver;                                         \
		return sum > 65535;                                   \
	}                                                             \
	BANOS_DRIVER_API static Banos_Driver bench_driver = {         \
		.driver_size = sizeof(bench_driver),                  \
		.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0), \
		.name = name_,                                        \
		.license = "MIT",                                     \
		.version = BANOS_VERSION_MAKE(1, 0, 0),               \
		.init = init,                                         \
		.uninit = uninit,                                     \
	};

#endif
