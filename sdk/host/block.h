/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices of drivers (<banos/x_block.h>): what stands behind a handle, and what programs ask
 * of them. As in the kernel an io, which is what a program wants, becomes requests, which are what
 * drivers see. What must be on the disk: block_contents.c.
 */
#ifndef HOST_BLOCK_H
#define HOST_BLOCK_H

#include <banos/x_block.h>
#include <base/owner.h>
#include <lib/list.h>
#include <sched/gate.h>

/* What somebody wants, in his own memory; block_run() returns when it is over. */
struct block_io {
	uint32_t op;	/* BANOS_X_BLOCK_OP_* */
	uint32_t flags; /* BANOS_X_BLOCK_REQUEST_* */
	uint64_t block, blocks;
	uint8_t *bytes; /* of reads and writes */
	/* block_queue.c: */
	struct list link;
	uint64_t next;	 /* blocks that are in requests or done */
	uint32_t flying; /* requests of it */
	uint32_t flush;	 /* 1: a flush is to follow; 2: it is next, or under way */
	int error;
	bool over;
};

/* --- what must be on a disk ------------------------------------------------------------------- */

struct block_contents {
	struct block_known *buckets[1024];
	uint64_t count;
	uint32_t shift;
	struct list operations; /* in progress */
};

/* A read or change in progress. Of those that meet nothing is known. */
struct block_operation {
	struct list link;
	uint64_t block, blocks;
	bool changes, mixed;
};

void contents_init(struct block_contents *c, uint32_t shift);
/* Nothing is known from there on. */
void contents_forget(struct block_contents *c, uint64_t from, uint64_t blocks);
void contents_begin(struct block_contents *c, struct block_operation *o, const struct block_io *io);
/*
 * It is over, with io->error. True: what was read is what must be there; else *block is the first
 * that is wrong.
 */
bool contents_end(struct block_contents *c, struct block_operation *o, const struct block_io *io,
		  uint64_t *block);

/* --- devices ---------------------------------------------------------------------------------- */

#define BLOCK_INDEX_BITS 10 /* of a tag's number; above them the generation */
#define BLOCK_INDEX_MASK ((1u << BLOCK_INDEX_BITS) - 1)

/* What a request is up to; see kernel/block/queue.c. */
enum block_state { BLOCK_FREE, BLOCK_KEPT, BLOCK_OFFERED, BLOCK_TAKEN };

/* Memory of a segment, a block of its own for each request. */
struct block_piece {
	uint8_t *memory;
	uint32_t length;
};

struct block_request {
	struct list link; /* in free, kept or taken */
	struct block_io *io;
	uint64_t first, blocks; /* of the io's */
	nsec_t deadline;
	uint32_t tag;	 /* for the driver: index and generation */
	uint32_t resets; /* how often it was lost in one */
	enum block_state state;
	bool asked;		       /* the driver looks at it in `timeout` */
	Banos_X_Block_Request *public; /* in memory of the device's stride */
	Banos_X_Block_Request sent;    /* what it was when the driver got it */
	uint8_t *segments;
	struct block_piece *pieces;
	uint32_t piece_count;
};

struct block_queue {
	Banos_X_Block *device;
	uint32_t number;
	bool busy;  /* somebody offers requests to the driver */
	bool again; /* ... and is to look again when it is done */
	bool full;  /* the driver did not take all */
	bool held;  /* nothing is offered: a reset may come */
	/* It took none when it had none, until that was late. */
	bool forgotten;
	uint32_t complaints;
	struct list waiting, free, kept, taken;
	struct block_request *requests; /* depth of them */
};

struct Banos_X_Block {
	struct owner_object object;
	struct list link; /* in the list of all; of those that are gone */
	struct gate gate;
	Banos_X_Block_Ops ops;
	void *ctx;
	Banos_X_Block_Desc desc; /* filled in */
	char name[32];
	uint64_t max_blocks, max_discard;
	uint32_t stride; /* of a request's memory */
	struct task *task;
	struct block_contents contents;
	uint32_t opens;
	uint32_t refs; /* the registration, opens */
	bool changing; /* start or stop is being called */
	bool dead;     /* what is asked of it is -ENODEV */
	bool ends;     /* its task is to return */
	struct block_queue *queues;
};

#define BLOCK_CALL(b, name, ...) GATE_CALL((b)->object.owner, #name, (b)->ops.name(__VA_ARGS__))

static inline bool block_has_data(uint32_t op)
{
	return op == BANOS_X_BLOCK_OP_READ || op == BANOS_X_BLOCK_OP_WRITE;
}

static inline uint32_t block_op_of(const struct block_io *io)
{
	return io->flush == 2 ? BANOS_X_BLOCK_OP_FLUSH : io->op;
}

/* --- block_request.c: what drivers see --- */
void request_init(Banos_X_Block *b, struct block_request *r);
void request_fini(struct block_request *r);
/* Fill in one whose io and range are set; the range may become shorter. The driver may touch it. */
void request_make(struct block_queue *q, struct block_request *r);
/* The memory of its data goes. */
void request_drop(struct block_request *r);
/* The driver must not touch it. */
void request_lock_away(Banos_X_Block *b, struct block_request *r);
/* What a driver only reads is as it was, else it is told. */
void request_check(struct block_queue *q, const struct block_request *r);
/* What was read goes to the program: all but the last `residual` bytes. */
void request_copy_back(struct block_queue *q, const struct block_request *r, uint64_t residual);

/* --- block_queue.c --- */
void queues_make(Banos_X_Block *b);
void queues_free(Banos_X_Block *b);
/* Nobody calls the driver any more: all that is left ends with -ENODEV. */
void queues_kill(Banos_X_Block *b);
/* Is something of these blocks, or of later ones, in progress? */
bool queues_use(const Banos_X_Block *b, uint64_t from);
/* For block_late.c: */
bool queue_can_offer(const struct block_queue *q);
void queue_dispatch(struct block_queue *q);
/* It is over: its part of the io is done. */
void queue_finish(struct block_queue *q, struct block_request *r, int error);
/* The driver has it no more and is to get it again. */
void queue_keep(struct block_queue *q, struct block_request *r);
/* A driver has done what it must not. Of many such times the first are shown. */
void queue_complain(struct block_queue *q, const char *format, ...) __printf_like(2, 3);

/* --- block_late.c --- */
/* The device's task. */
void queues_serve(void *device);
/* When something is late next, or NEVER. */
nsec_t queues_next(const Banos_X_Block *b);

/* 0 or -errno, as the kernel's block_io_run() gives it: block_queue.c. */
int block_run(Banos_X_Block *b, struct block_io *io);

/* block.c: for scripts */
Banos_X_Block *block_find(const char *name);
struct user;
struct request;
/* how: DEVICE_READ and DEVICE_WRITE. 0, or -errno as programs see it. */
int block_open(const char *name, uint32_t how, const struct user *user, Banos_X_Block **out);
void block_close(Banos_X_Block *b);
int64_t block_ctl(Banos_X_Block *b, uint32_t operation, const struct request *q);
/* The same as block_run(), and what was read is compared with what must be there. */
int block_run_checked(Banos_X_Block *b, struct block_io *io);
/* Somebody else has written to disks: nothing is known of any. */
void block_forget_all(void);

#endif
