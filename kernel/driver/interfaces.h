/* SPDX-License-Identifier: BSD-2-Clause */
/* Which interfaces this kernel offers to drivers, and in which versions. */
#ifndef DRIVER_INTERFACES_H
#define DRIVER_INTERFACES_H

#include <banos/meta.h>

struct driver_message;

/* Are all that the driver needs there? 0, or -EOPNOTSUPP with a message that names the first. */
int interfaces_check(const Banos_Meta *meta, const char *driver, struct driver_message *m);

#endif
