/* SPDX-License-Identifier: BSD-2-Clause */
#include "banos_sleep.h"

#include <base/lockcheck.h>
#include <base/log.h>
#include <base/panic.h>

#define COMPLAINTS_MAX 16

void banos_sleeps_wrongly(const char *function, uintptr_t caller)
{
	static uint32_t complaints; /* [a] */
	char who[128] = "a driver";

	lockcheck_might_sleep();
	if (__atomic_fetch_add(&complaints, 1, __ATOMIC_RELAXED) >= COMPLAINTS_MAX)
		return;
	if (symbol_driver_hook)
		symbol_driver_hook(who, sizeof(who), caller - 1);
	log_error("%s: calls %s %s, where nothing may sleep", who, function,
		  in_interrupt() ? "in an interrupt handler"
				 : "with a spinlock held or inside an epoch section");
}
