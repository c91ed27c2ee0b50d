/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fast pages: a few slots per processor through which any physical frame can be reached, also
 * before the direct map exists and for frames outside it. Mapping one takes no lock: the slots
 * are this processor's own, and preemption stays disabled until the unmap. Last in, first out.
 * Context: any (interrupt handlers nest).
 */
#ifndef MEM_FASTPAGE_H
#define MEM_FASTPAGE_H

#include <base/types.h>

#define FASTPAGE_SLOTS 8

void *fastpage_map(paddr_t pa);
void fastpage_unmap(void *address);

#endif
