/* SPDX-License-Identifier: BSD-2-Clause */
/* Vector state in memory, for signal frames and exec. */
#ifndef ARCH_VECTOR_H
#define ARCH_VECTOR_H

#include <stddef.h>
#include <stdint.h>

size_t vector_size(void);   /* bytes of an area: XSAVE standard format, or FXSAVE */
uint64_t vector_mask(void); /* components in it; 0 with FXSAVE */
void vector_save(void *area);
void vector_load(const void *area);
void vector_init_area(void *area);
void vector_sanitize(void *area); /* make hostile contents safe to load */
/*
 * For debuggers: a copy in which components that are not in use have their first values; and back.
 * Import: -EINVAL for what could not be loaded. size: the whole area, or 512 for the old part.
 */
void vector_export(const void *area, void *out);
int vector_import(void *area, const void *in, size_t size);
/* Write the current thread's live registers into its area, which then is the truth. */
void vector_flush(void);

#endif
