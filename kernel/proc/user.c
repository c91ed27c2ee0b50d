/* SPDX-License-Identifier: BSD-2-Clause */
#include "user.h"

#include <base/spinlock.h>
#include <lib/hash.h>
#include <lib/list.h>
#include <mem/slab.h>

#define BUCKETS 64

/* There is one for each user that has something counted. */
struct user {
	struct hlist_node link; /* [user_lock] */
	uint32_t uid;		/* [I] */
	uint64_t signals;	/* [user_lock] queued */
};

static struct spinlock user_lock = SPINLOCK_INIT(LOCK_USER);
static struct hlist_head users[BUCKETS]; /* [user_lock] */

static struct user *get_locked(uint32_t uid)
{
	struct hlist_head *head = &users[hash_u64(uid) % BUCKETS];
	struct user *u;

	hlist_for_each_entry(u, head, link)
		if (u->uid == uid)
			return u;
	u = kzalloc(sizeof(*u));
	if (u) {
		u->uid = uid;
		hlist_add_head(&u->link, head);
	}
	return u;
}

static void put_locked(struct user *u)
{
	if (u->signals)
		return;
	hlist_del(&u->link);
	kfree(u);
}

struct user *user_charge_signal(uint32_t uid, uint64_t limit)
{
	uint64_t irq = spin_lock_irq(&user_lock);
	struct user *u = get_locked(uid);

	if (u && u->signals >= limit) {
		put_locked(u);
		u = NULL;
	} else if (u) {
		u->signals++;
	}
	spin_unlock_irq(&user_lock, irq);
	return u;
}

void user_uncharge_signal(struct user *u)
{
	uint64_t irq;

	if (!u)
		return;
	irq = spin_lock_irq(&user_lock);
	u->signals--;
	put_locked(u);
	spin_unlock_irq(&user_lock, irq);
}
