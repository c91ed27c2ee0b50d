/* SPDX-License-Identifier: BSD-2-Clause */
/* Sending to and receiving from queues of System V; msg.c has the design. */
#include "msg_internal.h"

#include <lib/errno.h>

struct msg_sender {
	struct ipc_waiter wait;
	struct ipc_message *message; /* [queue lock] NULL once it is in the queue */
	int32_t pid;
};

struct msg_receiver {
	struct ipc_waiter wait;
	const struct msg_selection *want; /* [I] */
	struct ipc_message *message;	  /* [queue lock] what it was given */
	int32_t pid;
};

/* --- the queue; its lock is held ---------------------------------------------------------- */

static int check(const struct msg_queue *q, unsigned mode)
{
	if (!ipc_permitted(&q->o, mode))
		return -EACCES;
	return q->o.removed ? -EIDRM : 0;
}

static bool has_room(const struct msg_queue *q, size_t size)
{
	return size <= q->bytes_max && q->bytes <= q->bytes_max - size && q->count < q->bytes_max;
}

static bool matches(const struct msg_selection *want, const struct ipc_message *m)
{
	switch (want->wanted) {
	case MSG_EQUAL:
		return m->type == want->type;
	case MSG_OTHER:
		return m->type != want->type;
	case MSG_LOWEST_UP_TO:
		return m->type <= want->type;
	case MSG_ANY:
		break;
	}
	return true;
}

static struct ipc_message *find(const struct msg_queue *q, const struct msg_selection *want)
{
	struct ipc_message *m, *found = NULL;

	list_for_each_entry(m, &q->messages, link) {
		if (!matches(want, m) || (found && m->type >= found->type))
			continue;
		found = m;
		if (want->wanted != MSG_LOWEST_UP_TO || m->type == 1)
			break; /* the first, or there is none lower */
	}
	return found;
}

static bool too_large(const struct msg_selection *want, const struct ipc_message *m)
{
	return m->size > want->size_max && !want->cut;
}

static void received(struct msg_queue *q, int32_t pid)
{
	q->receive_pid = pid;
	q->receive_time = ipc_now();
}

/* To a receiver that waits for such a one: true. One with too little room is told so. */
static bool hand_over(struct msg_queue *q, struct ipc_message *m)
{
	struct msg_receiver *r, *next;

	list_for_each_entry_safe(r, next, &q->receivers, wait.link) {
		if (!matches(r->want, m))
			continue;
		if (too_large(r->want, m)) {
			ipc_waiter_end(&r->wait, -E2BIG);
			continue;
		}
		r->message = m;
		received(q, r->pid);
		ipc_waiter_end(&r->wait, 0);
		return true;
	}
	return false;
}

static void deliver(struct msg_queue *q, struct ipc_message *m, int32_t pid)
{
	q->send_pid = pid;
	q->send_time = ipc_now();
	if (hand_over(q, m))
		return;
	list_add_tail(&m->link, &q->messages);
	q->bytes += m->size;
	q->count++;
	msg_account(1, (int64_t)m->size);
}

/* There is more room: messages of those who wait for it go in, the oldest first. */
static void admit(struct msg_queue *q)
{
	struct msg_sender *s, *next;

	list_for_each_entry_safe(s, next, &q->senders, wait.link) {
		if (!has_room(q, 0))
			break;
		if (!has_room(q, s->message->size))
			continue;
		deliver(q, s->message, s->pid);
		s->message = NULL;
		ipc_waiter_end(&s->wait, 0);
	}
}

static void take(struct msg_queue *q, struct ipc_message *m)
{
	list_del(&m->link);
	q->bytes -= m->size;
	q->count--;
	msg_account(-1, -(int64_t)m->size);
	received(q, ipc_pid());
	admit(q);
}

/* --- sending ------------------------------------------------------------------------------ */

/* Once: 0, MSG_AGAIN when there is no room, -errno. */
static int try_send(struct msg_queue *q, struct msg_sender *s)
{
	int r = check(q, IPC_MAY_WRITE);

	if (r)
		return r;
	if (!has_room(q, s->message->size))
		return MSG_AGAIN;
	deliver(q, s->message, s->pid);
	s->message = NULL;
	return 0;
}

/* The same, sleeping as long as there is no room. */
static int send(struct msg_queue *q, struct msg_sender *s)
{
	int r;

	do {
		wait_begin(WAIT_INTERRUPTIBLE);
		spin_lock(&q->o.lock);
		r = try_send(q, s);
		if (r == MSG_AGAIN) {
			ipc_waiter_init(&s->wait);
			list_add_tail(&s->wait.link, &q->senders);
			r = ipc_wait(&q->o.lock, &s->wait, NEVER);
		} else {
			wait_end();
		}
		spin_unlock(&q->o.lock);
	} while (r == MSG_AGAIN);
	return r;
}

int msg_send(int32_t id, int64_t type, struct iter *it, bool nowait)
{
	struct msg_sender s = {.pid = ipc_pid()};
	struct ipc_object *o;
	int r;

	if (iter_left(it) > msg_size_max() || id < 0 || type < 1)
		return -EINVAL;
	r = message_create(it, type, &s.message);
	if (r)
		return r;
	o = ipc_find(&msg_table, id);
	r = o ? 0 : -EINVAL;
	if (o) {
		spin_lock(&o->lock);
		r = try_send(msg_queue(o), &s);
		spin_unlock(&o->lock);
		if (r == MSG_AGAIN)
			r = nowait ? -EAGAIN : send(msg_queue(o), &s);
		ipc_object_put(o);
	}
	message_free(s.message); /* if it could not be sent */
	return r;
}

/* --- receiving ---------------------------------------------------------------------------- */

static int try_receive(struct msg_queue *q, struct msg_receiver *r)
{
	int error = check(q, IPC_MAY_READ);
	struct ipc_message *m;

	if (error)
		return error;
	m = find(q, r->want);
	if (!m)
		return MSG_AGAIN;
	if (too_large(r->want, m))
		return -E2BIG;
	take(q, m);
	r->message = m;
	return 0;
}

static int receive(struct msg_queue *q, struct msg_receiver *r)
{
	int error;

	do {
		wait_begin(WAIT_INTERRUPTIBLE);
		spin_lock(&q->o.lock);
		error = try_receive(q, r);
		if (error == MSG_AGAIN) {
			ipc_waiter_init(&r->wait);
			list_add_tail(&r->wait.link, &q->receivers);
			error = ipc_wait(&q->o.lock, &r->wait, NEVER);
		} else {
			wait_end();
		}
		spin_unlock(&q->o.lock);
	} while (error == MSG_AGAIN);
	return error;
}

int msg_receive(int32_t id, const struct msg_selection *s, struct ipc_message **out)
{
	struct msg_receiver r = {.want = s, .pid = ipc_pid()};
	struct ipc_object *o = ipc_find(&msg_table, id);
	int error;

	if (!o)
		return -EINVAL;
	spin_lock(&o->lock);
	error = try_receive(msg_queue(o), &r);
	spin_unlock(&o->lock);
	if (error == MSG_AGAIN)
		error = s->nowait ? -ENOMSG : receive(msg_queue(o), &r);
	ipc_object_put(o);
	*out = r.message;
	return error;
}
