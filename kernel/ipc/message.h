/* SPDX-License-Identifier: BSD-2-Clause */
/* One message on its way: bytes of a program, kept until another takes them. */
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

#include <base/types.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <vm/iter.h>

struct ipc_message {
	union { /* [its queue's lock] */
		struct list link;
		struct {
			struct rb_node node; /* in a POSIX queue: by priority, then by age */
			uint64_t number;
		};
	};
	int64_t type;		    /* [I] of a queue of System V; priority in a POSIX queue */
	size_t size;		    /* [I] bytes */
	struct message_piece *more; /* [I] what does not fit behind this */
	char data[];
};

/* Takes all of `it`. 0, -ENOMEM, -EFAULT. Context: process, no locks. */
int message_create(struct iter *it, int64_t type, struct ipc_message **out);
/* The first n bytes; false: memory of the program faulted. Likewise. */
bool message_copy(const struct ipc_message *m, struct iter *it, size_t n);
void message_free(struct ipc_message *m); /* context: any; NULL is allowed */
/* All of a list linked by ipc_message.link. */
void message_free_list(struct list *messages);

#endif
