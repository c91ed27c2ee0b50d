/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials: immutable once published, so readers need only a reference. A thread changes its
 * own by building a new set (cred_clone, edit, cred_install in proc).
 */
#ifndef BASE_CRED_H
#define BASE_CRED_H

#include <base/deferred.h>
#include <base/types.h>
#include <base/user.h>

#define CRED_GROUPS_MAX 65536

struct cred {
	uint32_t refs;	   /* [a] */
	struct user *user; /* of uid; a reference */
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint32_t group_count;
	uint64_t cap_effective, cap_permitted, cap_inheritable; /* bits of linux/capability.h */
	struct epoch_head epoch;				/* frees the memory */
	uint32_t groups[];					/* supplementary groups, sorted */
};

/* The superuser's credentials, never freed. */
extern struct cred cred_root;

struct cred *cred_get(struct cred *c);
void cred_put(struct cred *c);
/* A private copy with one reference and room for `groups` groups (the first ones copied). NULL: no
 * memory. */
struct cred *cred_clone(const struct cred *c, uint32_t groups);
/* The real user of a set that is not published yet. 0, -EAGAIN: no memory. */
int cred_set_uid(struct cred *c, uint32_t uid);
bool cred_in_group(const struct cred *c, uint32_t gid);	 /* by fsgid and supplementary groups */
bool cred_superuser(const struct cred *c);		 /* effective user 0 */
bool cred_capable(const struct cred *c, int capability); /* CAP_* of linux/capability.h */

#endif
