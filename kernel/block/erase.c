/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Erasing parts of a block device, and the pages of them that are in memory.
 *
 * It goes by pieces, each under write_lock, so that others who want to write back wait for one
 * piece only, and a process that is to end does so behind one. What is dirty is written first,
 * since the device may refuse, and then it must have what was written before. Then the pages are
 * taken out, but for those that are dirty again, and none is filled until the piece is erased.
 * While the piece is being emptied, who wants to make a page of it dirty waits, so that only those
 * who were about to do so already can; it is tried again a few times. What is to become zero must
 * be empty then: a page that stays would be written back with what it had before (-EBUSY). So what
 * somebody writes beside it is in a page that is written back afterwards. Who had a page in hand
 * when it was taken out sees that when he says that it is dirty, and does it again in the one that
 * comes after it (cache_keep_part).
 *
 * Locks: write_lock, and object.lock for the index and for what is being erased.
 *
 * Rejected: taking all pages out again afterwards (it loses what was written meanwhile); keeping
 * writers out (a lock in every write).
 */
#include "cache.h"

#include "internal.h"

#include <lib/errno.h>
#include <lib/string.h>
#include <sched/thread.h>

#define ERASE_STEP  256 /* pages under one hold of the lock */
#define ERASE_TRIES 3

uint32_t block_erase_pages = 16384;

static int zero_part(struct block_cache *c, uint64_t from, uint64_t to)
{
	struct page *page;
	int r;

	if (from >= to)
		return 0;
	r = cache_wait_emptied(c, from >> PAGE_SHIFT);
	if (!r)
		r = cache_get_page(c, from >> PAGE_SHIFT, 1, &page);
	if (r)
		return r;
	memset((char *)page_address(page) + from % PAGE_SIZE, 0, to - from);
	return cache_keep_part(c, page, from, to - from);
}

static void set_range(struct block_cache *c, uint64_t first, uint64_t last, bool emptying)
{
	spin_lock(&c->object.lock);
	c->erase_first = first;
	c->erase_last = last;
	__atomic_store_n(&c->emptying, emptying, __ATOMIC_RELAXED);
	spin_unlock(&c->object.lock);
	if (!emptying)
		blocker_wake_all(&c->erased);
}

/* The pages go, but for those that are dirty: false if there are such. */
static bool take_out_clean(struct block_cache *c, uint64_t first, uint64_t last)
{
	struct vm_object *o = &c->object;
	uint64_t at = first;
	bool all = true;

	vm_object_clean_begin(o);
	while (at < last) {
		spin_lock(&o->lock);
		for (unsigned i = 0; i < ERASE_STEP && at < last; i++) {
			struct page *page = radix_next(&o->index, &at);

			if (!page || at >= last) {
				at = last;
				break;
			}
			if (page->flags & PAGE_DIRTY)
				all = false;
			else
				cache_take_out_locked(o, page);
			at++;
		}
		spin_unlock(&o->lock);
	}
	vm_object_clean_end(o, first, last);
	return all;
}

/* 0, also if something stays; 1: it is empty; -errno. Holds write_lock. */
static int empty_range(struct block_cache *c, uint64_t first, uint64_t last)
{
	int r = 0;

	for (unsigned tries = 0; tries < ERASE_TRIES && !r; tries++) {
		r = cache_write_locked(c);
		if (!r && take_out_clean(c, first, last))
			r = 1;
	}
	return r;
}

/* Pages [first, last), but no block from `end` on: the device may have grown meanwhile. */
static int erase_piece(struct block_cache *c, enum block_op op, uint64_t first, uint64_t last,
		       uint64_t end)
{
	unsigned shift = PAGE_SHIFT - c->device->shift;
	uint64_t block = first << shift;
	uint64_t all = min(end, __atomic_load_n(&c->device->blocks, __ATOMIC_ACQUIRE));
	uint64_t blocks = block < all ? min(last << shift, all) - block : 0;
	int r;

	mutex_lock(&c->write_lock); /* none of them is being written now */
	/* Nobody fills any of them until the end. */
	set_range(c, first, last, true);
	r = empty_range(c, first, last);
	set_range(c, first, last, false);
	if (!r && op == BLOCK_ZEROES)
		r = -EBUSY;
	if (r >= 0) {
		c->unflushed |= (bool)(c->device->features & BLOCK_HAS_FLUSH);
		r = block_erase(c->device, op, block, blocks);
	}
	set_range(c, 0, 0, false);
	mutex_unlock(&c->write_lock);
	return r;
}

static int erase_pages(struct block_cache *c, enum block_op op, uint64_t first, uint64_t last,
		       uint64_t end)
{
	uint64_t next;
	int r = 0;

	for (; first < last && !r; first = next) {
		next = first + min(last - first, (uint64_t)block_erase_pages);
		r = thread_interrupted(WAIT_KILLABLE) ? -EINTR
						      : erase_piece(c, op, first, next, end);
	}
	return r;
}

int block_cache_erase(struct block_cache *c, enum block_op op, uint64_t start, uint64_t end)
{
	uint64_t size = block_device_bytes(c->device);
	uint64_t first = ALIGN_UP(start, PAGE_SIZE) >> PAGE_SHIFT;
	uint64_t last = (end == size ? ALIGN_UP(end, PAGE_SIZE) : end) >> PAGE_SHIFT;
	uint64_t head = min(end, first << PAGE_SHIFT);
	int r = 0;

	/* Parts of pages; what is only discarded may as well stay there. */
	if (op == BLOCK_ZEROES)
		r = zero_part(c, start, head);
	if (op == BLOCK_ZEROES && !r)
		r = zero_part(c, max(head, last << PAGE_SHIFT), end);
	if (!r && first < last)
		r = erase_pages(c, op, first, last, end >> c->device->shift);
	return r;
}
