/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of clocks, decoded. */
#ifndef LINUX_CLOCK_ID_H
#define LINUX_CLOCK_ID_H

#include <base/types.h>
#include <proc/cpu_clock.h>

enum clock_kind { CLOCK_KIND_WALL, CLOCK_KIND_MONO, CLOCK_KIND_CPU };

struct clock_id {
	enum clock_kind kind;
	bool coarse;	 /* can be read, but not slept on */
	bool own_thread; /* CLOCK_THREAD_CPUTIME_ID */
	enum cpu_clock_kind cpu;
	struct process *process; /* of a processor clock, with a reference */
	struct thread *thread;	 /* likewise, or NULL: the process's */
};

/* 0 or -EINVAL. Release with clock_id_put(). */
int clock_id_get(int number, struct clock_id *c);
void clock_id_put(struct clock_id *c);
nsec_t clock_id_now(const struct clock_id *c);

#endif
