/* SPDX-License-Identifier: BSD-2-Clause */
/* Semaphores of System V: decode and encode; ipc/sem*.c do the work. */
#include "ipc_args.h"
#include "timespec.h"

#include <ipc/sem.h>
#include <lib/errno.h>
#include <mem/slab.h>
#include <sched/clock.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/sem.h>

BUILD_ASSERT(sizeof(struct sem_op) == sizeof(struct sembuf), "an operation is as programs have it");

#define OPS_INLINE 8

int64_t sys_semget(int key, int count, int flags)
{
	struct ipc_request q = {.key = key, .flags = (unsigned)flags, .size = (uint64_t)count};

	return count < 0 ? -EINVAL : sem_get(&q);
}

/* --- operations --------------------------------------------------------------------------- */

static int64_t operate(int id, uaddr_t uops, unsigned count, nsec_t timeout, bool timed)
{
	struct sem_op few[OPS_INLINE], *ops = few;
	struct sem_limits limits;
	nsec_t deadline = NEVER;
	int r;

	sem_get_limits(&limits);
	if (count > limits.ops)
		return -E2BIG;
	if (!count)
		return -EINVAL;
	if (count > OPS_INLINE)
		ops = kcalloc(count, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	r = copy_from_user(ops, uops, count * sizeof(*ops));
	if (!r && id < 0)
		r = -EINVAL;
	if (!r && timed && timeout == NEVER)
		r = -EINVAL;
	if (timed && add_overflow(timeout, clock_mono_ns(), &deadline))
		deadline = NEVER;
	if (!r)
		r = sem_operate(id, ops, count, deadline);
	if (ops != few)
		kfree(ops);
	return r;
}

int64_t sys_semop(int id, uaddr_t ops, unsigned count)
{
	return operate(id, ops, count, 0, false);
}

int64_t sys_semtimedop(int id, uaddr_t ops, unsigned count, uaddr_t utimeout)
{
	struct __kernel_timespec ts;
	nsec_t timeout = 0;

	if (utimeout && get_user(ts, utimeout))
		return -EFAULT;
	if (utimeout && timespec_ns(&ts, &timeout))
		timeout = NEVER; /* the error that comes after others */
	else if (timeout == NEVER)
		timeout = NEVER - 1;
	return operate(id, ops, count, timeout, utimeout != 0);
}

/* --- control ------------------------------------------------------------------------------ */

static int64_t stat(int id, int cmd, uaddr_t out)
{
	struct sem_status st;
	struct semid64_ds ds = {0};
	int r = sem_stat(id, cmd != IPC_STAT, cmd == SEM_STAT_ANY, &st);

	if (r < 0)
		return r;
	ds.sem_perm = ipc_perm_encode(&st.perm);
	ds.sem_otime = st.op_time;
	ds.sem_ctime = st.change_time;
	ds.sem_nsems = st.count;
	return put_user(out, ds) ? -EFAULT : r;
}

static int64_t info(int cmd, uaddr_t out)
{
	struct sem_limits l;
	struct seminfo info;

	sem_get_limits(&l);
	info = (struct seminfo){.semmap = SEMMAP,
				.semmni = (int)l.sets,
				.semmns = (int)l.total,
				.semmnu = SEMMNU,
				.semmsl = (int)l.per_set,
				.semopm = (int)l.ops,
				.semume = SEMUME,
				.semusz = SEMUSZ,
				.semvmx = SEMVMX,
				.semaem = SEMAEM};
	if (cmd == SEM_INFO) {
		info.semusz = (int)l.sets_used;
		info.semaem = (int)l.semaphores_used;
	}
	return put_user(out, info) ? -EFAULT : sem_max_index();
}

static int64_t set_owner(int id, uaddr_t from)
{
	struct semid64_ds ds;

	if (get_user(ds, from))
		return -EFAULT;
	return sem_set_owner(id, ds.sem_perm.uid, ds.sem_perm.gid, ds.sem_perm.mode);
}

static int64_t get_all(int id, uaddr_t out)
{
	uint16_t *values;
	uint32_t count;
	int r = sem_get_all(id, &values, &count);

	if (r)
		return r;
	r = copy_to_user(out, values, count * sizeof(*values));
	kfree(values);
	return r;
}

static int64_t set_all(int id, uaddr_t from)
{
	uint16_t *values;
	uint32_t count;
	int r = sem_count_for_set(id, &count);

	if (r)
		return r;
	values = kcalloc(count, sizeof(*values));
	if (!values)
		return -ENOMEM;
	r = copy_from_user(values, from, count * sizeof(*values));
	if (!r)
		r = sem_set_all(id, values, count);
	kfree(values);
	return r;
}

int64_t sys_semctl(int id, int num, int cmd, unsigned long arg)
{
	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return info(cmd, arg);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return stat(id, cmd, arg);
	case GETALL:
		return get_all(id, arg);
	case SETALL:
		return set_all(id, arg);
	case GETVAL:
		return sem_query(id, num, SEM_VALUE);
	case GETPID:
		return sem_query(id, num, SEM_PID);
	case GETNCNT:
		return sem_query(id, num, SEM_WAITING_MORE);
	case GETZCNT:
		return sem_query(id, num, SEM_WAITING_ZERO);
	case SETVAL:
		return sem_set_value(id, num, (int)arg);
	case IPC_SET:
		return set_owner(id, arg);
	case IPC_RMID:
		return sem_remove(id);
	default:
		return -EINVAL;
	}
}
