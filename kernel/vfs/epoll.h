/* SPDX-License-Identifier: BSD-2-Clause */
/* Epoll instances: a set of watched files, and a list of those that may have events. */
#ifndef VFS_EPOLL_H
#define VFS_EPOLL_H

#include <base/types.h>
#include <linux/eventpoll.h>

struct file;

/* What one EPOLL_CTL_ADD or MOD says. */
struct epoll_interest {
	uint32_t events; /* EPOLL* */
	uint64_t data;
};

/* Takes one event: 0, or -errno if it cannot (a fault); then the event stays. May fault. */
typedef int (*epoll_emit_fn)(void *ctx, uint32_t events, uint64_t data);

/* Context of everything here: process. */
int epoll_create(struct file **out);
bool file_is_epoll(const struct file *f);

/*
 * op: EPOLL_CTL_*. The caller holds both files. fd is the number that `target` was found by: the
 * pair of file and number names an interest. -EEXIST, -ENOENT, -ENOMEM, -EPERM (cannot be
 * polled), -ELOOP (cycle, or too deep), -ENOSPC (the user has too many), -EINVAL.
 */
int epoll_ctl(struct file *f, int op, int fd, struct file *target,
	      const struct epoll_interest *interest);
/* Up to max events: how many, 0 at the deadline (0: do not wait), -EINTR, or what emit said. */
int epoll_wait(struct file *f, unsigned max, nsec_t deadline, epoll_emit_fn emit, void *ctx);

/* The last reference of f is gone: whoever watches it forgets it. */
void epoll_file_closed(struct file *f);

#endif
