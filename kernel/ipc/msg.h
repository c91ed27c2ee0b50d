/* SPDX-License-Identifier: BSD-2-Clause */
/* Message queues of System V. msg.c says how it works. */
#ifndef IPC_MSG_H
#define IPC_MSG_H

#include "ids.h"

struct ipc_message;
struct iter;

struct msg_status {
	struct ipc_perm_info perm;
	int64_t send_time, receive_time, change_time;
	uint64_t bytes, count, bytes_max;
	int32_t send_pid, receive_pid;
};

struct msg_limits {
	uint64_t message_max; /* bytes */
	uint64_t queue_max;   /* bytes, of a new queue */
	uint64_t queues_max;
	uint32_t queues;
	uint64_t messages, bytes; /* in all queues */
};

/* Which message: the first, the first of the type, ... */
enum msg_wanted { MSG_ANY, MSG_EQUAL, MSG_OTHER, MSG_LOWEST_UP_TO };

struct msg_selection {
	enum msg_wanted wanted;
	int64_t type;
	size_t size_max;
	bool cut;    /* a larger one will do */
	bool nowait; /* -ENOMSG instead of waiting */
};

/* Context of all: process. Errors as in the manual pages; -EINTR for a signal. */
int msg_get(const struct ipc_request *q); /* the id */
/* Sends all of `it`. */
int msg_send(int32_t id, int64_t type, struct iter *it, bool nowait);
/* The message is the caller's: message_free(). */
int msg_receive(int32_t id, const struct msg_selection *s, struct ipc_message **out);
int msg_stat(int32_t id, bool by_index, bool any, struct msg_status *out);
int msg_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode, uint64_t bytes_max);
int msg_remove(int32_t id);
void msg_get_limits(struct msg_limits *out);
int msg_max_index(void);

void msg_init(void); /* at boot */

#endif
