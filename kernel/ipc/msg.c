/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message queues of System V.
 *
 * A queue is a list of messages and two lists of threads that sleep: receivers for whom there is no
 * message, senders for whose message there is no room. A sender gives its message to the first
 * receiver that wants it; a receiver that has made room puts the messages of senders in for them
 * (msg_transfer.c). So whoever is woken has what it waited for.
 *
 *	there		msg_get
 *	removed		msg_remove: sleepers get -EIDRM, messages are freed
 *	freed		with the last reference (ids.c)
 *
 * Whoever sleeps is told to look again when permission or size of the queue change (msg_set).
 *
 * Locks: everything of a queue is under its IPC_OBJECT. Messages are made and copied out without.
 *
 * Rejected: waking senders and letting them try. They would have to be woken all, for one to win.
 */
#include "msg_internal.h"

#include "limits.h"

#include <base/cred.h>
#include <base/stats.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <vfs/inode.h>

#include <linux/capability.h>
#include <linux/ipc.h>
#include <linux/msg.h>

typedef unsigned long long ull;

struct ipc_table msg_table;

static uint64_t size_max = MSGMAX;	 /* [a] of a message */
static uint64_t queue_max = MSGMNB;	 /* [a] of a new queue */
static uint64_t messages_now, bytes_now; /* [a] in all queues */

uint64_t msg_size_max(void)
{
	return ipc_limit_read(&size_max);
}

void msg_account(int64_t messages, int64_t bytes)
{
	__atomic_add_fetch(&messages_now, (uint64_t)messages, __ATOMIC_RELAXED);
	__atomic_add_fetch(&bytes_now, (uint64_t)bytes, __ATOMIC_RELAXED);
}

/* --- queues ------------------------------------------------------------------------------- */

static void queue_free(struct ipc_object *o)
{
	ipc_memory_give(sizeof(struct msg_queue));
	kfree_deferred(msg_queue(o), o.epoch);
}

static int queue_create(const struct ipc_request *request, struct ipc_object **out)
{
	struct msg_queue *q;

	if (!ipc_memory_take(sizeof(*q)))
		return -ENOMEM;
	q = kzalloc(sizeof(*q));
	if (!q) {
		ipc_memory_give(sizeof(*q));
		return -ENOMEM;
	}
	ipc_object_init(&q->o, &msg_table, request->flags);
	q->bytes_max = ipc_limit_read(&queue_max);
	q->change_time = ipc_now();
	list_init(&q->messages);
	list_init(&q->senders);
	list_init(&q->receivers);
	*out = &q->o;
	return 0;
}

int msg_get(const struct ipc_request *q)
{
	return ipc_get(&msg_table, q);
}

void msg_end_waiters(struct msg_queue *q, int status)
{
	while (!list_empty(&q->senders))
		ipc_waiter_end(list_first_entry(&q->senders, struct ipc_waiter, link), status);
	while (!list_empty(&q->receivers))
		ipc_waiter_end(list_first_entry(&q->receivers, struct ipc_waiter, link), status);
}

int msg_remove(int32_t id)
{
	struct list messages = LIST_INIT(messages);
	struct ipc_object *o;
	struct msg_queue *q;
	int r = ipc_control_begin(&msg_table, id, &o);

	if (r)
		return r;
	q = msg_queue(o);
	msg_end_waiters(q, -EIDRM);
	list_splice_tail(&q->messages, &messages);
	msg_account(-(int64_t)q->count, -(int64_t)q->bytes);
	ipc_unlink_locked(o);
	ipc_control_end(o);
	message_free_list(&messages);
	return 0;
}

/* --- control ------------------------------------------------------------------------------ */

int msg_set(int32_t id, uint32_t uid, uint32_t gid, uint32_t mode, uint64_t bytes_max)
{
	struct ipc_object *o;
	struct msg_queue *q;
	int r = ipc_control_begin(&msg_table, id, &o);

	if (r)
		return r;
	q = msg_queue(o);
	if (bytes_max > ipc_limit_read(&queue_max) && !cred_capable(vfs_cred(), CAP_SYS_RESOURCE))
		r = -EPERM;
	if (!r)
		r = ipc_perm_set(o, uid, gid, mode);
	if (!r) {
		q->bytes_max = bytes_max;
		q->change_time = ipc_now();
		msg_end_waiters(q, MSG_AGAIN);
	}
	ipc_control_end(o);
	return r;
}

static void status_get(struct msg_queue *q, struct msg_status *out)
{
	*out = (struct msg_status){.send_time = q->send_time,
				   .receive_time = q->receive_time,
				   .change_time = q->change_time,
				   .bytes = q->bytes,
				   .count = q->count,
				   .bytes_max = q->bytes_max,
				   .send_pid = q->send_pid,
				   .receive_pid = q->receive_pid};
	ipc_perm_get(&q->o, &out->perm);
}

int msg_stat(int32_t id, bool by_index, bool any, struct msg_status *out)
{
	struct ipc_object *o;
	int r = ipc_look_begin(&msg_table, id, by_index, any, &o);

	if (r < 0)
		return r;
	status_get(msg_queue(o), out);
	ipc_look_end(o);
	return r;
}

void msg_get_limits(struct msg_limits *out)
{
	*out = (struct msg_limits){.message_max = msg_size_max(),
				   .queue_max = ipc_limit_read(&queue_max),
				   .queues_max = ipc_limit_read(&msg_table.limit),
				   .queues = __atomic_load_n(&msg_table.count, __ATOMIC_RELAXED),
				   .messages = ipc_limit_read(&messages_now),
				   .bytes = ipc_limit_read(&bytes_now)};
}

int msg_max_index(void)
{
	return max(__atomic_load_n(&msg_table.max_index, __ATOMIC_RELAXED), 0);
}

/* --- /proc and boot ----------------------------------------------------------------------- */

static void show_line(struct ipc_object *o, struct text *out)
{
	struct msg_status st;

	spin_lock(&o->lock);
	status_get(msg_queue(o), &st);
	spin_unlock(&o->lock);
	text_printf(out,
		    "%10d %10d  %4o  %10llu %10llu %5d %5d %5u %5u %5u %5u %10llu %10llu %10llu\n",
		    st.perm.key, o->id, st.perm.mode, (ull)st.bytes, (ull)st.count, st.send_pid,
		    st.receive_pid, st.perm.uid, st.perm.gid, st.perm.cuid, st.perm.cgid,
		    (ull)st.send_time, (ull)st.receive_time, (ull)st.change_time);
}

static void show_all(struct stats_node *n, struct text *out)
{
	text_printf(out,
		    "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid "
		    " cuid  cgid      stime      rtime      ctime\n");
	ipc_show(&msg_table, show_line, out);
}

static struct stats_node list_node = {.path = "sysvipc/msg", .show = show_all};
static struct ipc_limit limits[] = {
	IPC_LIMIT("sys/kernel/msgmax", 0, INT32_MAX, &size_max),
	IPC_LIMIT("sys/kernel/msgmnb", 0, INT32_MAX, &queue_max),
	IPC_LIMIT("sys/kernel/msgmni", 0, IPC_INDEX_MAX, &msg_table.limit),
};

void msg_init(void)
{
	ipc_table_init(&msg_table);
	msg_table.create = queue_create;
	msg_table.free = queue_free;
	msg_table.limit = MSGMNI;
	stats_add(&list_node);
	ipc_limits_add(limits, ARRAY_SIZE(limits));
}
