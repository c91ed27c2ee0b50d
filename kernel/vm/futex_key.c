/* SPDX-License-Identifier: BSD-2-Clause */
#include "futex_key.h"

#include "internal.h"

#include <lib/errno.h>

int vm_futex_key(struct vm_space *s, uint64_t addr, bool write, struct vm_object **object,
		 uint64_t *offset)
{
	struct vm_region *r;
	int result = 0;

	*object = NULL;
	*offset = addr;
	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	if (!r || r->start > addr || !(r->prot & (write ? VM_WRITE : VM_READ | VM_WRITE))) {
		result = -EFAULT;
	} else if (r->flags & VM_SHARED && r->object) {
		*object = vm_object_get(r->object);
		*offset = r->offset + (addr - r->start);
	}
	rwlock_read_unlock(&s->lock);
	return result;
}
