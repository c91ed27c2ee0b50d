/* SPDX-License-Identifier: BSD-2-Clause */
/* Message queues of System V: decode and encode; ipc/msg*.c do the work. */
#include "ipc_args.h"
#include "restart.h"

#include <ipc/message.h>
#include <ipc/msg.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/msg.h>

#define TEXT_OFFSET offsetof(struct msgbuf, mtext)

int64_t sys_msgget(int key, int flags)
{
	struct ipc_request q = {.key = key, .flags = (unsigned)flags};

	return msg_get(&q);
}

static int64_t result(int r)
{
	return r == -EINTR ? -ERESTARTNOHAND : r;
}

int64_t sys_msgsnd(int id, uaddr_t umsg, size_t size, int flags)
{
	struct iter it;
	int64_t type;

	if (get_user(type, umsg))
		return -EFAULT;
	if ((int64_t)size < 0)
		return -EINVAL;
	iter_init_user(&it, umsg + TEXT_OFFSET, size);
	return result(msg_send(id, type, &it, flags & IPC_NOWAIT));
}

/* --- receiving ---------------------------------------------------------------------------- */

static struct msg_selection select_by(int64_t type, size_t size, int flags)
{
	struct msg_selection s = {.type = type,
				  .size_max = size,
				  .cut = flags & MSG_NOERROR,
				  .nowait = flags & IPC_NOWAIT};

	if (!type) {
		s.wanted = MSG_ANY;
	} else if (type < 0) {
		s.wanted = MSG_LOWEST_UP_TO;
		s.type = type == INT64_MIN ? INT64_MAX : -type;
	} else {
		s.wanted = flags & MSG_EXCEPT ? MSG_OTHER : MSG_EQUAL;
	}
	return s;
}

/* A message that cannot be stored is lost, as on Linux. */
static int64_t store(const struct ipc_message *m, uaddr_t umsg, size_t size)
{
	size_t n = min(size, m->size);
	struct iter it;

	if (put_user(umsg, m->type))
		return -EFAULT;
	iter_init_user(&it, umsg + TEXT_OFFSET, n);
	return message_copy(m, &it, n) ? (int64_t)n : -EFAULT;
}

int64_t sys_msgrcv(int id, uaddr_t umsg, size_t size, long type, int flags)
{
	struct msg_selection s = select_by(type, size, flags);
	struct ipc_message *m = NULL;
	int64_t r;

	if (id < 0 || (int64_t)size < 0)
		return -EINVAL;
	if (flags & MSG_COPY) /* for checkpoints, and only in kernels made for them */
		return flags & MSG_EXCEPT || !(flags & IPC_NOWAIT) ? -EINVAL : -ENOSYS;
	r = msg_receive(id, &s, &m);
	if (r)
		return result((int)r);
	r = store(m, umsg, size);
	message_free(m);
	return r;
}

/* --- control ------------------------------------------------------------------------------ */

static int64_t stat(int id, int cmd, uaddr_t out)
{
	struct msg_status st;
	struct msqid64_ds ds = {0};
	int r = msg_stat(id, cmd != IPC_STAT, cmd == MSG_STAT_ANY, &st);

	if (r < 0)
		return r;
	ds.msg_perm = ipc_perm_encode(&st.perm);
	ds.msg_stime = st.send_time;
	ds.msg_rtime = st.receive_time;
	ds.msg_ctime = st.change_time;
	ds.msg_cbytes = st.bytes;
	ds.msg_qnum = st.count;
	ds.msg_qbytes = st.bytes_max;
	ds.msg_lspid = st.send_pid;
	ds.msg_lrpid = st.receive_pid;
	return put_user(out, ds) ? -EFAULT : r;
}

static int64_t info(int cmd, uaddr_t out)
{
	struct msg_limits l;
	struct msginfo info;

	msg_get_limits(&l);
	info = (struct msginfo){.msgpool = MSGPOOL,
				.msgmap = MSGMAP,
				.msgmax = (int)l.message_max,
				.msgmnb = (int)l.queue_max,
				.msgmni = (int)l.queues_max,
				.msgssz = MSGSSZ,
				.msgtql = MSGTQL,
				.msgseg = MSGSEG};
	if (cmd == MSG_INFO) {
		info.msgpool = (int)l.queues;
		info.msgmap = (int)min(l.messages, (uint64_t)INT32_MAX);
		info.msgtql = (int)min(l.bytes, (uint64_t)INT32_MAX);
	}
	return put_user(out, info) ? -EFAULT : msg_max_index();
}

static int64_t set(int id, uaddr_t from)
{
	struct msqid64_ds ds;

	if (get_user(ds, from))
		return -EFAULT;
	return msg_set(id, ds.msg_perm.uid, ds.msg_perm.gid, ds.msg_perm.mode, ds.msg_qbytes);
}

int64_t sys_msgctl(int id, int cmd, uaddr_t buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case MSG_INFO:
		return info(cmd, buf);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_SET:
		return set(id, buf);
	case IPC_RMID:
		return msg_remove(id);
	default:
		return -EINVAL;
	}
}
