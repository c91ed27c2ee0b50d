/* SPDX-License-Identifier: BSD-2-Clause */
/* Within block/: what stands behind a driver's handle. */
#ifndef BLOCK_INTERNAL_H
#define BLOCK_INTERNAL_H

#include "block.h"
#include "cache.h"
#include <banos/x_block.h>
#include <base/owner.h>
#include <base/stats.h>
#include <lib/rbtree.h>
#include <sched/gate.h>
#include <sched/mutex.h>
#include <sched/timer.h>
#include <sched/work.h>

/* The two sides share these numbers. */
BUILD_ASSERT(BLOCK_READ == BANOS_X_BLOCK_OP_READ && BLOCK_WRITE == BANOS_X_BLOCK_OP_WRITE &&
		     BLOCK_FLUSH == BANOS_X_BLOCK_OP_FLUSH &&
		     BLOCK_DISCARD == BANOS_X_BLOCK_OP_DISCARD &&
		     BLOCK_ZEROES == BANOS_X_BLOCK_OP_ZEROES &&
		     BLOCK_FUA == BANOS_X_BLOCK_REQUEST_FUA,
	     "operations");
BUILD_ASSERT(BLOCK_HAS_FLUSH == BANOS_X_BLOCK_FLUSH && BLOCK_HAS_FUA == BANOS_X_BLOCK_FUA &&
		     BLOCK_HAS_DISCARD == BANOS_X_BLOCK_DISCARD &&
		     BLOCK_HAS_ZEROES == BANOS_X_BLOCK_ZEROES &&
		     BLOCK_READ_ONLY == BANOS_X_BLOCK_READ_ONLY,
	     "features");

/* What a request is up to; see queue.c. */
enum tag_state { TAG_FREE, TAG_KEPT, TAG_OFFERED, TAG_TAKEN };

/* The kernel's side of a request: nothing that it decides by is in the driver's reach. */
struct block_tag {
	struct list link;    /* [queue] in free, kept or taken */
	struct block_io *io; /* [queue] whose part it is */
	uint64_t first;	     /* [queue] of the io's blocks */
	uint64_t blocks;     /* [queue] */
	nsec_t deadline;     /* [queue] */
	nsec_t begun;	     /* [queue] */
	uint32_t tag;	     /* [queue] for the driver: index and generation */
	uint32_t resets;     /* [queue] how often it was lost in one */
	uint8_t state;	     /* [queue] enum tag_state */
	bool asked;	     /* [queue] the driver looks at it in `timeout`: not to be used again */
	Banos_X_Block_Request *request;
	Banos_X_Block_Segment *segments;
};

struct block_counts {
	uint64_t requests[5], blocks[5]; /* [queue] by operation */
	uint64_t ns[5];			 /* [queue] */
};

struct block_queue {
	struct Banos_X_Block *device; /* [I] */
	uint32_t number;	      /* [I] */
	struct spinlock lock;	      /* BLOCK_QUEUE, "queue" */
	bool dead;		      /* [queue] what comes ends with -ENODEV */
	bool busy;		      /* [queue] somebody offers requests to the driver */
	bool again;		      /* [queue] ... and is to look again when it is done */
	bool full;		      /* [queue] the driver did not take all */
	bool held;		      /* [queue] nothing is offered: a reset may come */
	struct blocker idle;	      /* who holds it waits until it is not busy */
	struct list waiting;	      /* [queue] ios that are not all in requests */
	struct list free;	      /* [queue] tags */
	struct list kept;	      /* [queue] requests to be offered (again) first, in order */
	struct list taken;	      /* [queue] the driver's, by deadline */
	uint32_t in_flight;	      /* [queue] requests not free */
	uint32_t complaints;	      /* [queue] */
	bool timed;		      /* [queue] the timer is armed, or late is to run */
	struct timer timer;	      /* for the first deadline, or earlier */
	struct work dispatch;	      /* offer requests, from a thread */
	struct work late;	      /* look at what is late */
	struct block_counts counts;
	struct block_tag *tags;		 /* [I] depth of them */
	void *requests;			 /* [I] */
	Banos_X_Block_Segment *segments; /* [I] */
};

/* Whether its node is there. */
enum block_making { BLOCK_MAKING, BLOCK_MADE, BLOCK_NOT_MADE };

