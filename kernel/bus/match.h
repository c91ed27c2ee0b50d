/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BUS_MATCH_H
#define BUS_MATCH_H

#include <banos/device.h>

/* How many things the match names of the device, or 0 when it does not fit. Context: any. */
uint32_t match_one(const Banos_Match *match, const Banos_Device_Info *info);

/*
 * The best of the matches for a device, in *match and *index: how many things it names, or 0 for
 * none that fits. The loader has checked the list. Context: any.
 */
uint32_t match_score(const Banos_List *matches, const Banos_Device_Info *info, uint32_t *index,
		     Banos_Match *match);

#endif
