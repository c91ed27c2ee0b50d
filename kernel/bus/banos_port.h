/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers' ports, for those in this folder that make them. */
#ifndef BUS_BANOS_PORT_H
#define BUS_BANOS_PORT_H

#include "port.h"
#include <banos/port.h>
#include <base/owner.h>

struct Banos_Ports {
	struct owner_object object;
	struct port_range range; /* [I] */
	bool complained;	 /* [a] about an access outside */
};

/* scope as in base/owner.h. 0, -EBUSY, -EINVAL, -ENOMEM.
 * Context: process. */
int banos_ports_create(struct owner *owner, const void *scope, uint32_t first, uint32_t count,
		       Banos_Ports **out);

#endif
