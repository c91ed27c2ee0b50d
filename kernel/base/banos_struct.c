/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures that drivers hand in, or want filled in. */
#include "banos_struct.h"

#include "banos_refuse.h"

#include <lib/errno.h>
#include <lib/string.h>

struct head {
	uint32_t size;
	uint32_t flags;
};

static int wrong_size(struct owner *owner, const char *type, uint32_t size)
{
	return banos_refuse(owner, -EINVAL, type,
			    "a size of %u, which no version of it has: set it to sizeof(%s)", size,
			    type);
}

/* What is given: no member is cut. */
static int check_given(struct owner *owner, const char *type, const struct head *head)
{
	if (!head)
		return BANOS_REFUSE_NULL(owner, type);
	if (head->size >= sizeof(*head) && head->size % 8 == 0 && head->size <= BANOS_STRUCT_MAX)
		return 0;
	return wrong_size(owner, type, head->size);
}

int banos_struct_check(struct owner *owner, const char *type, const void *given)
{
	const struct head *head = given;

	if (!head)
		return -EINVAL;
	if (head->size >= sizeof(*head))
		return 0;
	return wrong_size(owner, type, head->size);
}

int banos_struct_get(struct owner *owner, const char *type, void *known, size_t known_size,
		     const void *given)
{
	const struct head *head = given;
	const uint8_t *bytes = given;
	int r = check_given(owner, type, given);

	if (r)
		return r;
	for (size_t i = known_size; i < head->size; i++)
		if (bytes[i])
			return banos_refuse(owner, -E2BIG, type,
					    "byte %zu asks for something that this kernel, which "
					    "knows %zu bytes of it, does not have: leave it 0, or "
					    "use a newer kernel",
					    i, known_size);
	memset(known, 0, known_size);
	memcpy(known, given, min((size_t)head->size, known_size));
	return 0;
}

int banos_ops_get(struct owner *owner, const char *type, void *known, size_t known_size,
		  const void *given)
{
	const struct head *head = given;
	int r = check_given(owner, type, given);
	size_t used;

	if (r)
		return r;
	if (head->flags)
		return banos_refuse(owner, -EINVAL, type, "flags %#x: they must be 0", head->flags);
	used = min((size_t)head->size, known_size);
	memset(known, 0, known_size);
	memcpy(known, given, used);
	return (int)used;
}

void banos_struct_put(void *out, const void *known, size_t known_size)
{
	struct head *head = out;
	uint32_t size = head->size, used = min(size, (uint32_t)known_size);

	/* No structure is larger: such a size is a lie. */
	if (size <= BANOS_STRUCT_MAX)
		memset(out, 0, size);
	memcpy(out, known, used);
	head->size = used;
}