struct Banos_X_Block {
	struct owner_object object;
	struct block_device dev;
	struct block_cache cache; /* its object's references are the device's */
	struct gate gate;
	Banos_X_Block_Ops ops; /* [I] */
	void *ctx;	       /* [I] */
	uint32_t depth;	       /* [I] and the limits of requests: */
	uint32_t max_segments, max_segment_size;
	uint64_t max_blocks, max_discard;
	uint32_t stride;	    /* [I] from one request to the next */
	uint32_t completion_stride; /* [I] */
	nsec_t timeout;		    /* [I] */
	struct work_queue
		*thread;	  /* [I] offers requests when no caller can, asks about late ones */
	struct rb_node node;	  /* [registry] */
	struct mutex open_lock;	  /* BLOCK_OPEN */
	uint32_t opens;		  /* [open_lock] */
	bool gone;		  /* [open_lock] opens do not hold the driver any more */
	enum block_making making; /* [a] by who registers it; opens wait meanwhile */
	bool withdrawn;		  /* by who ends it */
	bool dead;		  /* [a] set before the first request ends with -ENODEV */
	struct block_stats_node *sys; /* [I once published] /sys/block/NAME/size */
	struct epoch_head epoch;
	uint32_t queue_count; /* [I] */
	struct block_queue queues[];
};

static inline struct Banos_X_Block *block_of(struct block_device *d)
{
	return container_of(d, struct Banos_X_Block, dev);
}

#define BLOCK_CALL(device, name, ...) \
	GATE_CALL((device)->object.owner, #name, (device)->ops.name(__VA_ARGS__))

/* --- queue.c --- */
/* The queues of a device that nobody knows yet. 0 or -ENOMEM (queues_free all the same). */
int queues_init(struct Banos_X_Block *b);
void queues_free(struct Banos_X_Block *b);
/* Nothing is taken on any more. */
void queues_refuse(struct Banos_X_Block *b);
/* No callback runs: end everything with -ENODEV. */
void queues_kill(struct Banos_X_Block *b);
void queues_add_up(struct Banos_X_Block *b, struct block_counts *sum, uint32_t *in_flight);

/* --- late.c: what takes too long --- */
void late_timer(struct timer *t);
void late_work(struct work *w);

/* --- queue.c, for late.c --- */
/* Look again whether something can be offered, from a thread. Holds q->lock. */
void queue_kick_locked(struct block_queue *q);
/* See that the timer fires at `deadline` at the latest. Holds q->lock. */
void queue_time_locked(struct block_queue *q, nsec_t deadline);
/*
 * Nothing is offered on any queue of the device from here on, and no submit runs, until
 * queues_release(). By one thread at a time. Context: process.
 */
void queues_hold(struct Banos_X_Block *b);
void queues_release(struct Banos_X_Block *b);
/* The driver has it no more and is to get it again. Holds q->lock. */
void queue_keep_locked(struct block_queue *q, struct block_tag *t);
/*
 * The request is over: its part of the io is done. What ends by that gathers in `ended` for
 * queue_end_all(), to be called with no lock held. Holds q->lock.
 */
void queue_finish_locked(struct block_queue *q, struct block_tag *t, int error, struct list *ended);
void queue_end_all(struct list *ended);
/* A driver has done what it must not. Holds q->lock. */
void queue_complain_locked(struct block_queue *q, const char *what, uint32_t tag);

/* --- device.c --- */
int block_publish(struct Banos_X_Block *b, const char *wanted);
/* Of one that is published. */
int block_make_node(struct Banos_X_Block *b);
/* No callback runs or will; what the driver calls for it does nothing. */
void block_withdraw(struct Banos_X_Block *b);
/* Withdraw it, and give up the driver's reference. */
void block_end(struct Banos_X_Block *b);
/* The next one by number behind `after` (NULL: the first), with a reference; drops that of after.
 */
struct Banos_X_Block *block_next(struct Banos_X_Block *after);
/* Its last reference is gone. */
void block_free(struct Banos_X_Block *b);

/* --- show.c --- */
void block_show_init(void);
/* Of one that nobody knows yet: 0 or -ENOMEM. Then add it, or forget it. */
int block_show_make(struct Banos_X_Block *b);
void block_show_forget(struct Banos_X_Block *b);
void block_show_add(struct Banos_X_Block *b);
void block_show_remove(struct Banos_X_Block *b);

#endif
