/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IPC_MQUEUE_INTERNAL_H
#define IPC_MQUEUE_INTERNAL_H

#include "message.h"
#include "mqueue.h"
#include "wait.h"

#include <vfs/inode.h>

struct process;
struct user;

struct mqueue {
	struct inode inode;	     /* its lock is not used, the directory's is */
	struct rb_node by_name;	     /* [directory] */
	struct spinlock lock;	     /* IPC_OBJECT */
	struct mqueue_size max;	     /* [I] */
	struct rb_root messages;     /* [lock] the next one to be received first */
	uint64_t count, bytes;	     /* [lock] */
	uint64_t numbers;	     /* [lock] given to messages */
	struct list senders;	     /* [lock] mqueue_waiter: the queue is full */
	struct list receivers;	     /* [lock] mqueue_waiter: it is empty */
	struct blocker poll;	     /* BLOCKER_OUTER */
	struct process *owner;	     /* [lock] who is to be told, with a reference; or NULL */
	struct mqueue_notice notice; /* [lock] how */
	struct user *user;	     /* [I] who is charged, with a reference */
	uint64_t charged;	     /* [I] bytes */
	uint32_t name_len;	     /* [I] */
	char name[];		     /* [I] */
};

static inline struct mqueue *mqueue_of_inode(struct inode *inode)
{
	return container_of(inode, struct mqueue, inode);
}
struct mqueue *mqueue_of(const struct file *f);

extern const struct file_ops mqueue_file_ops;

/* mqueue.c: the end of a queue that nobody has any more. */
void mqueue_clear(struct mqueue *q);
/* A new one, empty. */
void mqueue_setup(struct mqueue *q, const struct mqueue_size *max);

/* mqueue_notify.c; q->lock held. */
void mqueue_tell(struct mqueue *q);
/* Its owner will not be told any more; the reference is the caller's, to be put without the lock.
 */
struct process *mqueue_forget_owner(struct mqueue *q);

void mqueue_closed(struct file *f);

/* mqueue_fs.c */
/* The place of the queues, counted. */
struct path mqueue_root(void);
/* A queue with a name that is free; the directory is locked for writing. */
int mqueue_create(struct inode *dir, const struct name *name, unsigned mode,
		  const struct mqueue_size *size, struct inode **out);

#endif
