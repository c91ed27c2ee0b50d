/* SPDX-License-Identifier: BSD-2-Clause */
/* Names that drivers can use: the kernel's exports and those of installed drivers. */
#ifndef DRIVER_SYMBOLS_H
#define DRIVER_SYMBOLS_H

#include <banos/export.h>
#include <base/types.h>
#include <lib/list.h>

struct driver_name;

/* The exports of one driver instance, while published. */
struct driver_exports {
	const Banos_Export *entries; /* [I] in the driver's image */
	size_t count;		     /* [I] */
	struct driver_name *names;   /* [I] one for each entry, in the table of names; or NULL */
};

/*
 * The address behind a name, or NULL; *from: whose it is, NULL for the kernel's own. Context:
 * process.
 */
void *driver_symbol_find(const char *name, struct driver_exports **from);

/*
 * Make a driver's exports visible, all or none. 0; -EEXIST with *taken: the name that the kernel,
 * another driver, or the same list already has; -ENOMEM. Context: process.
 */
int driver_symbols_publish(struct driver_exports *e, const char **taken);
/* Harmless when nothing is published. */
void driver_symbols_withdraw(struct driver_exports *e);

/* Once at boot: sorts the kernel's own. */
void driver_symbols_init(void);

#endif
