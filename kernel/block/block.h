/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block devices, for those above: finding and opening them, and handing runs of pages to them. Who
 * wants the contents by the byte goes through the pages of the device (cache.h).
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include <base/types.h>
#include <lib/list.h>
#include <mem/frame.h>

struct block_cache;
struct owner;
struct Banos_Io;

#define BLOCK_MAJOR	259 /* "block extended" of Linux's list: numbers given as devices come */
#define BLOCK_MINORS	4096
#define BLOCK_NAME_SIZE 32

/* What the device can do, or is. */
#define BLOCK_HAS_FLUSH	  1
#define BLOCK_HAS_FUA	  2
#define BLOCK_HAS_DISCARD 4
#define BLOCK_HAS_ZEROES  8
#define BLOCK_READ_ONLY	  16

struct block_device {
	char name[BLOCK_NAME_SIZE];
	uint32_t minor;		   /* [I] */
	uint32_t mode, uid, gid;   /* [I] of its node */
	uint32_t features;	   /* [I] BLOCK_HAS_* */
	uint32_t shift;		   /* [I] a logical block has 1 << shift bytes: 9 to 12 */
	uint32_t physical_shift;   /* [I] what the medium writes at once */
	uint64_t blocks;	   /* [a] how many there are */
	struct block_cache *cache; /* [I] its pages */
};

static inline uint64_t block_device_bytes(const struct block_device *d)
{
	return __atomic_load_n(&d->blocks, __ATOMIC_ACQUIRE) << d->shift;
}

/* --- device.c ------------------------------------------------------------------------------- */

/*
 * The device with this number, in use until block_close: 0; -ENXIO: there is none; -ENOMEDIUM and
 * the like: what its driver says. Context: process.
 */
int block_open(uint32_t major, uint32_t minor, struct block_device **out);
/* The last one writes back what is left. Context: process, not under VM_SPACE. */
void block_close(struct block_device *d);
/* False: the device is gone, and everything asked of it is -ENODEV. */
bool block_is_there(const struct block_device *d);
/*
 * The driver's answer to an ioctl, or -ENOTTY. `end` gets it as long as the driver cannot go: for
 * requests that are pending. Context: process.
 */
int64_t block_ctl(struct block_device *d, uint32_t operation, struct Banos_Io *io,
		  int64_t (*end)(struct Banos_Io *io, int64_t result, struct owner *owner));
/* devfs sets these once: a device has come; one goes. */
void block_set_hooks(int (*added)(const struct block_device *d),
		     void (*removed)(const struct block_device *d));
/* Write back all devices: sync(2). Context: process. */
void block_sync_all(void);
/* /proc/partitions, /proc/diskstats; the thread that writes back. At boot. */
void block_init(void);

/* --- queue.c: requests ---------------------------------------------------------------------- */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_ZEROES };

#define BLOCK_FUA 1 /* a write that is complete when it is on the medium */

/*
 * What somebody wants of a device: a run of blocks from or to pages. The caller's memory, which
 * stays with the block layer from block_submit() until `end` is called.
 */
struct block_io {
	struct block_device *device; /* [I] in use by the caller */
	uint32_t op;		     /* [I] enum block_op */
	uint32_t flags;		     /* [I] BLOCK_FUA */
	uint64_t block;		     /* [I] the first logical one; 0 of a flush */
	uint64_t blocks;	     /* [I] how many; 0 of a flush */
	/* [I] Of reads and writes: the data, from byte `offset` of the first page on and then whole
	 * pages; offset is a multiple of the block size. */
	struct page *const *pages;
	uint32_t offset;
	/*
	 * It is over: io->error. Called once, by any thread or interrupt handler, with no lock of
	 * the block layer's held; must not sleep; may free the io and submit others.
	 */
	void (*end)(struct block_io *io);
	void *ctx; /* the caller's */
	int error; /* 0 or -errno: -EIO, -ENODEV, -EOPNOTSUPP */

	/* The block layer's. */
	struct list link; /* [queue] among those that wait */
	uint64_t next;	  /* [queue] blocks that are in requests or done */
	uint32_t flying;  /* [queue] requests of it */
	uint32_t flush;	  /* [queue] a flush is to follow: the device has no FUA */
};

/*
 * Hand over n ios of one device: several at once get to the driver at once. Each ends, possibly
 * before this returns. Not in order: who needs an order waits. Context: any.
 */
void block_submit(struct block_io *const *ios, unsigned n);
/* The same for one, and wait: its error. io->end and ctx are set here. Context: process. */
int block_io_run(struct block_io *io);
/* What has been written before is on the medium when this returns: 0 or -errno. Context: process.
 */
int block_flush(struct block_device *d);
/* Blocks become zero, or (BLOCK_DISCARD) anything: 0 or -errno. Context: process. */
int block_erase(struct block_device *d, enum block_op op, uint64_t block, uint64_t blocks);

#endif
