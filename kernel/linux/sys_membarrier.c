/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * membarrier: order the memory accesses of running threads with the caller's. A message to a
 * processor is a full barrier there, and its return from the interrupt also makes the processor
 * forget instructions it has fetched; a processor that does not run the program passes barriers
 * when it switches to it.
 */
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <sched/message.h>
#include <sched/thread.h>
#include <syscalls_proto.h>
#include <vm/space.h>

#include <linux/membarrier.h>

#define KNOWN                                                                                     \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                                \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |            \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)

static void barrier_here(void *arg)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static int64_t everywhere(void)
{
	message_call_all(barrier_here, NULL);
	return 0;
}

/* Where the caller's space is loaded. One that loads it now comes after what we have written. */
static int64_t where_we_run(unsigned command)
{
	struct vm_space *s = current()->space;
	DECLARE_BITMAP(cpus, MAX_CPUS);

	if (!(READ_ONCE(s->membarriers) & command))
		return -EPERM;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < ARRAY_SIZE(cpus); i++)
		cpus[i] = READ_ONCE(s->cpus[i]);
	message_call(cpus, barrier_here, NULL);
	return 0;
}

static int64_t enlist(unsigned command)
{
	__atomic_or_fetch(&current()->space->membarriers, command, __ATOMIC_SEQ_CST);
	return 0;
}

int64_t sys_membarrier(int cmd, unsigned flags, int cpu)
{
	if (flags)
		return -EINVAL;
	switch (cmd) {
	case MEMBARRIER_CMD_QUERY:
		return KNOWN;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		return everywhere();
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		return 0; /* everybody is */
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return where_we_run((unsigned)cmd);
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		return enlist(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		return enlist(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
	default:
		return -EINVAL;
	}
}
