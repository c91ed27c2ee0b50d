/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts by user. A user has an entry in a tree while one of its counts is not 0; everything is
 * covered by one spinlock, because the calls that come here are rare and allocate anyway.
 */
#include "user_limit.h"

#include <base/spinlock.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/rbtree.h>
#include <lib/string.h>
#include <mem/slab.h>

struct user {
	struct rb_node node; /* [lock] by uid */
	uint32_t uid;
	uint64_t counts[USER_RESOURCES];
};

static struct spinlock lock = SPINLOCK_INIT(LOCK_VFS_MISC);
static struct rb_root users; /* [lock] */

/* [a] As many as Linux allows by default on a small machine. */
static uint64_t limits[USER_RESOURCES] = {
	[USER_INOTIFY_INSTANCES] = 128,
	[USER_INOTIFY_WATCHES] = 65536,
	[USER_EPOLL_WATCHES] = 200000,
};

static struct rb_node **find(uint32_t uid, struct rb_node **parent)
{
	struct rb_node **link = &users.node;

	*parent = NULL;
	while (*link) {
		struct user *u = rb_entry(*link, struct user, node);

		if (u->uid == uid)
			break;
		*parent = *link;
		link = uid < u->uid ? &u->node.left : &u->node.right;
	}
	return link;
}

/* Count one more; *fresh becomes the user's entry if there is none. -EAGAIN: it is missing. */
static int take(uint32_t uid, enum user_resource what, struct user **fresh)
{
	struct rb_node *parent, **link;
	struct user *u;

	link = find(uid, &parent);
	u = *link ? rb_entry(*link, struct user, node) : *fresh;
	if (!u)
		return -EAGAIN;
	if (u->counts[what] >= __atomic_load_n(&limits[what], __ATOMIC_RELAXED))
		return -ENOSPC;
	if (!*link) {
		*fresh = NULL;
		u->uid = uid;
		rb_link(&u->node, parent, link);
		rb_insert_fixup(&u->node, &users);
	}
	u->counts[what]++;
	return 0;
}

int user_limit_take(uint32_t uid, enum user_resource what)
{
	struct user *fresh = NULL;
	int r;

	spin_lock(&lock);
	r = take(uid, what, &fresh);
	spin_unlock(&lock);
	if (r != -EAGAIN)
		return r;
	fresh = kzalloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	spin_lock(&lock);
	r = take(uid, what, &fresh);
	spin_unlock(&lock);
	kfree(fresh);
	return r;
}

void user_limit_give(uint32_t uid, enum user_resource what)
{
	struct rb_node *parent, **link;
	struct user *u;
	uint64_t left = 0;

	spin_lock(&lock);
	link = find(uid, &parent);
	u = rb_entry(*link, struct user, node);
	u->counts[what]--;
	for (unsigned i = 0; i < USER_RESOURCES; i++)
		left |= u->counts[i];
	if (!left)
		rb_erase(&u->node, &users);
	spin_unlock(&lock);
	if (!left)
		kfree(u);
}

/* --- /proc/sys/fs ------------------------------------------------------------------------- */

static struct limit_node {
	struct stats_node node;
	enum user_resource what;
} nodes[] = {
	{{.path = "sys/fs/inotify/max_user_instances"}, USER_INOTIFY_INSTANCES},
	{{.path = "sys/fs/inotify/max_user_watches"}, USER_INOTIFY_WATCHES},
	{{.path = "sys/fs/epoll/max_user_watches"}, USER_EPOLL_WATCHES},
};

static void show_limit(struct stats_node *n, struct text *out)
{
	uint64_t *limit = &limits[container_of(n, struct limit_node, node)->what];

	text_printf(out, "%llu\n", (unsigned long long)__atomic_load_n(limit, __ATOMIC_RELAXED));
}

static ssize_t store_limit(struct stats_node *n, const char *text, size_t len)
{
	char digits[24];
	uint64_t v;
	size_t n_digits = len;

	while (n_digits && (text[n_digits - 1] == '\n' || text[n_digits - 1] == ' '))
		n_digits--;
	if (!n_digits || n_digits >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, n_digits);
	digits[n_digits] = 0;
	if (parse_u64(digits, 10, &v) || v > INT32_MAX)
		return -EINVAL;
	__atomic_store_n(&limits[container_of(n, struct limit_node, node)->what], v,
			 __ATOMIC_RELAXED);
	return (ssize_t)len;
}

void user_limit_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		nodes[i].node.show = show_limit;
		nodes[i].node.store = store_limit;
		nodes[i].node.mode = 0644;
		stats_add(&nodes[i].node);
	}
}
