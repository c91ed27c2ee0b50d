/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to drivers, from the side of those who make them. */
#ifndef VFS_BANOS_IO_H
#define VFS_BANOS_IO_H

#include <banos/io.h>
#include <sched/blocker.h>
#include <vm/iter.h>

struct cred;
struct file;
struct owner;
struct thread;

/* On the stack of the thread that asks, which waits until the request is over. */
struct Banos_Io {
	struct iter memory;   /* [I] as it was at the beginning */
	uint64_t length;      /* [I] */
	uint64_t argument;    /* [I] of a ctl */
	uint32_t flags;	      /* [I] BANOS_IO_* */
	struct thread *asker; /* [I] keeps its memory as it waits */
	/* [I] its credentials; for its own calls of the kernel it may have others meanwhile */
	const struct cred *cred;
	struct spinlock lock; /* DRIVER_EVENT */
	bool done;	      /* [lock; readers a] */
	int64_t result;	      /* [lock] valid once done */
	struct blocker wait;  /* who asks waits here if it is pending */
};

/* BANOS_IO_*: how the file is open. */
uint32_t banos_io_mode(const struct file *f);

/* A request of the current thread; `it` may be NULL: no memory, or &io->memory, set by the caller.
 */
void banos_io_begin(Banos_Io *io, const struct iter *it, uint32_t flags);

/*
 * What the callback returned, or if that is BANOS_IO_PENDING what it is completed with: waits for
 * that, and calls cancel(file, io) once if a signal comes. Anything that is no byte count and no
 * errno becomes -EIO. Context: process.
 */
int64_t banos_io_end(Banos_Io *io, int64_t returned, struct owner *owner,
		     void (*cancel)(void *file, Banos_Io *io), void *file);

#endif
