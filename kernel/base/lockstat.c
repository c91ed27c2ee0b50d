/* SPDX-License-Identifier: BSD-2-Clause */
#include "lockstat.h"

#include "lockcheck.h"

bool lockstat_on;

static struct lockstat table[LOCK_CLASS_COUNT];

static const char *const names[] = {
	[LOCK_NONE] = "NONE",
#define LOCK_CLASS(name, flags, why) [LOCK_##name] = #name,
#include <base/lock_classes.def>
#undef LOCK_CLASS
};

/* The processor may have changed during the wait, and its counter with it. */
void lockstat_waited(unsigned class, uint64_t cycles)
{
	struct lockstat *s = &table[class < LOCK_CLASS_COUNT ? class : LOCK_NONE];
	uint64_t worst = __atomic_load_n(&s->worst, __ATOMIC_RELAXED);

	if ((int64_t)cycles < 0)
		cycles = 0;
	__atomic_fetch_add(&s->waits, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&s->cycles, cycles, __ATOMIC_RELAXED);
	while (cycles > worst && !__atomic_compare_exchange_n(&s->worst, &worst, cycles, true,
							      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		continue;
}

struct lockstat lockstat_read(unsigned class, const char **name)
{
	const struct lockstat *s = &table[class];

	*name = names[class];
	return (struct lockstat){.waits = __atomic_load_n(&s->waits, __ATOMIC_RELAXED),
				 .cycles = __atomic_load_n(&s->cycles, __ATOMIC_RELAXED),
				 .worst = __atomic_load_n(&s->worst, __ATOMIC_RELAXED)};
}

void lockstat_clear(void)
{
	for (unsigned i = 0; i < LOCK_CLASS_COUNT; i++) {
		__atomic_store_n(&table[i].waits, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&table[i].cycles, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&table[i].worst, 0, __ATOMIC_RELAXED);
	}
}
