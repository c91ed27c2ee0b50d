/* SPDX-License-Identifier: BSD-2-Clause */
/* Structures that drivers hand in, or want filled in. */
#include "banos_struct.h"

#include "banos_refuse.h"

#include <base/log.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

struct head {
	uint32_t size;
	uint32_t flags;
};

/* What a message begins with: "driver NAME". */
#define WHO(owner) (owner) ? "driver " : "a driver", (owner) ? (owner)->name : ""

static int wrong_size(struct owner *owner, const char *type, uint32_t size)
{
	char sentence[OWNER_REFUSAL_SIZE];

	format(sentence, sizeof(sentence),
	       "%s with a size of %u, which no version of it has: set it to sizeof(%s)", type, size,
	       type);
	banos_refusal_keep(owner, -EINVAL, sentence);
	if (banos_may_tell(owner))
		log_error("%s%s: %s", WHO(owner), sentence);
	return -EINVAL;
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
	for (size_t i = known_size; i < head->size; i++) {
		if (!bytes[i])
			continue;
		/* No fault: who gets this may try again without. */
		if (banos_may_tell(owner))
			log_printf(LOG_NOTICE,
				   "%s%s: %s asks by byte %zu for something that this kernel, "
				   "which knows %zu bytes of it, does not have: leave it 0, or use "
				   "a newer kernel",
				   WHO(owner), type, i, known_size);
		return -E2BIG;
	}
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
	if (head->flags) {
		if (banos_may_tell(owner))
			log_error("%s%s: %s with flags %#x: they must be 0", WHO(owner), type,
				  head->flags);
		return -EINVAL;
	}
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
