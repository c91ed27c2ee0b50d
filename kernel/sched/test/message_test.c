/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages between processors, all to all at once. */
#include "team.h"

#include <arch/cpu.h>
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/bitmap.h>
#include <sched/clock.h>
#include <sched/message_internal.h>
#include <sched/thread.h>

static uint32_t counts[MAX_CPUS]; /* [a] calls seen by each processor */
static uint32_t errors, sent;	  /* [a] */

static void count_call(void *arg)
{
	uint32_t *here = arg;

	if (irq_enabled())
		__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&counts[this_cpu_index()], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(here, 1, __ATOMIC_RELAXED);
}

static void storm(void *ctx, unsigned i)
{
	uint32_t state = i + 1;

	for (unsigned n = 0; team_time(); n++) {
		uint32_t answers = 0;

		if (noise(&state) % 4) {
			message_call_all(count_call, &answers);
		} else {
			/* Allowed with interrupts off, too: the caller answers while it waits. */
			irq_disable();
			message_call_all(count_call, &answers);
			irq_enable();
		}
		/* All have answered when the call returns, and nobody answers later. */
		if (answers != cpu_count())
			__atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&sent, 1, __ATOMIC_RELAXED);
	}
}

KTEST(message_storm)
{
	nsec_t from = clock_mono_ns();

	errors = sent = 0;
	for (unsigned i = 0; i < MAX_CPUS; i++)
		counts[i] = 0;
	team_run_bound(cpu_count() + 1, storm, NULL);
	ktest_check_eq(errors, 0);
	for (unsigned i = 0; i < cpu_count(); i++)
		ktest_check_eq(counts[i], sent);
	ktest_note("%lu ns a call", (unsigned long)((clock_mono_ns() - from) / (sent + 1)));
}

KTEST(message_to_some)
{
	for (unsigned target = 0; target < cpu_count(); target++) {
		DECLARE_BITMAP(map, MAX_CPUS);
		uint32_t answers = 0, before = counts[target];

		bitmap_zero(map, MAX_CPUS);
		bit_set(map, target);
		message_call(map, count_call, &answers);
		ktest_check_eq(answers, 1);
		ktest_check_eq(counts[target], before + 1);
	}
}

/* --- who is interrupted --- */

static uint32_t ready, over; /* [a] */

static void deaf(void *ctx, unsigned i)
{
	bind_to(1);
	irq_disable();
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		cpu_relax();
	irq_enable();
}

static void attentive(void *ctx, unsigned i)
{
	struct message_wait w;

	bind_to(1);
	preempt_disable();
	message_wait_begin(&w);
	__atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
		message_serve();
		cpu_relax();
	}
	message_wait_end(&w);
	preempt_enable();
}

static void start_target(team_fn fn)
{
	ready = over = 0;
	bind_to(0);
	team_start(1, fn, NULL, false);
	ktest_check(reaches(&ready, 1));
}

static void end_target(void)
{
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	team_wait();
	bind_to(-1);
}

/* However many want something of it: one interrupt is under way. */
KTEST(message_coalesced)
{
	struct message_counts *n;
	uint64_t before;

	if (cpu_count() < 2)
		return;
	start_target(deaf);
	n = &this_cpu()->mail->counts;
	message_raise(cpu_by_index(1), MESSAGE_WAKE);
	before = n->coalesced;
	for (unsigned i = 0; i < 10; i++)
		message_raise(cpu_by_index(1), MESSAGE_WAKE);
	ktest_check(n->coalesced >= before + 10);
	end_target();
}

/* One that waits itself serves what comes, without an interrupt. */
KTEST(message_attended)
{
	DECLARE_BITMAP(map, MAX_CPUS);
	struct message_counts *n;
	uint32_t answers = 0;
	uint64_t before;

	if (cpu_count() < 2)
		return;
	start_target(attentive);
	n = &this_cpu()->mail->counts;
	before = n->attended;
	bitmap_zero(map, MAX_CPUS);
	bit_set(map, 1);
	for (unsigned i = 0; i < 10; i++)
		message_call(map, count_call, &answers);
	ktest_check(n->attended >= before + 10);
	ktest_check_eq(answers, 10);
	end_target();
}
