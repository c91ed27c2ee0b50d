/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clock numbers. The negative ones are processor clocks of any process or of a thread of ours:
 * ~id << 3 | (4: of a thread) | (0: PROF, 1: VIRT, 2: SCHED), id 0 for the caller.
 */
#include "clock_id.h"

#include <lib/errno.h>
#include <proc/proc_internal.h>
#include <sched/clock.h>
#include <sched/thread.h>

#include <linux/time.h>

#define OF_THREAD 4
#define KIND_MASK 3
#define KIND_VIRT 1
#define KIND_FD	  3

static int get_thread(int32_t id, struct clock_id *c)
{
	c->thread = id ? thread_find(id) : thread_get(current());
	if (!c->thread)
		return -EINVAL;
	c->process = thread_process(c->thread);
	/* Only the process's own threads. */
	if (c->process == process_current())
		return 0;
	clock_id_put(c);
	return -EINVAL;
}

static int get_cpu(int number, struct clock_id *c)
{
	int32_t id = ~(number >> 3);
	int kind = number & KIND_MASK;

	if (kind == KIND_FD || id < 0)
		return -EINVAL;
	c->kind = CLOCK_KIND_CPU;
	c->cpu = kind == KIND_VIRT ? CPU_CLOCK_USER : CPU_CLOCK_TOTAL;
	if (number & OF_THREAD)
		return get_thread(id, c);
	c->process = id ? process_find(id) : process_get(process_current());
	/* The caller's own thread number does for its process. */
	if (!c->process && id == current()->tid)
		c->process = process_get(process_current());
	return c->process ? 0 : -EINVAL;
}

int clock_id_get(int number, struct clock_id *c)
{
	*c = (struct clock_id){.kind = CLOCK_KIND_MONO};
	if (number < 0)
		return get_cpu(number, c);
	switch (number) {
	case CLOCK_REALTIME_COARSE:
		c->coarse = true;
		c->kind = CLOCK_KIND_WALL;
		return 0;
	case CLOCK_REALTIME:
	case CLOCK_TAI:
		c->kind = CLOCK_KIND_WALL;
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
		c->coarse = true;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		c->kind = CLOCK_KIND_CPU;
		c->process = process_get(process_current());
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		c->kind = CLOCK_KIND_CPU;
		c->own_thread = true;
		return get_thread(0, c);
	default:
		return -EINVAL;
	}
}

void clock_id_put(struct clock_id *c)
{
	if (c->thread)
		thread_put(c->thread);
	if (c->process)
		process_put(c->process);
}

nsec_t clock_id_now(const struct clock_id *c)
{
	switch (c->kind) {
	case CLOCK_KIND_WALL:
		return clock_wall_ns();
	case CLOCK_KIND_MONO:
		return clock_mono_ns();
	default:
		return cpu_clock_read(c->process, c->thread, c->cpu);
	}
}
