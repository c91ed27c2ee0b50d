/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared memory of System V: decode and encode; ipc/shm.c and ipc/shm_attach.c do the work. */
#include "ipc_args.h"

#include <ipc/shm.h>
#include <lib/errno.h>
#include <syscalls_proto.h>
#include <vm/usercopy.h>

#include <linux/shm.h>

int64_t sys_shmget(int key, size_t size, int flags)
{
	struct ipc_request q = {.key = key, .flags = (unsigned)flags, .size = size};

	return shm_get(&q);
}

int64_t sys_shmat(int id, uaddr_t addr, int flags)
{
	uint64_t at;
	int r = shm_attach(id, addr, (unsigned)flags, &at);

	return r ? r : (int64_t)at;
}

int64_t sys_shmdt(uaddr_t addr)
{
	return shm_detach(addr);
}

static int64_t stat(int id, int cmd, uaddr_t out)
{
	struct shm_status st;
	struct shmid64_ds ds = {0};
	int r = shm_stat(id, cmd != IPC_STAT, cmd == SHM_STAT_ANY, &st);

	if (r < 0)
		return r;
	ds.shm_perm = ipc_perm_encode(&st.perm);
	ds.shm_segsz = st.size;
	ds.shm_atime = st.attach_time;
	ds.shm_dtime = st.detach_time;
	ds.shm_ctime = st.change_time;
	ds.shm_cpid = st.creator_pid;
	ds.shm_lpid = st.last_pid;
	ds.shm_nattch = st.attached;
	return put_user(out, ds) ? -EFAULT : r;
}

static int64_t info_limits(uaddr_t out)
{
	struct shm_limits l;
	struct shminfo64 info = {.shmmin = SHMMIN};

	shm_get_limits(&l);
	info.shmmax = l.segment_max;
	info.shmmni = info.shmseg = l.count_max;
	info.shmall = l.pages_max;
	return put_user(out, info) ? -EFAULT : shm_max_index();
}

static int64_t info_totals(uaddr_t out)
{
	struct shm_totals t;
	struct shm_info info = {0};

	shm_get_totals(&t);
	info.used_ids = (int)t.count;
	info.shm_tot = t.pages;
	info.shm_rss = t.resident;
	return put_user(out, info) ? -EFAULT : shm_max_index();
}

static int64_t set(int id, uaddr_t from)
{
	struct shmid64_ds ds;

	if (get_user(ds, from))
		return -EFAULT;
	return shm_set(id, ds.shm_perm.uid, ds.shm_perm.gid, ds.shm_perm.mode);
}

int64_t sys_shmctl(int id, int cmd, uaddr_t buf)
{
	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return info_limits(buf);
	case SHM_INFO:
		return info_totals(buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(id, cmd, buf);
	case IPC_SET:
		return set(id, buf);
	case IPC_RMID:
		return shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock(id, cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}
