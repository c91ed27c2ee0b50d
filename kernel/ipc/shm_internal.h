/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef IPC_SHM_INTERNAL_H
#define IPC_SHM_INTERNAL_H

#include "shm.h"

struct file;
struct vm_object;

struct shm_segment {
	struct ipc_object o;	  /* o.mode: SHM_MODE_* too */
	uint64_t size;		  /* [I] bytes as asked for */
	struct vm_object *memory; /* [I] counted */
	struct file *file;	  /* [o.lock] what regions map; counted until it is destroyed */
	int64_t attach_time, detach_time, change_time; /* [o.lock] */
	int32_t creator_pid;			       /* [I] */
	int32_t last_pid;			       /* [o.lock] */
	uint64_t attached; /* [o.lock] regions, and calls that are about to make one */
};

/* In o.mode, above the permission, as programs see them. */
#define SHM_MODE_REMOVED 01000 /* goes with its last region */
#define SHM_MODE_LOCKED	 02000

extern struct ipc_table shm_table;

static inline struct shm_segment *shm_segment(struct ipc_object *o)
{
	return container_of(o, struct shm_segment, o);
}

/* The file of a segment: 0 with s->file, -ENOMEM. */
int shm_file_create(struct shm_segment *s);
/* Nobody is attached and it is removed: it goes. No lock is held. */
void shm_destroy(struct shm_segment *s);

#endif
