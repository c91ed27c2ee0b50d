/* SPDX-License-Identifier: BSD-2-Clause */
/* What the calls of System V share in decoding and encoding. */
#ifndef LINUX_IPC_ARGS_H
#define LINUX_IPC_ARGS_H

#include <ipc/ids.h>
#include <linux/ipc.h>

static inline struct ipc64_perm ipc_perm_encode(const struct ipc_perm_info *p)
{
	return (struct ipc64_perm){.key = p->key,
				   .uid = p->uid,
				   .gid = p->gid,
				   .cuid = p->cuid,
				   .cgid = p->cgid,
				   .mode = p->mode,
				   .seq = p->seq};
}

#endif
