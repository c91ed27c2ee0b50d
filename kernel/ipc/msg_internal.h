/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IPC_MSG_INTERNAL_H
#define IPC_MSG_INTERNAL_H

#include "message.h"
#include "msg.h"
#include "wait.h"

/* All but o under o.lock. */
struct msg_queue {
	struct ipc_object o;
	struct list messages; /* ipc_message.link, the oldest first */
	uint64_t bytes, count, bytes_max;
	int64_t send_time, receive_time, change_time;
	int32_t send_pid, receive_pid;
	struct list senders;   /* msg_sender: for whose message there is no room */
	struct list receivers; /* msg_receiver: for whom there is no message */
};

extern struct ipc_table msg_table;

static inline struct msg_queue *msg_queue(struct ipc_object *o)
{
	return container_of(o, struct msg_queue, o);
}

uint64_t msg_size_max(void);
/* Messages and bytes in all queues are more or fewer. */
void msg_account(int64_t messages, int64_t bytes);
/* Whoever sleeps gets this result; MSG_AGAIN: looks again. Holds the queue's lock. */
#define MSG_AGAIN 2
void msg_end_waiters(struct msg_queue *q, int status);

#endif
