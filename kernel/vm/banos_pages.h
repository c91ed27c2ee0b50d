/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' pages, for those who map them into programs or hand them to devices. */
#ifndef VM_BANOS_PAGES_H
#define VM_BANOS_PAGES_H

#include <banos/memory.h>
#include <base/owner.h>
#include <mem/frame.h>

struct vm_object;

struct Banos_Pages {
	struct owner_object object;
	struct page *first;	  /* [I] the others follow it */
	uint32_t count;		  /* [I] */
	struct vm_object *mapped; /* [I] holds them all; programs map it */
};

#endif
