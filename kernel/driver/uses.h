/* SPDX-License-Identifier: BSD-2-Clause */
/* Which instances an instance needs: named as dependencies, or because they export what it calls.
 */
#ifndef DRIVER_USES_H
#define DRIVER_USES_H

#include <base/types.h>

struct driver_image;
struct driver_message;
struct instance;

struct driver_uses {
	struct instance **on; /* without repetition; each is held */
	uint32_t count;
};

/* i needs `on`, which is kept from removal. 0 or -ENOMEM. Holds: install_lock. */
int uses_add(struct driver_uses *uses, struct instance *on);
/* The dependencies in the metadata. 0, or -errno with a message. Holds: install_lock. */
int uses_add_declared(struct driver_uses *uses, const struct driver_image *image,
		      struct driver_message *m);
/* All of them are let go. Holds: install_lock. */
void uses_drop(struct driver_uses *uses);

#endif
