/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers inside the kernel image: what a machine needs before it can read a file. Each is the same
 * object that `banos install` would load, debug information left out, and takes the same way
 * through the checks and the loader. A kernel whose own drivers could do more than others would be
 * tempted to let them.
 *
 * Rejected: linking them into the kernel's text. It would save a few pages, and build each driver
 * in a way that nobody else's is built.
 */
#include "builtin.h"

#include "registry.h"
#include <base/log.h>

struct builtin {
	const void *bytes;
	size_t size;
};

extern const struct builtin builtin_drivers[]; /* ends with zeros */

void driver_install_builtin(void)
{
	/* What is wrong with one is in the log already. */
	for (const struct builtin *b = builtin_drivers; b->bytes; b++)
		if (driver_install(b->bytes, b->size, NULL) < 0)
			log_warn("drivers: one that is part of the kernel is not installed");
}
