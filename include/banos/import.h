/* SPDX-License-Identifier: MIT */
/*
 * Optional imports: functions that an older kernel, or one without another driver, does not have.
 *
 *	BANOS_OPTIONAL(banos_thing);		at file scope, once, after its declaration
 *
 *	if (BANOS_OPTIONAL_ADDRESS(banos_thing))
 *		BANOS_OPTIONAL_ADDRESS(banos_thing)(argument);
 *
 * The slot is filled once, before init runs: what is installed later is not seen. A driver that
 * fills a slot is in use as long as this one is installed.
 */
#ifndef BANOS_IMPORT_H
#define BANOS_IMPORT_H

#include <banos/types.h>

/* Filled in by the loader, of which the compiler knows nothing: hence volatile. */
typedef struct Banos_Import {
	const char *name;
	void *volatile address; /* NULL: nobody exports the name */
} Banos_Import;

BANOS_SIZE(Banos_Import, 16);
BANOS_OFFSET(Banos_Import, name, 0);
BANOS_OFFSET(Banos_Import, address, 8);

#define BANOS_IMPORT_SECTION ".banos-import"

#define BANOS_OPTIONAL(symbol)                                    \
	static Banos_Import banos_import_##symbol __attribute__(( \
		__used__, __section__(BANOS_IMPORT_SECTION), __aligned__(8))) = {#symbol, NULL}

#define BANOS_OPTIONAL_ADDRESS(symbol) ((__typeof__(&symbol))banos_import_##symbol.address)

#endif
