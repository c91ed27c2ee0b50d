/* SPDX-License-Identifier: MIT */
/* For vm/sizes: metadata of MORE (-1, 0, 1) times 8 bytes more, that says SIZE, and ends in TAIL.
 */
#include <banos/driver.h>
#include <banos/meta.h>

#define WORDS (sizeof(Banos_Meta) / 8 + (MORE))
#define WHOLE ((uint32_t)sizeof(Banos_Meta))

BANOS_META_API static const uint64_t meta[WORDS] = {
	[0] = BANOS_META_MAGIC | (uint64_t)(uint32_t)(SIZE) << 32,
	[WORDS - 1] = TAIL,
};

static int sized_init(Banos_Driver *driver)
{
	(void)driver;
	return 0;
}

BANOS_DRIVER_API static Banos_Driver sized_driver = {
	.driver_size = sizeof(sized_driver),
	.minimal_banos_version = BANOS_VERSION_MAKE(0, 9, 0),
	.name = "sized",
	.license = "MIT",
	.version = BANOS_VERSION_MAKE(1, 0, 0),
	.init = sized_init,
	.uninit = sized_init,
};
