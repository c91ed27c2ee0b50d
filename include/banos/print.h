/* SPDX-License-Identifier: MIT */
/* The simplest way to say something. */
#ifndef BANOS_PRINT_H
#define BANOS_PRINT_H

#include <banos/types.h>

BANOS_API_BEGIN

/* One line of text in the kernel log, at the level of information. Context: any. Since 0.9. */
void banos_dprintln(const char *text);

BANOS_API_END

#endif
