/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that drivers can use: the kernel's exports and those of installed drivers. */
#ifndef DRIVER_SYMBOLS_H
#define DRIVER_SYMBOLS_H

#include <banos/export.h>
#include <lib/list.h>

/* The exports of one driver instance, while published. */
struct driver_exports {
	struct list link;	     /* [DRIVER_LIST] */
	const Banos_Export *entries; /* [I] in the driver's image */
	size_t count;		     /* [I] */
};

/* The address behind a name, or NULL. Context: process. */
void *driver_symbol_find(const char *name);

/*
 * Make a driver's exports visible, all or none. 0; -EEXIST with *taken: the name that the kernel,
 * another driver, or the same list already has. Context: process.
 */
int driver_symbols_publish(struct driver_exports *e, const char **taken);
void driver_symbols_withdraw(struct driver_exports *e);

#endif
