/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures that drivers hand in. All begin with {uint32_t size, flags}; those of newer drivers
 * may be longer than we know, those of older ones shorter.
 */
#ifndef BASE_BANOS_STRUCT_H
#define BASE_BANOS_STRUCT_H

#include <base/types.h>
#include <lib/errno.h>
#include <lib/string.h>

#define BANOS_STRUCT_MAX 4096

struct banos_struct_head {
	uint32_t size;
	uint32_t flags;
};

/*
 * A description: what we know is copied, the rest of *known is zero. -EINVAL for a size that cannot
 * be; -E2BIG when the part that we do not know is not zero, because that asks for something.
 */
static inline int banos_struct_get(void *known, size_t known_size, const void *given)
{
	const struct banos_struct_head *head = given;
	const uint8_t *bytes = given;

	if (!given || head->size < sizeof(*head) || head->size % 4 || head->size > BANOS_STRUCT_MAX)
		return -EINVAL;
	for (size_t i = known_size; i < head->size; i++)
		if (bytes[i])
			return -E2BIG;
	memset(known, 0, known_size);
	memcpy(known, given, min((size_t)head->size, known_size));
	return 0;
}

/* A table of callbacks: the part that we do not know is never called. Bytes used, or -EINVAL. */
static inline int banos_ops_get(void *known, size_t known_size, const void *given)
{
	const struct banos_struct_head *head = given;
	size_t used;

	if (!given || head->size < sizeof(*head) || head->size % 8 ||
	    head->size > BANOS_STRUCT_MAX || head->flags)
		return -EINVAL;
	used = min((size_t)head->size, known_size);
	memset(known, 0, known_size);
	memcpy(known, given, used);
	return (int)used;
}

#endif
