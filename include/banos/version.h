/* SPDX-License-Identifier: MIT */
/* Versions: major, minor and patch level in 8, 8 and 16 bits, so that they compare as numbers. */
#ifndef BANOS_VERSION_H
#define BANOS_VERSION_H

#include <banos/types.h>

#define BANOS_VERSION_MAKE(major, minor, patch)                                  \
	((((uint32_t)(major)&0xffu) << 24) | (((uint32_t)(minor)&0xffu) << 16) | \
	 ((uint32_t)(patch)&0xffffu))
#define BANOS_VERSION_GET_MAJOR(version) (((uint32_t)(version) >> 24) & 0xffu)
#define BANOS_VERSION_GET_MINOR(version) (((uint32_t)(version) >> 16) & 0xffu)
#define BANOS_VERSION_GET_PATCH(version) ((uint32_t)(version)&0xffffu)

/*
 * The version of the ABI that these headers describe. A driver names in its record the oldest one
 * that has all it uses, which need not be this one.
 */
#define BANOS_VERSION BANOS_VERSION_MAKE(0, 10, 0)

BANOS_API_BEGIN

/* The ABI version of the running kernel. Context: any. Since 0.9. */
uint32_t banos_version(void);

BANOS_API_END

#endif
