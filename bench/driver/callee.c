/* SPDX-License-Identifier: MIT */
/* For the bench: a function that the driver rows calls. */
#include <banos/driver.h>
#include <banos/export.h>

uint64_t bench_callee(uint64_t value);
uint64_t bench_callee(uint64_t value)
{
	return value + 1;
}
BANOS_EXPORT(bench_callee);

static int nothing(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

BANOS_DRIVER_API static Banos_Driver callee_driver = {
	.driver_size = sizeof(callee_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "callee",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = nothing,
	.uninit = nothing,
};
