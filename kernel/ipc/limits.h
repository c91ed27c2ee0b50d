/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of interprocess communication that /proc/sys shows and changes; memory it may take. */
#ifndef IPC_LIMITS_H
#define IPC_LIMITS_H

#include <base/stats.h>
#include <base/types.h>

/* A file with one number, or some. */
struct ipc_limit {
	struct stats_node node;
	uint64_t *values[4]; /* [I] each [a]; as many as are not NULL */
	uint64_t low, high;  /* [I] of the last value, the others are at most INT32_MAX */
};

#define IPC_LIMIT(path_, low_, high_, ...)                                                         \
	{                                                                                          \
		.node = {.path = (path_)}, .values = {__VA_ARGS__}, .low = (low_), .high = (high_) \
	}

/* Shows them, for ever. */
void ipc_limits_add(struct ipc_limit *l, size_t n);

static inline uint64_t ipc_limit_read(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

/* --- kernel memory that programs fill: messages, semaphores --- */

/* False: all of them together have enough. Context: any. */
bool ipc_memory_take(uint64_t bytes);
void ipc_memory_give(uint64_t bytes);
void ipc_memory_init(void); /* at boot */

#endif
