/* SPDX-License-Identifier: BSD-2-Clause */
/* Semaphores of System V. sem.c says how it works. */
#ifndef IPC_SEM_H
#define IPC_SEM_H

#include "ids.h"

struct thread;

struct sem_op {
	uint16_t num;	/* which semaphore of the set */
	int16_t change; /* 0: wait until it is 0 */
	uint16_t flags; /* IPC_NOWAIT, SEM_UNDO */
};

struct sem_status {
	struct ipc_perm_info perm;
	int64_t op_time, change_time;
	uint32_t count;
};

struct sem_limits {
	uint64_t per_set, total, ops, sets;
	uint32_t sets_used;
	uint64_t semaphores_used;
};

enum sem_query { SEM_VALUE, SEM_PID, SEM_WAITING_MORE, SEM_WAITING_ZERO };

/* Context of all: process. Errors as in the manual pages. */
int sem_get(const struct ipc_request *q); /* the id */
/* All of the operations at once, or none. count > 0. -EAGAIN at the deadline. */
int sem_operate(int32_t id, const struct sem_op *ops, unsigned count, nsec_t deadline);
int sem_stat(int32_t id, bool by_index, bool any, struct sem_status *out);
int sem_set_owner(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode);
int sem_remove(int32_t id);
int sem_query(int32_t id, int num, enum sem_query what);
int sem_set_value(int32_t id, int num, int value);
/* The values of a set with *count semaphores, in memory to be freed. */
int sem_get_all(int32_t id, uint16_t **values, uint32_t *count);
/* How many there are to set: 0 with *count. sem_set_all() fails if it is another number then. */
int sem_count_for_set(int32_t id, uint32_t *count);
int sem_set_all(int32_t id, const uint16_t *values, uint32_t count);
void sem_get_limits(struct sem_limits *out);
int sem_max_index(void);

/* The calling thread does not share what it will undo any more; the last one undoes it. */
void sem_undo_leave(struct thread *t);

void sem_init(void); /* at boot */

#endif
