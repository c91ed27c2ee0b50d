/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages of a block device: what read, write and mmap of its node share. cache.c fills them,
 * writeback.c writes them back and gives them up.
 */
#ifndef BLOCK_CACHE_H
#define BLOCK_CACHE_H

#include "block.h"
#include <sched/mutex.h>
#include <sched/work.h>
#include <vm/iter.h>
#include <vm/object.h>

#define BLOCK_RUN_PAGES 32 /* of one io */
#define BLOCK_WRITES	8  /* ios that write back at once */
#define BLOCK_FILLED	16 /* blockers of those who wait for pages */

struct block_cache;

struct block_write {
	struct block_io io;
	struct block_cache *cache; /* [I] */
	unsigned count;
	struct page *pages[BLOCK_RUN_PAGES]; /* each with a reference */
};

struct block_cache {
	struct vm_object object;	     /* its references are the device's */
	struct block_device *device;	     /* [I] */
	struct blocker filled[BLOCK_FILLED]; /* for the end of a filling, by index */
	struct page *dirty;		     /* [object.lock] a chain, each with a reference */
	uint64_t dirty_count;		     /* [object.lock] those of the chain, or being sorted */
	uint64_t hand;			     /* [object.lock] where the search for old pages is */
	struct work write_work;		     /* writes back without being waited for */
	struct mutex write_lock;	     /* BLOCK_WRITEBACK: one writes back at a time */
	struct block_write writes[BLOCK_WRITES]; /* [write_lock, those that are free] */
	uint32_t writes_free;			 /* [a] a bit for each */
	struct blocker write_done;		 /* the holder of write_lock waits here */
	uint32_t error_seq;			 /* [a] how many writes have failed */
	uint32_t error_told; /* [a] of error_seq: the last that somebody knows */
	int32_t error;	     /* [a] the last of them */
	bool unflushed;	     /* [write_lock] the device may have some of it not on its medium yet */
	uint64_t erase_first, erase_last; /* [object.lock] pages that are not filled now */
	bool emptying;	       /* [object.lock; readers a] and are not to be made dirty either */
	struct blocker erased; /* for the end of both */
};

/* What a reader will want next; one for each open file. [a] Hints only: races cost a read. */
struct block_readahead {
	uint64_t next;	 /* page behind the last one read */
	uint64_t mark;	 /* reading this page starts the next run */
	uint64_t ahead;	 /* page behind what has been asked for */
	uint32_t window; /* pages; 0: not sequential */
};

void block_cache_init(struct block_cache *c, struct block_device *d);

/*
 * For an open file: up to where it need not be told of errors of writing back. One that nobody has
 * been told is for whoever opens next as well. Context: any.
 */
uint32_t block_cache_error_begin(struct block_cache *c);
/* 0, or the last error behind *since, which moves on and is told thereby. Context: any. */
int block_cache_error_since(struct block_cache *c, uint32_t *since);

/* Bytes at pos, 0 at the end; -EIO, -ENODEV, -ENOMEM, -EFAULT, -EINTR. Context: process. */
ssize_t block_cache_read(struct block_cache *c, struct iter *it, uint64_t pos,
			 struct block_readahead *ra);
/* Likewise; -ENOSPC at the end. */
ssize_t block_cache_write(struct block_cache *c, struct iter *it, uint64_t pos);

/*
 * Write back everything, and have the device write it to its medium. 0, or the first error of this
 * call; errors of others show in error_seq. Of a device that is gone it is -EIO if something was
 * lost, once. Context: process, not under VM_OBJECT.
 */
int block_cache_sync(struct block_cache *c);
/* Give up pages that are written back and that nobody maps (BLKFLSBUF, behind a sync). */
void block_cache_shrink(struct block_cache *c);
/* All pages go, written back or not: nobody uses the device. */
void block_cache_forget(struct block_cache *c);
/* The device has another size. Pages behind the end go. 0 or -ENOMEM. Context: process. */
int block_cache_resize(struct block_cache *c, uint64_t blocks);
/*
 * Bytes [start, end) become zero (BLOCK_ZEROES), or lose their meaning; multiples of the block
 * size, inside the device. 0 or -errno, after which a part may have been erased; -EINTR: the
 * process is to end; -EBUSY: programs write to pages that are to become zero all the time. What
 * others write meanwhile is not lost. Context: process.
 */
extern uint32_t block_erase_pages; /* of one piece; tests change it */
int block_cache_erase(struct block_cache *c, enum block_op op, uint64_t start, uint64_t end);

struct block_cache_stats {
	uint64_t pages, dirty;
};
void block_cache_stats(struct block_cache_stats *out);

/* --- between cache.c and writeback.c -------------------------------------------------------- */

/* page->flags of pages of an object, beside VM_PAGE_ABSENT. Changed atomically. */
#define PAGE_FILLING	2 /* [a] a read of it is on the way */
#define PAGE_DIRTY	4 /* [object.lock] it is in the chain of dirty pages, which has a reference */
#define PAGE_REFERENCED 8 /* [a] it was read since the search for old pages last came by */

static inline void page_flags_set(struct page *page, unsigned flags)
{
	__atomic_fetch_or(&page->flags, (uint16_t)flags, __ATOMIC_RELAXED);
}
static inline void page_flags_clear(struct page *page, unsigned flags)
{
	__atomic_fetch_and(&page->flags, (uint16_t)~flags, __ATOMIC_RELEASE);
}

/* The page at index, filled, with a reference: 0 or -errno. ops->page of the object. */
int cache_page(struct vm_object *o, uint64_t index, struct page **out);
/* The same, of a run of up to `run` if it must be filled. */
int cache_get_page(struct block_cache *c, uint64_t index, unsigned run, struct page **out);
/* Before a page is made dirty: an erasing that is taking out the pages around it comes first. 0 or
 * -EINTR: the process is to end. Context: process, no page held that is being filled. */
int cache_wait_emptied(struct block_cache *c, uint64_t index);
/* Out of the index, whose reference goes. Holds the object's lock. */
void cache_take_out_locked(struct vm_object *o, struct page *page);
/*
 * The n bytes at pos of the device, which are of one page and have been written to it, are to get
 * to the device: in this page, or if that was taken out meanwhile in the one that has its place.
 * Takes over the reference. 0 or -errno.
 */
int cache_keep_part(struct block_cache *c, struct page *page, uint64_t pos, size_t n);
/* Count pages in (or out, negative) of all caches. */
void cache_count(int64_t pages);
/* Room for n pages more, as far as that is possible. Context: process. */
void cache_make_room(struct block_cache *c, unsigned n);
/* The page's contents have changed, or are about to: ops->dirty of the object. */
bool cache_dirty(struct vm_object *o, struct page *page);
/* The same; false: it is not in the index any more, and nobody will write it. */
bool cache_mark_dirty(struct block_cache *c, struct page *page);
/* Who makes pages dirty faster than they can be written helps to write. Context: process, no page
 * held that is being filled. */
void cache_throttle(struct block_cache *c);
/* Write back what is dirty: 0, or the first error of this call. Holds write_lock. */
int cache_write_locked(struct block_cache *c);
void writeback_init(struct block_cache *c);
/* At boot. */
void writeback_start(void);

#endif
