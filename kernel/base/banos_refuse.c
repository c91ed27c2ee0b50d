/* SPDX-License-Identifier: BSD-2-Clause */
#include "banos_refuse.h"

#include <base/log.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

/* The last one of an init counts: the driver has mostly given up after it. */
static void keep(struct owner *o, int error, const char *sentence)
{
	uint64_t irq = spin_lock_irq(&o->lock);

	o->refusal.error = error;
	strlcpy(o->refusal.sentence, sentence, sizeof(o->refusal.sentence));
	spin_unlock_irq(&o->lock, irq);
}

int banos_refuse(struct owner *o, int error, const char *call, const char *why, ...)
{
	char sentence[OWNER_REFUSAL_SIZE];
	va_list ap;
	int n = format(sentence, sizeof(sentence), "%s: ", call);

	va_start(ap, why);
	format_v(sentence + n, sizeof(sentence) - (size_t)n, why, ap);
	va_end(ap);
	log_printf(error == -EEXIST ? LOG_NOTICE : LOG_ERROR, "%s%s: %s (%s)",
		   o ? "driver " : "a driver", o ? o->name : "", sentence, errno_name(error));
	if (o && __atomic_load_n(&o->start, __ATOMIC_RELAXED) == OWNER_STARTING)
		keep(o, error, sentence);
	return error;
}
