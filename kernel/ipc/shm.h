/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared memory of System V. shm.c says how it works. */
#ifndef IPC_SHM_H
#define IPC_SHM_H

#include "ids.h"

struct vm_space;

struct shm_status {
	struct ipc_perm_info perm;
	uint64_t size;
	int64_t attach_time, detach_time, change_time;
	int32_t creator_pid, last_pid;
	uint64_t attached;
};

struct shm_limits {
	uint64_t segment_max; /* bytes */
	uint64_t pages_max;   /* of all segments */
	uint64_t count_max;
};

struct shm_totals {
	uint32_t count;
	uint64_t pages, resident;
};

/* Context of all: process. Errors as in the manual pages. */
int shm_get(const struct ipc_request *q); /* the id */
/* flags: SHM_*. The address in *out. */
int shm_attach(int32_t id, uint64_t addr, unsigned flags, uint64_t *out);
int shm_detach(uint64_t addr);
/* By id; by_index: the number is an index and the id is returned. any: without permission. */
int shm_stat(int32_t id, bool by_index, bool any, struct shm_status *out);
int shm_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode);
int shm_remove(int32_t id);
int shm_lock(int32_t id, bool on);
void shm_get_limits(struct shm_limits *out);
void shm_get_totals(struct shm_totals *out);
/* The highest index in use, or 0. */
int shm_max_index(void);

void shm_init(void); /* at boot */

#endif
