/* SPDX-License-Identifier: BSD-2-Clause */
#include "banos_sleep.h"

#include <base/lockcheck.h>
#include <base/log.h>
#include <base/panic.h>
#include <lib/format.h>

/* Places in drivers that were told, by a hash: each once. */
#define PLACES 1024

static bool first_time(uintptr_t caller)
{
	static uint32_t told[PLACES / 32]; /* [a] */
	uint32_t place = (uint32_t)((caller * 0x9e3779b97f4a7c15ul) >> 54), bit = 1u << place % 32;

	return !(__atomic_fetch_or(&told[place / 32], bit, __ATOMIC_RELAXED) & bit);
}

void banos_calls_wrongly(const char *function, const char *what, uintptr_t caller)
{
	char who[128];

	if (!first_time(caller))
		return;
	if (!symbol_driver_hook || !symbol_driver_hook(who, sizeof(who), caller - 1)) {
		/* The driver's function has left the stack already (a tail call). */
		int n = format(who, sizeof(who), "what is called by ");

		symbol_format(who + n, sizeof(who) - (size_t)n, caller - 1);
	}
	log_error("%s: calls %s %s", who, function, what);
}

void banos_sleeps_wrongly(const char *function, uintptr_t caller)
{
	lockcheck_might_sleep();
	banos_calls_wrongly(function,
			    in_interrupt() ? "in an interrupt handler, where nothing may sleep"
					   : "with a spinlock held or inside an epoch section, "
					     "where nothing may sleep",
			    caller);
}
