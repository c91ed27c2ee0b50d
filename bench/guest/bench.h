/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bench's program: one static binary that is the first process of the machine, on Linux and on
 * Banos alike. It prepares the file system, lets the system settle, runs the rows that its word
 * list names, prints "row NAME VALUE" for each and switches the machine off.
 *
 * A row measures itself with measure(): so many operations in a row that the clock does not
 * matter, several times, the median. In virtual time one instruction is one nanosecond.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row {
	const char *name;
	/* ns per operation, bytes per second, or bytes; negative: -errno, it could not be measured.
	 */
	double (*run)(long arg);
	long arg;
	char kind; /* 'l' latency, 'b' bandwidth, 's' size */
	enum { ONE, SEVERAL, SEVERAL_WALL, ONE_VIRTUAL } when; /* processors, and kind of time */
};

/* What ops do: n operations. */
typedef void (*op_fn)(long n, long arg);

/* Median time of one operation in ns. The first call also warms up. */
double measure(op_fn op, long arg);
/* The same from a number of operations on, for what is slow. */
double measure_from(long n, op_fn op, long arg);
/* One run of n operations: ns in all. */
double time_of(op_fn op, long n, long arg);
/* The median of a few calls of fn, which measures by itself. */
double median_of(double (*fn)(long arg), long arg);

uint64_t now_ns(void);
/* Prints what failed, with errno, and ends the row. */
_Noreturn void fail(const char *what);
/* Fails unless true. */
#define NEED(call)                   \
	do {                         \
		if (!(call))         \
			fail(#call); \
	} while (0)

extern const struct row call_rows[], memory_rows[], process_rows[], ipc_rows[], file_rows[],
	parallel_rows[], driver_rows[];
extern double boot_ns, used_bytes;

#endif
