/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc.h"

#include "limits.h"
#include "mqueue.h"
#include "msg.h"
#include "sem.h"
#include "shm.h"

void ipc_init(void)
{
	ipc_memory_init();
	shm_init();
	sem_init();
	msg_init();
	mqueue_init();
}
