/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LINUX_RUSAGE_H
#define LINUX_RUSAGE_H

struct rusage;
struct usage;

/* Linux's structure from ours. In sys_usage.c. */
void rusage_encode(struct rusage *ru, const struct usage *u);

#endif
