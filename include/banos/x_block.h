/* SPDX-License-Identifier: MIT */
/*
 * Block devices: nodes below /dev that hold blocks of one size, and serve requests for runs of
 * them. Interface "banos.x_block". Experimental: the driver says BANOS_META_EXPERIMENTAL.
 *
 * The kernel keeps the contents in memory, joins and splits, and hands out requests; a driver moves
 * the data. A device has one or more queues, each with `depth` requests that exist once and are
 * used again and again: behind the public part of each lies room for the driver's own data.
 *
 * How a request goes:
 *	submit	the kernel offers some. The driver takes the first so many, and says how many.
 *		What it does not take stays with the kernel, which offers it again after the
 *		next banos_x_block_done() of that queue or banos_x_block_requeue(); so a driver
 *		that takes none while it has none must call the latter in the end.
 *	taken	the driver has it, and all its segments, until it gives it back by
 *		banos_x_block_done(), in any order, from any context, also from within submit.
 *	time	one that has not come back in time is asked about: poll, then timeout.
 *
 * A completion of what the driver does not have is refused and logged.
 *
 * The public part of requests and the elements of `segments` may grow: banos_x_block_layout() says
 * where the driver's room begins and how far segments lie apart.
 *
 * The first argument of every callback is the context given at registration. submit, poll and
 * timeout of one queue do not run at once with themselves; others do.
 *
 * Sources: none but this; operations and features follow what NVM Express (Base Specification 2.0,
 * NVM Command Set 1.0) and virtio 1.2 (5.2, block device) have in common.
 */
#ifndef BANOS_X_BLOCK_H
#define BANOS_X_BLOCK_H

#include <banos/driver.h>
#include <banos/io.h>

typedef struct Banos_X_Block Banos_X_Block;

/* What the device can do, or is. */
#define BANOS_X_BLOCK_FLUSH	1u  /* it has a cache that may lose data, which FLUSH empties */
#define BANOS_X_BLOCK_FUA	2u  /* it obeys BANOS_X_BLOCK_REQUEST_FUA */
#define BANOS_X_BLOCK_DISCARD	4u  /* it takes DISCARD */
#define BANOS_X_BLOCK_ZEROES	8u  /* it takes ZEROES */
#define BANOS_X_BLOCK_READ_ONLY 16u /* it gets no request that changes something */

/* Operations of requests. */
#define BANOS_X_BLOCK_OP_READ	 0u
#define BANOS_X_BLOCK_OP_WRITE	 1u
#define BANOS_X_BLOCK_OP_FLUSH	 2u /* what has been completed before is on the medium; no blocks */
#define BANOS_X_BLOCK_OP_DISCARD 3u /* contents do not matter any more; no segments */
#define BANOS_X_BLOCK_OP_ZEROES	 4u /* the blocks read as zero from now on; no segments */

/* Flags of requests: a WRITE is complete only when it is on the medium. */
#define BANOS_X_BLOCK_REQUEST_FUA 1u

/* What timeout returns. */
#define BANOS_X_BLOCK_TIMEOUT_DONE  0 /* it has been completed in the meantime */
#define BANOS_X_BLOCK_TIMEOUT_MORE  1 /* wait as long again */
#define BANOS_X_BLOCK_TIMEOUT_RESET 2 /* the device was reset: see timeout */

/* Memory that belongs to a request: whole blocks, one segment after the other. */
typedef struct Banos_X_Block_Segment {
	void *address;	   /* where the driver reaches it */
	uint64_t physical; /* where it is in memory; all of the segment follows */
	uint32_t length;   /* bytes, a multiple of the block size */
	uint32_t zero;
} Banos_X_Block_Segment;

BANOS_SIZE(Banos_X_Block_Segment, 24);
BANOS_OFFSET(Banos_X_Block_Segment, address, 0);
BANOS_OFFSET(Banos_X_Block_Segment, physical, 8);
BANOS_OFFSET(Banos_X_Block_Segment, length, 16);

/* The public part of a request. The driver only reads it. */
typedef struct Banos_X_Block_Request {
	uint32_t operation; /* BANOS_X_BLOCK_OP_* */
	uint32_t flags;	    /* BANOS_X_BLOCK_REQUEST_* */
	uint64_t block;	    /* the first */
	uint32_t blocks;    /* how many */
	uint32_t segment_count;
	const Banos_X_Block_Segment *segments;
	uint32_t tag;	/* for the completion; another one each time */
	uint32_t index; /* below depth; no two that the driver has of one queue have the same */
	uint32_t queue;
	uint32_t zero[5];
} Banos_X_Block_Request;

