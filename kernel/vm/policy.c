/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory policies of ranges: kept, split and merged with the regions, and asked for. */
#include "internal.h"

#include <lib/compiler.h>
#include <lib/errno.h>

int vm_set_policy(struct vm_space *s, uint64_t addr, uint64_t length, unsigned policy, bool holes)
{
	uint64_t end, at = addr;
	struct vm_region *r;
	bool some = false;
	int error;

	if (!region_range_ok(addr, length, &end))
		return -EFAULT;
	if (addr == end)
		return 0;
	rwlock_write_lock(&s->lock);
	/* Nothing is changed when there is a hole. */
	for (r = region_find(s, addr); r && r->start < end; r = region_next(r)) {
		if (r->start > at && !holes)
			break;
		at = r->end;
		some = true;
	}
	error = some && (at >= end || holes) ? region_isolate(s, addr, end) : -EFAULT;
	for (r = region_find(s, addr); !error && r && r->start < end; r = region_next(r))
		r->policy = (uint16_t)policy;
	region_merge(s, addr, end);
	rwlock_write_unlock(&s->lock);
	return error;
}

int vm_get_policy(struct vm_space *s, uint64_t addr, unsigned *policy)
{
	struct vm_region *r;
	int error = -EFAULT;

	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	if (r && r->start <= addr) {
		*policy = r->policy;
		error = 0;
	}
	rwlock_read_unlock(&s->lock);
	return error;
}

int vm_find_policy(struct vm_space *s, uint64_t addr, uint64_t end, unsigned *policy)
{
	struct vm_region *r;
	int error = -ENOENT;

	rwlock_read_lock(&s->lock);
	for (r = region_find(s, addr); error && r && r->start < end; r = region_next(r))
		if (r->policy) {
			*policy = r->policy;
			error = 0;
		}
	rwlock_read_unlock(&s->lock);
	return error;
}

int vm_page_state(struct vm_space *s, uint64_t addr)
{
	struct vm_region *r;
	int error = -EFAULT;

	rwlock_read_lock(&s->lock);
	r = region_find(s, addr);
	if (r && r->start <= addr) {
		if (pt_is_counted(s, addr))
			error = 0;
		else
			error = pt_is_present(s, addr) ? -EFAULT : -ENOENT;
	}
	rwlock_read_unlock(&s->lock);
	return error;
}
