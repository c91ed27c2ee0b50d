/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials of base/cred.h. The code lives here since the memory is given back after a grace
 * period: others read a thread's credentials under epoch_enter() only.
 */
#include <base/cred.h>
#include <base/panic.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/epoch.h>

#define ALL_CAPABILITIES ((1UL << 41) - 1) /* CAP_LAST_CAP is 40 */

struct cred cred_root = {.refs = 1,
			 .user = &user_root,
			 .cap_effective = ALL_CAPABILITIES,
			 .cap_permitted = ALL_CAPABILITIES};

struct cred *cred_get(struct cred *c)
{
	__atomic_fetch_add(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void cred_put(struct cred *c)
{
	if (__atomic_fetch_sub(&c->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	assert(c != &cred_root);
	user_put(c->user); /* those who look under epoch read numbers only */
	epoch_kfree(&c->epoch, offsetof(struct cred, epoch));
}

struct cred *cred_clone(const struct cred *c, uint32_t groups)
{
	uint32_t keep = min(groups, c->group_count);
	struct cred *n = kmalloc(sizeof(*n) + (size_t)groups * sizeof(n->groups[0]));

	if (!n)
		return NULL;
	memcpy(n, c, sizeof(*c));
	memcpy(n->groups, c->groups, (size_t)keep * sizeof(n->groups[0]));
	n->group_count = keep;
	n->refs = 1;
	user_get(n->user);
	return n;
}

int cred_set_uid(struct cred *c, uint32_t uid)
{
	struct user *u = uid == c->uid ? user_get(c->user) : user_of(uid);

	if (!u)
		return -EAGAIN;
	user_put(c->user);
	c->user = u;
	c->uid = uid;
	return 0;
}

bool cred_in_group(const struct cred *c, uint32_t gid)
{
	uint32_t lo = 0, hi = c->group_count;

	if (gid == c->fsgid)
		return true;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool cred_superuser(const struct cred *c)
{
	return c->euid == 0;
}

bool cred_capable(const struct cred *c, int capability)
{
	return c->cap_effective >> capability & 1;
}
