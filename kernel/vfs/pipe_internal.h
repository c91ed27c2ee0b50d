/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of pipes, for pipe.c and pipe_splice.c. The head comment of pipe.c describes it. */
#ifndef VFS_PIPE_INTERNAL_H
#define VFS_PIPE_INTERNAL_H

#include "file.h"
#include "pipe.h"
#include "poll.h"
#include <mem/frame.h>

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)

struct piece {
	struct page *page;
	uint32_t offset; /* of the first byte not read */
	uint32_t len;	 /* never 0 */
};

struct pipe {
	struct mutex lock;	   /* PIPE */
	struct piece *ring;	   /* [lock] */
	uint32_t slots;		   /* [lock] power of two */
	uint32_t head, tail;	   /* [lock; a] next slot to fill, next to read */
	uint32_t reserved;	   /* [lock; a] slots that a splice under way will fill */
	uint32_t readers, writers; /* [lock; a] open descriptions that may read, write */
	uint32_t reader_opens;	   /* [lock; a] how often one was opened, ever */
	uint32_t writer_opens;	   /* [lock; a] */
	bool unnamed;		   /* [I] made by pipe(2): opening it again never waits */
	uint32_t files;		   /* [inode->lock] descriptions */
	struct page *spare;	   /* [lock] saves a trip to the allocator per page */
	struct blocker read_wait;  /* data came, or the last writer left; openers too */
	struct blocker write_wait; /* room came, or the last reader left */
	struct mutex splice_lock;  /* SPLICE: one splice out of it at a time */
	struct epoch_head epoch;
};

static inline bool pipe_empty(const struct pipe *p)
{
	return LOAD(p->head) == LOAD(p->tail);
}

static inline bool pipe_full(const struct pipe *p)
{
	return LOAD(p->head) - LOAD(p->tail) + LOAD(p->reserved) >= LOAD(p->slots);
}

static inline struct piece *piece_at(struct pipe *p, uint32_t i)
{
	return &p->ring[i & (p->slots - 1)];
}

static inline void wake_readers(struct pipe *p)
{
	blocker_wake(&p->read_wait, ~0U, EPOLLIN | EPOLLRDNORM);
}

static inline void wake_writers(struct pipe *p)
{
	blocker_wake(&p->write_wait, ~0U, EPOLLOUT | EPOLLWRNORM);
}

/* The piece is used up. Holds: lock. */
void pipe_piece_drop(struct pipe *p);

#endif
