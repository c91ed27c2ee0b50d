/* SPDX-License-Identifier: MIT */
/* Needs a version of the exporter that is not there. */
#include <banos/driver.h>
#include <banos/meta.h>

static int picky_init(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

static const Banos_Dependency dependencies[] = {
	{.name = "exporter", .minimum = BANOS_VERSION_MAKE(9, 0, 0)},
};

BANOS_META_API static const Banos_Meta picky_meta = {
	BANOS_META_HEAD,
	.dependencies = BANOS_LIST(dependencies),
};

BANOS_DRIVER_API static Banos_Driver picky_driver = {
	.driver_size = sizeof(picky_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "picky",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = picky_init,
	.uninit = picky_init,
};
