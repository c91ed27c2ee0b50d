/* SPDX-License-Identifier: MIT */
/* Gives other drivers a function and a number: see importer. */
#include <banos/driver.h>
#include <banos/export.h>

static uint64_t counter;

uint64_t exporter_count(uint64_t by);
uint64_t exporter_count(uint64_t by)
{
	return __atomic_add_fetch(&counter, by, __ATOMIC_RELAXED);
}
BANOS_EXPORT(exporter_count);
BANOS_EXPORT_SYMBOL(counter, "exporter_counter", &counter);

static int exporter_init(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

BANOS_DRIVER_API static Banos_Driver exporter_driver = {
	.driver_size = sizeof(exporter_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "exporter",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 2, 0),
	.init = exporter_init,
	.uninit = exporter_init,
};
