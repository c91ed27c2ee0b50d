/* SPDX-License-Identifier: BSD-2-Clause */
#include "spinlock.h"

#include "lockstat.h"

bool spin_unfair;

void spin_wait(struct spinlock *l, uint8_t ticket)
{
	uint64_t began = lockstat_begin();

	while ((uint8_t)__atomic_load_n(&l->tickets, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
	lockstat_end(l->class, began);
}

void spin_lock_unfair(struct spinlock *l)
{
	uint64_t began;

	if (spin_take_free(l))
		return;
	began = lockstat_begin();
	do
		cpu_relax();
	while (!spin_take_free(l));
	lockstat_end(l->class, began);
}
