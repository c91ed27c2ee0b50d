/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page that every program can read: what the vDSO (user/vdso) needs to tell the time and the
 * processor without entering the kernel. Compiled into both, so it includes nothing of the kernel.
 */
#ifndef SCHED_CLOCK_PAGE_H
#define SCHED_CLOCK_PAGE_H

#include <stdint.h>

enum { CLOCK_PAGE_CALL, CLOCK_PAGE_TSC };		       /* source */
enum { CPU_NUMBER_CALL, CPU_NUMBER_RDPID, CPU_NUMBER_RDTSCP }; /* cpu_number */

/*
 * Monotonic time is (counter - base) * scale >> 32 in ns, as in the kernel. All members are set at
 * boot and stay, but for wall_offset: one aligned word, so a reader needs no sequence count.
 */
struct clock_page {
	uint32_t source;      /* CLOCK_PAGE_CALL: the counter in use is out of a program's reach */
	uint32_t cpu_number;  /* by which instruction, as the low 12 bits */
	uint64_t base, scale; /* of the TSC; scale is 32.32 fixed-point */
	uint64_t wall_offset; /* [a] wall time minus monotonic time, ns */
};

#endif
