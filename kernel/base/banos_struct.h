/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Structures that drivers hand in, or want filled in. All begin with {uint32_t size, flags}; those
 * of newer drivers may be longer than we know, those of older ones shorter.
 *
 * No member is larger than 8 bytes or lies across a multiple of 8, and every version's size is such
 * a multiple. So the first N * 8 bytes cut no member. What is handed in must have such a size:
 * another would leave half of a pointer in what we copy. What is filled in may have any.
 *
 * The log says which structure of which driver is wrong; owner may be NULL. Context: any.
 */
#ifndef BASE_BANOS_STRUCT_H
#define BASE_BANOS_STRUCT_H

#include <base/owner.h>
#include <base/types.h>

#define BANOS_STRUCT_MAX 4096

/*
 * A description: what we know is copied to *known, the rest of which is zero. -EINVAL for NULL and
 * for a size that cannot be; -E2BIG when the part that we do not know is not zero, because that
 * asks for something.
 */
#define BANOS_STRUCT_GET(owner, type, known, given) \
	banos_struct_get(owner, BANOS_STRUCT_NAME(type, known), known, sizeof(type), given)

/* A table of callbacks: the part that we do not know is never called. Bytes used, or -EINVAL. */
#define BANOS_OPS_GET(owner, type, known, given) \
	banos_ops_get(owner, BANOS_STRUCT_NAME(type, known), known, sizeof(type), given)

/*
 * 0 if *out has room for its own head, so that BANOS_STRUCT_PUT can write it, or -EINVAL. Its flags
 * are not looked at.
 */
#define BANOS_STRUCT_CHECK(owner, type, out) \
	banos_struct_check(owner, BANOS_STRUCT_NAME(type, out), out)
/* The driver gets what there is room for, and its size; what it has beyond that is zero. */
#define BANOS_STRUCT_PUT(type, out, known) \
	((void)BANOS_STRUCT_NAME(type, out), banos_struct_put(out, known, sizeof(type)))

/* "type", where it is the type of *pointer and one that can grow. */
#define BANOS_STRUCT_NAME(type, pointer)                                                           \
	({                                                                                         \
		_Static_assert(sizeof(type) % 8 == 0, "a prefix of " #type " would cut a member"); \
		(void)((pointer) == (const type *)0);                                              \
#type;                                                                             \
	})

int banos_struct_get(struct owner *owner, const char *type, void *known, size_t known_size,
		     const void *given);
int banos_ops_get(struct owner *owner, const char *type, void *known, size_t known_size,
		  const void *given);
int banos_struct_check(struct owner *owner, const char *type, const void *given);
void banos_struct_put(void *out, const void *known, size_t known_size);

#endif
