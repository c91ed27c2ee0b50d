/* SPDX-License-Identifier: MIT */
/* The values of the parameters that .banos-meta declares (meta.h). Interface "banos.core". */
#ifndef BANOS_PARAM_H
#define BANOS_PARAM_H

#include <banos/meta.h>

BANOS_API_BEGIN

/*
 * The value of a parameter: what was given at installation, or its fallback. `type` is the declared
 * one; `buffer` takes a uint64_t or int64_t (size 8), or a text with its terminator, cut to `size`.
 * Returns 8, or the length of the whole text; -ENOENT: not declared; -EINVAL: another type, or a
 * bad size. Context: any. Since 0.9.
 */
int32_t banos_param_get(Banos_Driver *driver, const char *name, uint32_t type, void *buffer,
			uint32_t size);

BANOS_API_END

#endif
