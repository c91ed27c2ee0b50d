/* SPDX-License-Identifier: MIT */
/*
 * The record by which an object is a driver: exactly one in the section .banos-driver.
 *
 *	static int my_init(Banos_Driver *driver) { ...; return 0; }
 *
 *	BANOS_DRIVER_API static Banos_Driver my_driver = {
 *		.driver_size = sizeof(my_driver),
 *		.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
 *		.name = "my", .license = "MIT", .version = BANOS_VERSION_MAKE(1, 0, 0),
 *		.init = my_init,
 *	};
 *
 * A larger structure whose first member is the record, with driver_size set to the size of the
 * whole, gives each instance private data behind it: init and uninit get the pointer.
 */
#ifndef BANOS_DRIVER_H
#define BANOS_DRIVER_H

#include <banos/types.h>
#include <banos/version.h>

typedef struct Banos_Driver Banos_Driver;

/* Revision 0, which is the whole record for ever. What is newer lives in .banos-meta. */
struct Banos_Driver {
	/* Size of the whole record, private data included: at least 56, a multiple of 8. */
	uint64_t driver_size;
	/* The oldest ABI version the driver works with; a kernel that is older refuses it. */
	uint32_t minimal_banos_version;
	/* Required: what the driver is called in the log and in lists. */
	const char *name;
	/* May be NULL. */
	const char *license;
	/* The driver's own version, made by BANOS_VERSION_MAKE. */
	uint32_t version;
	/*
	 * Required: called once per instance, at the end of installation, in a context that may
	 * sleep. A negative result is an errno and undoes the installation: give back first what
	 * you have taken.
	 */
	int (*init)(Banos_Driver *driver);
	/* Called before removal. NULL: the driver cannot be removed. Negative: refused. */
	int (*uninit)(Banos_Driver *driver);
};

BANOS_SIZE(Banos_Driver, 56);
BANOS_OFFSET(Banos_Driver, driver_size, 0);
BANOS_OFFSET(Banos_Driver, minimal_banos_version, 8);
BANOS_OFFSET(Banos_Driver, name, 16);
BANOS_OFFSET(Banos_Driver, license, 24);
BANOS_OFFSET(Banos_Driver, version, 32);
BANOS_OFFSET(Banos_Driver, init, 40);
BANOS_OFFSET(Banos_Driver, uninit, 48);

#define BANOS_DRIVER_SECTION ".banos-driver"
/* Before the definition of the record. It must not be const: the record is given to init. */
#define BANOS_DRIVER_API __attribute__((__used__, __section__(BANOS_DRIVER_SECTION)))

#endif
