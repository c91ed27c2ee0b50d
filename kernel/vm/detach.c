/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking away what was mapped in one piece: shmdt. */
#include "internal.h"

#include <lib/errno.h>

/* Is r where it would be if its file had been mapped at addr from its beginning? */
static bool in_place(const struct vm_region *r, uint64_t addr)
{
	return r->start >= addr && r->start - addr == r->offset;
}

int vm_unmap_whole(struct vm_space *s, uint64_t addr, bool (*mine)(void *file))
{
	struct list dead = LIST_INIT(dead);
	struct vm_region *r, *next;
	void *file = NULL;
	uint64_t size = 0;

	rwlock_write_lock(&s->lock);
	for (r = region_find(s, addr); r; r = next) {
		next = region_next(r);
		if (file && r->end - addr > size)
			break;
		if (!r->file || (file ? r->file != file : !mine(r->file)) || !in_place(r, addr))
			continue;
		file = r->file;
		size = ALIGN_UP(r->object->size, PAGE_SIZE);
		region_remove(s, r->start, r->end, &dead);
	}
	rwlock_write_unlock(&s->lock);
	region_free_dead(&dead);
	return file ? 0 : -EINVAL;
}
