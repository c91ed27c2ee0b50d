/* SPDX-License-Identifier: BSD-2-Clause */
/* POSIX message queues. mqueue.c says how it works. */
#ifndef IPC_MQUEUE_H
#define IPC_MQUEUE_H

#include <base/types.h>

struct file;
struct ipc_message;
struct iter;

struct mqueue_size {
	int64_t messages; /* at most */
	int64_t bytes;	  /* of each, at most */
};

struct mqueue_status {
	struct mqueue_size max;
	uint64_t messages; /* now */
};

/* How a process is told that a message has come into the empty queue. */
struct mqueue_notice {
	int how;	/* SIGEV_NONE, SIGEV_SIGNAL */
	int32_t sig;	/* 0: none */
	uint64_t value; /* that comes with it */
};

/* Context of all: process. Errors as in the manual pages; -EINTR for a signal. */

/* flags: O_*. size NULL: by default. umask is applied. */
int mqueue_open(const char *name, unsigned flags, unsigned mode, const struct mqueue_size *size,
		struct file **out);
int mqueue_unlink(const char *name);

bool file_is_mqueue(const struct file *f);
/* For files that are; they check the file's access mode. `at`: time of the wall clock, NEVER. */
int mqueue_send(struct file *f, struct iter *it, unsigned priority, nsec_t at);
/* room: of the receiver. The message is the caller's: message_free(). */
int mqueue_receive(struct file *f, size_t room, nsec_t at, struct ipc_message **out);
/* NULL: the caller's process does not want to be told any more. */
int mqueue_notify(struct file *f, const struct mqueue_notice *n);
void mqueue_get_status(struct file *f, struct mqueue_status *out);

void mqueue_init(void); /* at boot */

#endif