BANOS_SIZE(Banos_X_Block_Request, 64);
BANOS_OFFSET(Banos_X_Block_Request, operation, 0);
BANOS_OFFSET(Banos_X_Block_Request, flags, 4);
BANOS_OFFSET(Banos_X_Block_Request, block, 8);
BANOS_OFFSET(Banos_X_Block_Request, blocks, 16);
BANOS_OFFSET(Banos_X_Block_Request, segment_count, 20);
BANOS_OFFSET(Banos_X_Block_Request, segments, 24);
BANOS_OFFSET(Banos_X_Block_Request, tag, 32);
BANOS_OFFSET(Banos_X_Block_Request, index, 36);
BANOS_OFFSET(Banos_X_Block_Request, queue, 40);

/* That a request is over. */
typedef struct Banos_X_Block_Completion {
	uint32_t tag;
	int32_t status; /* 0 or -errno: -EIO when nothing fits better */
	/* Bytes at the end that were not read or written. With status 0 the kernel asks for them in
	 * another request; not all bytes then, and whole blocks. */
	uint64_t residual;
} Banos_X_Block_Completion;

BANOS_SIZE(Banos_X_Block_Completion, 16);
BANOS_OFFSET(Banos_X_Block_Completion, tag, 0);
BANOS_OFFSET(Banos_X_Block_Completion, status, 4);
BANOS_OFFSET(Banos_X_Block_Completion, residual, 8);

/* What this kernel's elements look like. The caller fills in size, and 0 as flags. */
typedef struct Banos_X_Block_Layout {
	uint32_t size;
	uint32_t flags;
	uint32_t private_offset; /* from a request to the driver's room behind it, 16-aligned */
	uint32_t segment_stride; /* from one segment to the next */
} Banos_X_Block_Layout;

BANOS_SIZE(Banos_X_Block_Layout, 16);
BANOS_OFFSET(Banos_X_Block_Layout, private_offset, 8);
BANOS_OFFSET(Banos_X_Block_Layout, segment_stride, 12);

typedef struct Banos_X_Block_Desc {
	uint32_t size;	  /* of this structure */
	uint32_t flags;	  /* 0 */
	const char *name; /* below /dev, without slashes; %u: the first number free */
	uint32_t mode;	  /* permissions; 0: 0600 */
	uint32_t uid;
	uint32_t gid;
	uint32_t features;	    /* BANOS_X_BLOCK_FLUSH and the like */
	uint64_t blocks;	    /* how many there are; 2^63 bytes at most */
	uint32_t logical_shift;	    /* a block has 1 << this bytes: 9 to 12 */
	uint32_t physical_shift;    /* the unit the medium writes in; 0: the same. Up to 20 */
	uint32_t queues;	    /* 1 to 64; 0: 1 */
	uint32_t depth;		    /* requests of a queue: 1 to 1,024; 0: 32 */
	uint32_t max_segments;	    /* of a request: 1 to 256; 0: 32 */
	uint32_t max_segment_size;  /* bytes, from 4,096; 0: any */
	uint32_t max_blocks;	    /* of a READ or WRITE, at least 4,096 bytes; 0: any */
	uint32_t max_discard;	    /* blocks of a DISCARD or ZEROES; 0: any */
	uint32_t private_size;	    /* bytes of the driver's own for each request: up to 4,096 */
	uint32_t completion_stride; /* sizeof(Banos_X_Block_Completion) */
	uint64_t timeout_ns;	    /* for a request, from 1 ms; 0: 30 s */
} Banos_X_Block_Desc;

BANOS_SIZE(Banos_X_Block_Desc, 88);
BANOS_OFFSET(Banos_X_Block_Desc, name, 8);
BANOS_OFFSET(Banos_X_Block_Desc, mode, 16);
BANOS_OFFSET(Banos_X_Block_Desc, uid, 20);
BANOS_OFFSET(Banos_X_Block_Desc, gid, 24);
BANOS_OFFSET(Banos_X_Block_Desc, features, 28);
BANOS_OFFSET(Banos_X_Block_Desc, blocks, 32);
BANOS_OFFSET(Banos_X_Block_Desc, logical_shift, 40);
BANOS_OFFSET(Banos_X_Block_Desc, physical_shift, 44);
BANOS_OFFSET(Banos_X_Block_Desc, queues, 48);
BANOS_OFFSET(Banos_X_Block_Desc, depth, 52);
BANOS_OFFSET(Banos_X_Block_Desc, max_segments, 56);
BANOS_OFFSET(Banos_X_Block_Desc, max_segment_size, 60);
BANOS_OFFSET(Banos_X_Block_Desc, max_blocks, 64);
BANOS_OFFSET(Banos_X_Block_Desc, max_discard, 68);
BANOS_OFFSET(Banos_X_Block_Desc, private_size, 72);
BANOS_OFFSET(Banos_X_Block_Desc, completion_stride, 76);
BANOS_OFFSET(Banos_X_Block_Desc, timeout_ns, 80);

