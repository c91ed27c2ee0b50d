/* SPDX-License-Identifier: BSD-2-Clause */
#include "banos_refuse.h"

#include <base/log.h>
#include <base/spinlock.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

#define TOLD_MAX 200

static bool is_starting(const struct owner *o)
{
	return o && __atomic_load_n(&o->start, __ATOMIC_RELAXED) == OWNER_STARTING;
}

bool banos_may_tell(struct owner *o)
{
	static uint32_t of_some; /* [a] */
	uint32_t n;

	if (is_starting(o))
		return true;
	n = __atomic_fetch_add(o ? &o->told : &of_some, 1, __ATOMIC_RELAXED);
	if (n == TOLD_MAX)
		log_error("%s%s: further mistakes are not told", o ? "driver " : "a driver",
			  o ? o->name : "");
	return n < TOLD_MAX;
}

/* The last one of an init counts: the driver has mostly given up after it. */
static void keep(struct owner *o, int error, const char *sentence)
{
	uint64_t irq = spin_lock_irq(&o->lock);

	o->refusal.error = error;
	strlcpy(o->refusal.sentence, sentence, sizeof(o->refusal.sentence));
	spin_unlock_irq(&o->lock, irq);
}

bool banos_refusal_of(struct owner *o, int error, char *sentence, size_t size)
{
	uint64_t irq = spin_lock_irq(&o->lock);
	bool same = o->refusal.error == error;

	if (same)
		strlcpy(sentence, o->refusal.sentence, size);
	spin_unlock_irq(&o->lock, irq);
	return same;
}

int banos_refuse(struct owner *o, int error, const char *call, const char *why, ...)
{
	char sentence[OWNER_REFUSAL_SIZE];
	va_list ap;
	int n = format(sentence, sizeof(sentence), "%s: ", call);

	va_start(ap, why);
	format_v(sentence + n, sizeof(sentence) - (size_t)n, why, ap);
	va_end(ap);
	if (banos_may_tell(o))
		log_printf(error == -EEXIST || error == -E2BIG ? LOG_NOTICE : LOG_ERROR,
			   "%s%s: %s (%s)", o ? "driver " : "a driver", o ? o->name : "", sentence,
			   errno_name(error));
	if (is_starting(o))
		keep(o, error, sentence);
	return error;
}
