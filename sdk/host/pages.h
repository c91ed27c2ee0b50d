/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' pages, for those who map them. */
#ifndef HOST_PAGES_H
#define HOST_PAGES_H

#include <banos/memory.h>
#include <base/owner.h>

struct Banos_Pages {
	struct owner_object object;
	uint8_t *memory;
	uint32_t count;
	uint32_t refs; /* the driver's, and one for each mapping */
};

void pages_put(Banos_Pages *p);

#endif
