/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX message queues: sending and receiving.
 *
 * A queue is an inode of a small filesystem (mqueue_fs.c) that mq_open reaches by name without it
 * being mounted. Its messages are in a tree, by priority and age, so that the next one is the
 * first. A sender that finds a receiver waiting gives it the message; a receiver that finds a
 * sender waiting puts its message into the queue. So whoever is woken has what it waited for, and
 * the queue is never empty with a sender or full with a receiver waiting.
 *
 *	made		mqueue_create, by mq_open or open with O_CREAT
 *	unnamed		mq_unlink, unlink: who has it open goes on
 *	gone		evicted with the last file and name: messages are freed, its user is given
 *			back what it was charged for the room
 *
 * Waiters are served in the order in which they came; Linux prefers those of higher priority.
 *
 * Locks: the directory's inode lock covers names, the queue's lock (IPC_OBJECT) all else. Messages
 * are made and copied out with neither.
 */
#include "mqueue_internal.h"

#include <lib/errno.h>
#include <proc/process.h>
#include <vfs/file.h>
#include <vfs/poll.h>

#include <linux/fcntl.h>

struct mqueue_waiter {
	struct ipc_waiter wait;
	struct ipc_message *message; /* [queue lock] to be sent; or what was received */
};

/* --- the tree of messages; q->lock held --------------------------------------------------- */

static bool comes_before(const struct ipc_message *a, const struct ipc_message *b)
{
	return a->type != b->type ? a->type > b->type : a->number < b->number;
}

static void insert(struct mqueue *q, struct ipc_message *m)
{
	struct rb_node **link = &q->messages.node, *parent = NULL;

	m->number = q->numbers++;
	while (*link) {
		parent = *link;
		link = comes_before(m, rb_entry(parent, struct ipc_message, node)) ? &parent->left
										   : &parent->right;
	}
	rb_link(&m->node, parent, link);
	rb_insert_fixup(&m->node, &q->messages);
	q->count++;
	q->bytes += m->size;
}

static struct ipc_message *take_first(struct mqueue *q)
{
	struct ipc_message *m = rb_entry(rb_first(&q->messages), struct ipc_message, node);

	rb_erase(&m->node, &q->messages);
	q->count--;
	q->bytes -= m->size;
	return m;
}

void mqueue_setup(struct mqueue *q, const struct mqueue_size *max)
{
	spin_init(&q->lock, LOCK_IPC_OBJECT);
	q->max = *max;
	list_init(&q->senders);
	list_init(&q->receivers);
	blocker_init_class(&q->poll, LOCK_BLOCKER_OUTER);
}

void mqueue_clear(struct mqueue *q)
{
	while (q->count)
		message_free(take_first(q));
	if (q->owner)
		process_put(q->owner);
}

/* --- waiting ------------------------------------------------------------------------------ */

static bool nonblocking(const struct file *f)
{
	return __atomic_load_n(&f->flags, __ATOMIC_RELAXED) & O_NONBLOCK;
}

/* Holds q->lock, after wait_begin(). */
static int sleep_on(struct mqueue *q, struct list *list, struct mqueue_waiter *w, nsec_t at)
{
	int r;

	ipc_waiter_init(&w->wait);
	list_add_tail(&w->wait.link, list);
	spin_unlock(&q->lock);
	r = wait_sleep_wall(at);
	spin_lock(&q->lock);
	return ipc_waiter_leave(&w->wait, r);
}

static struct mqueue_waiter *first_waiter(struct list *list)
{
	return list_empty(list) ? NULL : list_first_entry(list, struct mqueue_waiter, wait.link);
}

/* --- sending ------------------------------------------------------------------------------ */

/* False: the queue is full. */
static bool try_send(struct mqueue *q, struct ipc_message *m)
{
	struct mqueue_waiter *receiver = first_waiter(&q->receivers);

	if (receiver) {
		receiver->message = m;
		ipc_waiter_end(&receiver->wait, 0);
	} else if (q->count < (uint64_t)q->max.messages) {
		insert(q, m);
		mqueue_tell(q);
	} else {
		return false;
	}
	return true;
}

/* The message is the queue's if this succeeds. */
static int send(struct mqueue *q, struct ipc_message *m, nsec_t at, bool nowait)
{
	struct mqueue_waiter w = {.message = m};
	bool sent;
	int r = 0;

	wait_begin(WAIT_INTERRUPTIBLE);
	spin_lock(&q->lock);
	sent = try_send(q, m);
	if (sent || nowait)
		wait_end();
	else
		r = sleep_on(q, &q->senders, &w, at);
	spin_unlock(&q->lock);
	return !sent && nowait ? -EAGAIN : r;
}

int mqueue_send(struct file *f, struct iter *it, unsigned priority, nsec_t at)
{
	struct mqueue *q = mqueue_of(f);
	struct ipc_message *m;
	int r;

	if (!(f->mode & FILE_WRITE))
		return -EBADF;
	if (iter_left(it) > (uint64_t)q->max.bytes)
		return -EMSGSIZE;
	r = message_create(it, priority, &m);
	if (r)
		return r;
	r = send(q, m, at, nonblocking(f));
	if (r)
		message_free(m);
	else
		inode_touch(&q->inode, TOUCH_ATIME | TOUCH_MTIME | TOUCH_CTIME);
	return r;
}

/* --- receiving ---------------------------------------------------------------------------- */

/* NULL: the queue is empty. */
static struct ipc_message *try_receive(struct mqueue *q)
{
	struct mqueue_waiter *sender = first_waiter(&q->senders);
	struct ipc_message *m;

	if (!q->count)
		return NULL;
	m = take_first(q);
	if (sender) {
		insert(q, sender->message);
		ipc_waiter_end(&sender->wait, 0);
	} else {
		blocker_wake(&q->poll, ~0U, EPOLLOUT);
	}
	return m;
}

static int receive(struct mqueue *q, nsec_t at, bool nowait, struct ipc_message **out)
{
	struct mqueue_waiter w = {0};
	int r = 0;

	wait_begin(WAIT_INTERRUPTIBLE);
	spin_lock(&q->lock);
	w.message = try_receive(q);
	if (w.message || nowait)
		wait_end();
	else
		r = sleep_on(q, &q->receivers, &w, at);
	spin_unlock(&q->lock);
	*out = w.message;
	return !r && !w.message ? -EAGAIN : r;
}

int mqueue_receive(struct file *f, size_t room, nsec_t at, struct ipc_message **out)
{
	struct mqueue *q = mqueue_of(f);
	int r;

	if (!(f->mode & FILE_READ))
		return -EBADF;
	if (room < (uint64_t)q->max.bytes)
		return -EMSGSIZE;
	r = receive(q, at, nonblocking(f), out);
	if (!r)
		inode_touch(&q->inode, TOUCH_ATIME | TOUCH_CTIME);
	return r;
}

void mqueue_get_status(struct file *f, struct mqueue_status *out)
{
	struct mqueue *q = mqueue_of(f);

	spin_lock(&q->lock);
	*out = (struct mqueue_status){.max = q->max, .messages = q->count};
	spin_unlock(&q->lock);
}
