/* SPDX-License-Identifier: MIT */
/* A driver as the first published revision of the interface had them: seven fields, no more. */
#include <banos/driver.h>
#include <banos/export.h>
#include <banos/print.h>

int revision0_number = 7; /* global, with data and .bss: as programmers write things */
int revision0_zero[100];

int revision0_twice(int x);
int revision0_twice(int x)
{
	return 2 * x + revision0_zero[x];
}
BANOS_EXPORT_SYMBOL(revision0_twice, "revision0_twice", revision0_twice);

static int init(Banos_Driver *driver)
{
	(void)driver;
	if (revision0_twice(revision0_number) != 14 || !banos_lookup_symbol("banos_dprintln"))
		return -5;
	banos_dprintln("revision0: at work");
	return 0;
}

static int uninit(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

BANOS_DRIVER_API static Banos_Driver revision0 = {
	.driver_size = sizeof(Banos_Driver),
	.minimal_banos_version = 0,
	.name = "revision0",
	.version = BANOS_VERSION_MAKE(0, 0, 1),
	.init = init,
	.uninit = uninit,
};
