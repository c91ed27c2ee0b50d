/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system calls itself. C libraries and scripts read the release as Linux's. */
#ifndef PROC_UTS_H
#define PROC_UTS_H

#include <stddef.h>

#define UTS_RELEASE "6.1.0-banos"
#define UTS_VERSION "#1 SMP PREEMPT Banos 0.1"

void uts_nodename(char *out, size_t size);
void uts_set_nodename(const char *name);
void uts_domainname(char *out, size_t size);
void uts_set_domainname(const char *name);

#endif
