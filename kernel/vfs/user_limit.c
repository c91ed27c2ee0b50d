/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits by user of what this folder makes, and their files. */
#include "user_limit.h"

#include <base/stats.h>
#include <lib/errno.h>
#include <lib/format.h>
#include <lib/string.h>

/* [a] As many as Linux allows by default on a small machine. */
static uint64_t limits[USER_RESOURCES] = {
	[USER_INOTIFY_INSTANCES] = 128,
	[USER_INOTIFY_WATCHES] = 65536,
	[USER_EPOLL_WATCHES] = 200000,
};

int user_limit_take(struct user *u, enum user_resource what)
{
	uint64_t limit = __atomic_load_n(&limits[what], __ATOMIC_RELAXED);

	return user_take(u, what, 1, limit) ? 0 : -ENOSPC;
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
