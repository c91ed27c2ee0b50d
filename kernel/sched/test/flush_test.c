/* SPDX-License-Identifier: BSD-2-Clause */
/* Translations on other processors: who is asked, who is spared, and what both see afterwards. */
#include "team.h"

#include <base/ktest.h>
#include <base/percpu.h>
#include <mem/kva.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <sched/message_internal.h>
#include <sched/thread.h>
#include <vm/space.h>
#include <vm/usercopy.h>

#define OLD	 0x01dULL
#define AREA	 (4UL << 20)
#define ATTEMPTS 1000

/* A thread on another processor that uses a space when it is told to, and sleeps in between. */
struct sleeper {
	struct vm_space *space;
	uint64_t at;
	uint32_t round; /* [a] told */
	uint32_t did;	/* [a] has done */
	uint64_t saw;
	bool over;
};

static uint64_t map(struct vm_space *s, uint64_t length)
{
	struct vm_map_args a = {.length = length, .prot = VM_READ | VM_WRITE};
	uint64_t at = 0;

	return vm_map(s, &a, &at) ? 0 : at;
}

static void use(void *ctx, unsigned i)
{
	struct sleeper *u = ctx;
	uint64_t value = OLD;

	bind_to(1);
	vm_space_switch(vm_space_get(u->space));
	for (uint32_t round = 1;; round++) {
		while (__atomic_load_n(&u->round, __ATOMIC_ACQUIRE) < round)
			sleep_ns(MS);
		if (u->over)
			break;
		if (round == 1 && copy_to_user(u->at, &value, sizeof(value)))
			u->saw = ~0ULL;
		else if (copy_from_user(&u->saw, u->at, sizeof(u->saw)))
			u->saw = ~0ULL;
		__atomic_store_n(&u->did, round, __ATOMIC_RELEASE);
	}
	vm_space_switch(NULL);
	vm_space_put(u->space);
}

static bool tell(struct sleeper *u)
{
	__atomic_add_fetch(&u->round, 1, __ATOMIC_RELEASE);
	return reaches(&u->did, u->round);
}

static void tell_to_end(struct sleeper *u)
{
	u->over = true;
	__atomic_add_fetch(&u->round, 1, __ATOMIC_RELEASE);
	team_wait();
}

static bool lazy_there(void)
{
	struct cpu *c = cpu_by_index(1);

	for (unsigned i = 0; i < ATTEMPTS; i++) {
		if (__atomic_load_n(&c->lazy, __ATOMIC_ACQUIRE))
			return true;
		sleep_ns(MS);
	}
	return false;
}

static const struct message_counts *counts_here(void)
{
	return &this_cpu()->mail->counts;
}

static uint32_t busy_over; /* [a] */

/* Keeps the processor from idling, without a space. */
static void keep_busy(void *ctx, unsigned i)
{
	bind_to(1);
	while (!__atomic_load_n(&busy_over, __ATOMIC_ACQUIRE))
		thread_yield();
}

/* What the sleeper had translated is gone; nobody asks it, and it does not see the old frame. */
static void spares_the_lazy(bool busy)
{
	struct sleeper u = {.space = vm_space_create()};
	const struct message_counts *here;
	uint64_t spared = 0;

	if (cpu_count() < 2 || !ktest_check(u.space))
		return;
	u.at = map(u.space, 2 * PAGE_SIZE);
	ktest_check(u.at);
	bind_to(0);
	here = counts_here();
	busy_over = !busy;
	team_start(1, keep_busy, NULL, false);
	team_start(1, use, &u, false);
	ktest_check(tell(&u));
	ktest_check(tell(&u));
	ktest_check_eq(u.saw, OLD);
	/* Between two looks at its orders it is asleep; it may be awake at any one moment. */
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		ktest_check(lazy_there());
		spared = here->lazy + here->idle;
		ktest_check_eq(vm_discard(u.space, u.at, PAGE_SIZE, false), 0);
		if (here->lazy + here->idle > spared)
			break;
		ktest_check(tell(&u));
	}
	ktest_check(here->lazy + here->idle > spared);
	ktest_check(tell(&u));
	ktest_check_eq(u.saw, 0);
	__atomic_store_n(&busy_over, 1, __ATOMIC_RELEASE);
	tell_to_end(&u);
	vm_space_put(u.space);
	bind_to(-1);
}

KTEST(flush_spares_the_lazy)
{
	spares_the_lazy(true);
	spares_the_lazy(false);
}

/* Page tables go: the sleeper's processor must not keep them loaded. */
KTEST(flush_frees_tables_of_the_lazy)
{
	struct sleeper u = {.space = vm_space_create()};
	const struct message_counts *here;
	uint64_t let_go = 0;

	if (cpu_count() < 2 || !ktest_check(u.space))
		return;
	bind_to(0);
	here = counts_here();
	u.at = map(u.space, PAGE_SIZE);
	team_start(1, use, &u, false);
	ktest_check(tell(&u));
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		uint64_t area = map(u.space, AREA);

		ktest_check(area);
		ktest_check_eq(vm_populate(u.space, area, AREA, true), 0);
		ktest_check(tell(&u));
		ktest_check_eq(u.saw, OLD);
		ktest_check(lazy_there());
		let_go = here->let_go;
		ktest_check_eq(vm_unmap(u.space, area, AREA), 0);
		if (here->let_go > let_go)
			break;
	}
	ktest_check(here->let_go > let_go);
	ktest_check(tell(&u));
	ktest_check_eq(u.saw, OLD);
	tell_to_end(&u);
	vm_space_put(u.space);
	bind_to(-1);
}

/* A thousand pages are one flush, since another processor is concerned; without memory, a few. */
KTEST(flush_once_for_many)
{
	struct sleeper u = {.space = vm_space_create()};
	const struct message_counts *here;
	uint64_t area, flushes;

	if (cpu_count() < 2 || !ktest_check(u.space))
		return;
	bind_to(0);
	here = counts_here();
	u.at = map(u.space, PAGE_SIZE);
	area = map(u.space, AREA);
	team_start(1, use, &u, false);
	ktest_check(u.at && area && tell(&u));
	for (unsigned nth = 0; nth < 3; nth++) {
		ktest_check_eq(vm_populate(u.space, area, AREA, true), 0);
		flushes = here->flushes;
		alloc_fail_nth(nth);
		ktest_check_eq(vm_discard(u.space, area, AREA, false), 0);
		alloc_fail_nth(0);
		/* Other threads here may have had reason for some, too. */
		ktest_check(here->flushes > flushes && here->flushes - flushes < 10);
		ktest_check(tell(&u) && u.saw == OLD);
	}
	tell_to_end(&u);
	ktest_check_eq(u.space->resident, 1);
	vm_space_put(u.space);
	bind_to(-1);
}

/* A processor that idles is not woken for a mapping of the kernel. */
KTEST(flush_spares_the_idle)
{
	const struct message_counts *here;
	uint64_t idle;

	if (cpu_count() < 2)
		return;
	bind_to(0);
	here = counts_here();
	idle = here->idle;
	for (unsigned i = 0; i < ATTEMPTS && here->idle == idle; i++) {
		void *p = kva_alloc(PAGE_SIZE);

		if (!ktest_check(p))
			break;
		kva_free(p);
		sleep_ns(100 * US);
	}
	ktest_check(here->idle > idle);
	bind_to(-1);
}
