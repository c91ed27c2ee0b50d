/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Users: what the processes of one user hold together, counted against limits. There is one
 * struct user for each uid that any credentials name as their real one; whoever holds something
 * counted holds a reference. The counts are atomic: only making and ending a user takes a lock.
 */
#ifndef BASE_USER_H
#define BASE_USER_H

#include <base/types.h>
#include <lib/list.h>

enum user_resource {
	USER_THREADS, /* threads, and processes that nobody has waited for: RLIMIT_NPROC */
	USER_SIGNALS, /* queued signals and timers: RLIMIT_SIGPENDING */
	USER_INOTIFY_INSTANCES,
	USER_INOTIFY_WATCHES,
	USER_EPOLL_WATCHES,
	USER_MQ_BYTES, /* of POSIX message queues: RLIMIT_MSGQUEUE */
	USER_RESOURCES
};

struct user {
	struct hlist_node link;		 /* [USER] */
	uint32_t uid;			 /* [I] */
	uint32_t refs;			 /* [a; to 0 under USER] */
	uint64_t counts[USER_RESOURCES]; /* [a] */
};

/* The superuser, never freed. */
extern struct user user_root;

/* The user of this number, with a reference. NULL: no memory. Context: process. */
struct user *user_of(uint32_t uid);
struct user *user_get(struct user *u);
void user_put(struct user *u); /* NULL is allowed. Context: any */

/* n more for the user, unless that passes the limit: false. Context of all from here: any. */
bool user_take(struct user *u, enum user_resource what, uint64_t n, uint64_t limit);
void user_give(struct user *u, enum user_resource what, uint64_t n);
uint64_t user_count(const struct user *u, enum user_resource what);

/* One more, with a reference to the user it is charged to; NULL: the limit. */
struct user *user_charge(struct user *u, enum user_resource what, uint64_t limit);
void user_uncharge(struct user *u, enum user_resource what); /* NULL is allowed */

#endif
