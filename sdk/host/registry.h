/* SPDX-License-Identifier: BSD-2-Clause */
/* Installed drivers, for those who install them. */
#ifndef HOST_REGISTRY_H
#define HOST_REGISTRY_H

#include <base/types.h>

/* The number of the newest instance, or -1. */
int registry_newest(void);
/* Has it an uninit? */
bool registry_can_go(int number);
/* Why the last installation or removal was refused: a sentence of the kernel's. */
const char *registry_refusal(void);

#endif
