/* SPDX-License-Identifier: MIT */
/*
 * Symbols that one driver gives to others. The kernel offers its own functions by the same macros
 * and the same records. Exported names belong to the first instance that brings them, for
 * as long as it is installed; another driver that exports the same name is refused.
 */
#ifndef BANOS_EXPORT_H
#define BANOS_EXPORT_H

#include <banos/types.h>

typedef struct Banos_Export {
	const char *name;
	void *address;
} Banos_Export;

BANOS_SIZE(Banos_Export, 16);
BANOS_OFFSET(Banos_Export, name, 0);
BANOS_OFFSET(Banos_Export, address, 8);

#define BANOS_EXPORT_SECTION ".banos-export"

/*
 * Export `pointer` (of a function or an object) under the name `text`. `identifier` is any C name
 * that is unique in the file. At file scope, followed by a semicolon.
 */
#define BANOS_EXPORT_SYMBOL(identifier, text, pointer)                                           \
	static Banos_Export banos_export_##identifier                                            \
		__attribute__((__used__, __section__(BANOS_EXPORT_SECTION), __aligned__(8))) = { \
			text, (void *)(pointer)}

/* Export a function or object under its own name. */
#define BANOS_EXPORT(symbol) BANOS_EXPORT_SYMBOL(symbol, #symbol, &symbol)

BANOS_API_BEGIN

/*
 * The address exported under `name` by the kernel or an installed driver, or NULL. The way to use
 * what an older kernel may lack: look it up, and do without when it is not there. A driver found
 * so is not kept from being removed. Context: may sleep; also allowed in init. Since 0.9.
 */
void *banos_lookup_symbol(const char *name);

BANOS_API_END

#endif
