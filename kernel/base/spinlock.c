/* SPDX-License-Identifier: BSD-2-Clause */
#include "spinlock.h"

bool spin_unfair;

void spin_wait(struct spinlock *l, uint8_t ticket)
{
	while ((uint8_t)__atomic_load_n(&l->tickets, __ATOMIC_ACQUIRE) != ticket)
		cpu_relax();
}

void spin_lock_unfair(struct spinlock *l)
{
	while (!spin_take_free(l))
		cpu_relax();
}
