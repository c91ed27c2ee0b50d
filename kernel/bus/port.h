/* SPDX-License-Identifier: BSD-2-Clause */
/* Ranges of ports and who has them. */
#ifndef BUS_PORT_H
#define BUS_PORT_H

#include <base/types.h>
#include <lib/rbtree.h>

struct port_range {
	struct rb_node node; /* [ranges_lock] */
	uint32_t first;	     /* [I] */
	uint32_t count;	     /* [I] */
	const char *name;    /* [I] whose they are; stays as long as the range */
};

/* first, count, name are set. 0, -EBUSY, -EINVAL. Context: process. */
int port_range_claim(struct port_range *range);
void port_range_release(struct port_range *range);

/* At boot: what the architecture uses is taken; /proc/ioports. */
void port_init(void);

#endif
