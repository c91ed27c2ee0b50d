/* SPDX-License-Identifier: BSD-2-Clause */
/* Users of base/user.h; beside the credentials that name them, since both need the heap. */
#include <base/spinlock.h>
#include <base/user.h>
#include <lib/compiler.h>
#include <lib/hash.h>
#include <mem/slab.h>

#define BUCKETS 64

struct user user_root = {.refs = 1};

static struct spinlock user_lock = SPINLOCK_INIT(LOCK_USER);
static struct hlist_head users[BUCKETS]; /* [USER] all but user_root */

static struct hlist_head *bucket_of(uint32_t uid)
{
	return &users[hash_u64(uid) % BUCKETS];
}

/* One that is in the table has references, or USER would not be free. */
static struct user *find_locked(uint32_t uid)
{
	struct user *u;

	hlist_for_each_entry(u, bucket_of(uid), link)
		if (u->uid == uid)
			return user_get(u);
	return NULL;
}

struct user *user_of(uint32_t uid)
{
	struct user *u, *fresh;
	uint64_t irq;

	if (uid == 0)
		return user_get(&user_root);
	irq = spin_lock_irq(&user_lock);
	u = find_locked(uid);
	spin_unlock_irq(&user_lock, irq);
	if (u)
		return u;
	fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return NULL;
	fresh->uid = uid;
	fresh->refs = 1;
	irq = spin_lock_irq(&user_lock);
	u = find_locked(uid);
	if (!u)
		hlist_add_head(&fresh->link, bucket_of(uid));
	spin_unlock_irq(&user_lock, irq);
	if (!u)
		return fresh;
	kfree(fresh);
	return u;
}

struct user *user_get(struct user *u)
{
	__atomic_fetch_add(&u->refs, 1, __ATOMIC_RELAXED);
	return u;
}

void user_put(struct user *u)
{
	uint32_t refs = u ? __atomic_load_n(&u->refs, __ATOMIC_RELAXED) : 0;
	uint64_t irq;
	bool last;

	if (!u)
		return;
	while (refs > 1)
		if (__atomic_compare_exchange_n(&u->refs, &refs, refs - 1, true, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return;
	/* Perhaps the last one: nobody finds the user in the table meanwhile. */
	irq = spin_lock_irq(&user_lock);
	last = __atomic_fetch_sub(&u->refs, 1, __ATOMIC_ACQ_REL) == 1;
	if (last)
		hlist_del(&u->link);
	spin_unlock_irq(&user_lock, irq);
	if (last)
		kfree(u);
}

bool user_take(struct user *u, enum user_resource what, uint64_t n, uint64_t limit)
{
	uint64_t was = __atomic_load_n(&u->counts[what], __ATOMIC_RELAXED);

	do {
		if (was > limit || n > limit - was)
			return false;
	} while (!__atomic_compare_exchange_n(&u->counts[what], &was, was + n, true,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

void user_give(struct user *u, enum user_resource what, uint64_t n)
{
	__atomic_fetch_sub(&u->counts[what], n, __ATOMIC_RELAXED);
}

uint64_t user_count(const struct user *u, enum user_resource what)
{
	return __atomic_load_n(&u->counts[what], __ATOMIC_RELAXED);
}

struct user *user_charge(struct user *u, enum user_resource what, uint64_t limit)
{
	return user_take(u, what, 1, limit) ? user_get(u) : NULL;
}

void user_uncharge(struct user *u, enum user_resource what)
{
	if (u)
		user_give(u, what, 1);
	user_put(u);
}
