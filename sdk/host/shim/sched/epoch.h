/* SPDX-License-Identifier: BSD-2-Clause */
/* For banos-host: grace periods, as far as the loader uses them. See epoch.c. */
#ifndef HOST_EPOCH_H
#define HOST_EPOCH_H

void epoch_wait(void);
void epoch_barrier(void);

#endif
