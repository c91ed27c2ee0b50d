/* SPDX-License-Identifier: MIT */
/* Needs the exporter, 1.1 or newer, and would use another driver if that were there. */
#include <banos/driver.h>
#include <banos/import.h>
#include <banos/meta.h>
#include <banos/print.h>

BANOS_API_BEGIN
uint64_t exporter_count(uint64_t by);
void nobody_exports_this(void);
BANOS_API_END

BANOS_OPTIONAL(nobody_exports_this);
BANOS_OPTIONAL(exporter_count);

static int importer_init(Banos_Driver *driver)
{
	(void)driver;
	if (BANOS_OPTIONAL_ADDRESS(nobody_exports_this))
		BANOS_OPTIONAL_ADDRESS(nobody_exports_this)();
	if (BANOS_OPTIONAL_ADDRESS(exporter_count) != exporter_count)
		return -5;
	exporter_count(1);
	banos_dprintln("importer: counted");
	return 0;
}

static int importer_uninit(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

static const Banos_Dependency dependencies[] = {
	{.name = "exporter", .minimum = BANOS_VERSION_MAKE(1, 1, 0)},
	{.name = "nobody", .flags = BANOS_DEPENDENCY_OPTIONAL},
};

BANOS_META_API static const Banos_Meta importer_meta = {
	BANOS_META_HEAD,
	.description = "counts with the exporter's help",
	.dependencies = BANOS_LIST(dependencies),
};

BANOS_DRIVER_API static Banos_Driver importer_driver = {
	.driver_size = sizeof(importer_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "importer",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = importer_init,
	.uninit = importer_uninit,
};
