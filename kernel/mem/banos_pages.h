/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' pages, for those who map them into programs or hand them to devices. */
#ifndef MEM_BANOS_PAGES_H
#define MEM_BANOS_PAGES_H

#include <banos/memory.h>
#include <base/owner.h>
#include <mem/frame.h>

struct Banos_Pages {
	struct owner_object object;
	struct page *first; /* [I] the others follow it; a reference to each */
	uint32_t count;	    /* [I] */
};

#endif