/* submit is required; the others may be NULL. */
typedef struct Banos_X_Block_Ops {
	uint32_t size;
	uint32_t flags; /* 0 */
	/*
	 * Take the first so many of `count` requests, and say how many; `count` is also the end of
	 * what the kernel has for now, so this is the moment to tell the device. The array is the
	 * kernel's and goes with the return, the requests stay. Context: must not sleep; a thread.
	 */
	uint32_t (*submit)(void *ctx, uint32_t queue, Banos_X_Block_Request *const *requests,
			   uint32_t count);
	/* Look for what the device has done and complete it, as its interrupt would: a time-out is
	 * about to be spoken of. Context: may sleep. */
	void (*poll)(void *ctx, uint32_t queue);
	/*
	 * A request that the driver has is late. BANOS_X_BLOCK_TIMEOUT_*. RESET: the device was
	 * reset and touches no memory, and the driver has forgotten all requests that it had when
	 * this was called, of all queues; the kernel offers them again, and gives up with -EIO
	 * after three times. NULL: it waits on. Context: may sleep.
	 */
	int32_t (*timeout)(void *ctx, Banos_X_Block_Request *request);
	/* The first program opens the device: 0, or the -errno it gets. Context: may sleep. */
	int32_t (*start)(void *ctx);
	/* The last one has closed it, and everything has been written. Context: may sleep. */
	void (*stop)(void *ctx);
	/* An ioctl that the kernel does not know: as in <banos/chardev.h>, but never pending.
	 * Context: may sleep. */
	int64_t (*ctl)(void *ctx, uint32_t operation, Banos_Io *io);
} Banos_X_Block_Ops;

BANOS_SIZE(Banos_X_Block_Ops, 56);
BANOS_OFFSET(Banos_X_Block_Ops, submit, 8);
BANOS_OFFSET(Banos_X_Block_Ops, poll, 16);
BANOS_OFFSET(Banos_X_Block_Ops, timeout, 24);
BANOS_OFFSET(Banos_X_Block_Ops, start, 32);
BANOS_OFFSET(Banos_X_Block_Ops, stop, 40);
BANOS_OFFSET(Banos_X_Block_Ops, ctl, 48);

BANOS_API_BEGIN

/* What requests and segments look like on this kernel, into *layout. 0 or -EINVAL. Context: any.
 * Since 0.9. */
int32_t banos_x_block_layout(Banos_X_Block_Layout *layout);

/*
 * A device in *device, at once visible to programs, which open it when the driver's init is over.
 * `desc` and `ops` are copied. Returns how many bytes of ops this kernel uses; -EINVAL: a bad name,
 * size or number; -E2BIG: something in desc that is not 0 and that this kernel does not know;
 * -EEXIST: the name is taken, by a device or by something else in /dev; -ENOMEM, -ENOSPC.
 * Context: may sleep. Since 0.9.
 */
int32_t banos_x_block_register(Banos_Driver *driver, const Banos_X_Block_Desc *desc,
			       const Banos_X_Block_Ops *ops, void *ctx, Banos_X_Block **device);
/*
 * The device goes: its node vanishes, requests that the driver has end with -ENODEV, and so does
 * what programs that still have it open ask for; what they had not written yet is lost, which
 * fsync tells them by -EIO, each open file once. Stop the
 * device first, so that it touches no memory any more, and end what may call banos_x_block_done()
 * (an interrupt, a thread). No callback runs or will when this returns. NULL is allowed. 0;
 * -EDEADLK from a callback of the device. Context: may sleep. Since 0.9.
 */
int32_t banos_x_block_unregister(Banos_X_Block *device);

/*
 * The driver gives back `count` requests of a queue. Returns how many were accepted: one with a tag
 * that it does not have is refused, with a line in the log. Context: any. Since 0.9.
 */
int32_t banos_x_block_done(Banos_X_Block *device, uint32_t queue,
			   const Banos_X_Block_Completion *completions, uint32_t count);
/* What the driver did not take it would take now. Context: any. Since 0.9. */
void banos_x_block_requeue(Banos_X_Block *device, uint32_t queue);
/*
 * The device has another number of blocks, and serves them. 0; -EINVAL; -ENOMEM: nothing has
 * changed. It may wait for requests, of blocks that have come, too: so not from the only context
 * that completes them. Context: may sleep. Since 0.9.
 */
int32_t banos_x_block_resize(Banos_X_Block *device, uint64_t blocks);

BANOS_API_END

#endif
