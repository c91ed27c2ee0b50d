/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices and the match records of drivers: include/banos/meta.h says what a match is. `banos
 * probe` has this file too, so that it finds what the kernel would.
 */
#include "match.h"

#include <lib/compiler.h>
#include <lib/string.h>

/* What the driver's headers do not have yet is zero. */
static void get(const Banos_List *list, uint32_t i, Banos_Match *match)
{
	const uint8_t *from = (const uint8_t *)list->first + (size_t)i * list->stride;
	size_t size = min((size_t)list->stride, sizeof(*match));

	memset(match, 0, sizeof(*match));
	memcpy(match, from, size);
}

/* False: it does not fit. */
static bool compare(uint32_t wanted, uint32_t is, uint32_t *score)
{
	*score += wanted != BANOS_MATCH_ANY;
	return wanted == BANOS_MATCH_ANY || wanted == is;
}

uint32_t match_one(const Banos_Match *m, const Banos_Device_Info *info)
{
	uint32_t score = 1;

	if (strcmp(m->bus, info->bus) != 0)
		return 0;
	if (m->compatible && strcmp(m->compatible, info->compatible) != 0)
		return 0;
	score += m->compatible != NULL;
	if (!compare(m->vendor, info->vendor, &score) ||
	    !compare(m->device, info->device, &score) ||
	    !compare(m->subvendor, info->subvendor, &score) ||
	    !compare(m->subdevice, info->subdevice, &score))
		return 0;
	if ((m->class_code ^ info->class_code) & m->class_mask)
		return 0;
	return score + (m->class_mask != 0);
}

uint32_t match_score(const Banos_List *matches, const Banos_Device_Info *info, uint32_t *index,
		     Banos_Match *match)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < matches->count; i++) {
		Banos_Match m;
		uint32_t score;

		get(matches, i, &m);
		score = match_one(&m, info);
		if (score > best) {
			best = score;
			*index = i;
			*match = m;
		}
	}
	return best;
}
