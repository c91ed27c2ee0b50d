/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of block devices that have been changed, and pages that nobody needs.
 *
 *	clean	 -> dirty    cache_dirty(): a write, or a program is about to get the right to write
 *			     to it through a mapping. It hangs in the cache's chain.
 *	dirty	 -> writing  take_run(), in order of the index: unmapped, so that the next write
 *			     through a mapping makes it dirty again, and handed to the device
 *	writing	 -> clean    the io has ended. An error is noted, and the page stays as it is: who
 *			     syncs is told, once for each open file (error_seq).
 *	clean	 -> gone     shrink(): only the index knows it. Chain, ios, mappings and readers
 * have a reference each, so a count of one says all that.
 *
 * One thread writes back at a time (write_lock), up to BLOCK_WRITES ios at once, all of which have
 * ended when it lets the next one in; so two writes of one page do not meet. It needs no memory:
 * the chain goes through the descriptors of the pages, and the ios are part of the cache.
 *
 * When: fsync, sync, the last close; by the thread "writeback" when there are many, by the writers
 * themselves when there are twice as many, and when memory is used up (reclaim()). Together
 * the caches have at most a quarter of memory, beyond which each gives up its own oldest pages;
 * and before a fault ends a program for want of memory, all caches give what they can.
 *
 * Locks: write_lock (BLOCK_WRITEBACK) comes after VM_SPACE, since a fault may sync in order to get
 * memory, and before VM_OBJECT, which is held while pages are declared clean. object.lock covers
 * the chain; the thread that has taken the chain off owns its links, as no page in it is put in
 * twice.
 *
 * Rejected: tags in the radix tree or a second tree (they need memory to say that memory is dirty).
 */
#include "cache.h"

#include "internal.h"

#include <lib/errno.h>
#include <mem/frame.h>
#include <sched/clock.h>
#include <vm/space.h>

#define SHRINK_STEP 64		      /* pages under one hold of the lock */
#define LOOK_MAX    (8 * SHRINK_STEP) /* and how many are looked at for that */
#define PATIENCE    (NSEC_PER_SEC)    /* for the first write to end when memory is out */
#define WRITES_ALL  ((1U << BLOCK_WRITES) - 1)

static struct work_queue *writer; /* [I] */
static uint64_t page_limit;	  /* [I] of all caches */
static uint64_t dirty_limit;	  /* [I] where writing back begins; writers help at twice that */
static uint64_t cached;		  /* [a] pages of all caches */
static uint64_t dirty;		  /* [a] those that are dirty */
static uint64_t written;	  /* [a] ios that have ended, ever */
static struct blocker progress = BLOCKER_INIT(LOCK_BLOCKER); /* `written` has changed */

void cache_count(int64_t pages)
{
	__atomic_fetch_add(&cached, (uint64_t)pages, __ATOMIC_RELAXED);
}

void block_cache_stats(struct block_cache_stats *out)
{
	out->pages = __atomic_load_n(&cached, __ATOMIC_RELAXED);
	out->dirty = __atomic_load_n(&dirty, __ATOMIC_RELAXED);
}

/* --- dirty pages ----------------------------------------------------------------------------- */

bool cache_mark_dirty(struct block_cache *c, struct page *page)
{
	struct vm_object *o = &c->object;
	bool here;

	spin_lock(&o->lock);
	here = page->object == o;
	if (here && !(page->flags & PAGE_DIRTY)) {
		page_flags_set(page, PAGE_DIRTY);
		page->chain = c->dirty;
		c->dirty = page_get(page);
		c->dirty_count++;
		__atomic_fetch_add(&dirty, 1, __ATOMIC_RELAXED);
	}
	spin_unlock(&o->lock);
	if (__atomic_load_n(&dirty, __ATOMIC_RELAXED) > dirty_limit)
		work_submit(&c->write_work);
	return here;
}

bool cache_dirty(struct vm_object *o, struct page *page)
{
	struct block_cache *c = container_of(o, struct block_cache, object);

	/* A process that is to end does not wait, and need not: it does not come again. */
	cache_wait_emptied(c, page->index);
	return cache_mark_dirty(c, page);
}

static struct page *merge(struct page *a, struct page *b)
{
	struct page *head = NULL, **end = &head;

	while (a && b) {
		struct page **from = a->index <= b->index ? &a : &b;

		*end = *from;
		end = &(*from)->chain;
		*from = *end;
	}
	*end = a ? a : b;
	return head;
}

/* By index. Bin i holds nothing or a sorted chain of 2^i. */
static struct page *sort(struct page *chain)
{
	struct page *bins[48] = {NULL}, *sorted = NULL;
	unsigned i;

	while (chain) {
		struct page *one = chain;

		chain = one->chain;
		one->chain = NULL;
		for (i = 0; bins[i]; i++) {
			one = merge(bins[i], one);
			bins[i] = NULL;
		}
		bins[i] = one;
	}
	for (i = 0; i < ARRAY_SIZE(bins); i++)
		sorted = merge(bins[i], sorted);
	return sorted;
}

/* --- writing --------------------------------------------------------------------------------- */

/* That the device is gone is what reads and writes say; for data it means that they are lost. */
static void note_error(struct block_cache *c, int error)
{
	__atomic_store_n(&c->error, error == -ENODEV ? -EIO : error, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->error_seq, 1, __ATOMIC_RELEASE);
}

static void write_end(struct block_io *io)
{
	struct block_write *w = io->ctx;
	struct block_cache *c = w->cache;

	if (io->error)
		note_error(c, io->error);
	for (unsigned i = 0; i < w->count; i++)
		page_put(w->pages[i]);
	__atomic_fetch_add(&written, 1, __ATOMIC_RELEASE);
	__atomic_fetch_or(&c->writes_free, 1U << (w - c->writes), __ATOMIC_RELEASE);
	/* The cache stays: drivers do not let their device go while they complete requests of it.
	 */
	blocker_wake_all(&c->write_done);
	blocker_wake_all(&progress);
}

/* The first run of pages that follow each other off the chain; they are clean now. */
static void take_run(struct block_cache *c, struct page **chain, struct block_write *w)
{
	struct vm_object *o = &c->object;
	uint64_t first = (*chain)->index, gone = 0;

	w->count = 0;
	vm_object_clean_begin(o);
	spin_lock(&o->lock);
	while (*chain && w->count < BLOCK_RUN_PAGES && (*chain)->index == first + w->count) {
		struct page *page = *chain;

		*chain = page->chain; /* before others may put it in again */
		page_flags_clear(page, PAGE_DIRTY);
		gone++;
		if (page->object != o) { /* the device has shrunk: its bytes are lost */
			note_error(c, -EIO);
			page_put(page);
			break;
		}
		w->pages[w->count++] = page;
	}
	c->dirty_count -= gone;
	spin_unlock(&o->lock);
	vm_object_clean_end(o, first, first + w->count);
	__atomic_fetch_sub(&dirty, gone, __ATOMIC_RELAXED);
}

/*
 * The io of a run. False: there is none, or it lies behind the end of a device that has shrunk.
 * What lies there is lost.
 */
static bool prepare(struct block_cache *c, struct block_write *w)
{
	unsigned shift = PAGE_SHIFT - c->device->shift;
	uint64_t blocks = __atomic_load_n(&c->device->blocks, __ATOMIC_ACQUIRE);
	uint64_t first = w->count ? w->pages[0]->index << shift : blocks;

	if (w->count && first + ((uint64_t)w->count << shift) > ALIGN_UP(blocks, 1ULL << shift))
		note_error(c, -EIO);
	if (first >= blocks)
		return false;
	w->io = (struct block_io){
		.device = c->device,
		.op = BLOCK_WRITE,
		.block = first,
		.blocks = min((uint64_t)w->count << shift, blocks - first),
		.pages = w->pages,
		.end = write_end,
		.ctx = w,
	};
	return true;
}

/* Ios that are ready: handed over together, before the first wait. */
struct ready {
	unsigned count;
	struct block_io *ios[BLOCK_WRITES];
};

static void submit_ready(struct ready *ready)
{
	if (ready->count)
		block_submit(ready->ios, ready->count);
	ready->count = 0;
}

static struct block_write *free_write(struct block_cache *c, struct ready *ready)
{
	uint32_t map;
	unsigned i;

	if (!__atomic_load_n(&c->writes_free, __ATOMIC_ACQUIRE))
		submit_ready(ready);
	WAIT_UNTIL(&c->write_done, __atomic_load_n(&c->writes_free, __ATOMIC_ACQUIRE), NEVER,
		   WAIT_UNINTERRUPTIBLE);
	map = __atomic_load_n(&c->writes_free, __ATOMIC_ACQUIRE);
	i = (unsigned)__builtin_ctz(map);
	__atomic_fetch_and(&c->writes_free, ~(1U << i), __ATOMIC_ACQUIRE);
	return &c->writes[i];
}

/* Holds write_lock. Everything that was dirty has been written, or has failed, when it returns. */
static void write_back(struct block_cache *c)
{
	struct ready ready = {.count = 0};
	struct page *chain;

	spin_lock(&c->object.lock);
	chain = c->dirty;
	c->dirty = NULL;
	spin_unlock(&c->object.lock);
	chain = sort(chain);
	if (chain && c->device->features & BLOCK_HAS_FLUSH)
		c->unflushed = true;
	while (chain) {
		struct block_write *w = free_write(c, &ready);

		take_run(c, &chain, w);
		if (prepare(c, w)) {
			ready.ios[ready.count++] = &w->io;
			continue;
		}
		for (unsigned i = 0; i < w->count; i++)
			page_put(w->pages[i]);
		__atomic_fetch_or(&c->writes_free, 1U << (w - c->writes), __ATOMIC_RELEASE);
	}
	submit_ready(&ready);
	WAIT_UNTIL(&c->write_done, __atomic_load_n(&c->writes_free, __ATOMIC_ACQUIRE) == WRITES_ALL,
		   NEVER, WAIT_UNINTERRUPTIBLE);
}

static void write_work(struct work *work)
{
	struct block_cache *c = container_of(work, struct block_cache, write_work);

	mutex_lock(&c->write_lock);
	write_back(c);
	mutex_unlock(&c->write_lock);
}

static int first_error_since(struct block_cache *c, uint32_t seq)
{
	return __atomic_load_n(&c->error_seq, __ATOMIC_ACQUIRE) == seq
		       ? 0
		       : __atomic_load_n(&c->error, __ATOMIC_RELAXED);
}

uint32_t block_cache_error_begin(struct block_cache *c)
{
	/* In this order: one that is told in between is told twice, and none never. */
	uint32_t told = __atomic_load_n(&c->error_told, __ATOMIC_ACQUIRE);
	uint32_t seq = __atomic_load_n(&c->error_seq, __ATOMIC_ACQUIRE);

	return told == seq ? seq : seq - 1;
}

int block_cache_error_since(struct block_cache *c, uint32_t *since)
{
	uint32_t seq = __atomic_load_n(&c->error_seq, __ATOMIC_ACQUIRE);

	if (__atomic_exchange_n(since, seq, __ATOMIC_RELAXED) == seq)
		return 0;
	__atomic_store_n(&c->error_told, seq, __ATOMIC_RELEASE);
	return __atomic_load_n(&c->error, __ATOMIC_RELAXED);
}

int cache_write_locked(struct block_cache *c)
{
	uint32_t seq = __atomic_load_n(&c->error_seq, __ATOMIC_ACQUIRE);

	write_back(c);
	return first_error_since(c, seq);
}

/*
 * What a device had not written to its medium when it went is lost as well, but that is told once:
 * afterwards there is nothing that could be lost.
 */
static int flush_locked(struct block_cache *c)
{
	bool there = block_is_there(c->device);
	int r = there ? block_flush(c->device) : c->unflushed ? -EIO : 0;

	if (!r || !there)
		c->unflushed = false;
	return r;
}

int block_cache_sync(struct block_cache *c)
{
	uint32_t seq = __atomic_load_n(&c->error_seq, __ATOMIC_ACQUIRE);
	int r;

	mutex_lock(&c->write_lock);
	write_back(c);
	r = flush_locked(c);
	if (r)
		note_error(c, r);
	mutex_unlock(&c->write_lock);
	return first_error_since(c, seq);
}

void cache_throttle(struct block_cache *c)
{
	if (__atomic_load_n(&dirty, __ATOMIC_RELAXED) <= 2 * dirty_limit)
		return;
	mutex_lock(&c->write_lock);
	write_back(c);
	mutex_unlock(&c->write_lock);
}

/* --- giving pages up ------------------------------------------------------------------------- */

/* Only the index knows the page. Under the object's lock nobody gets a reference. */
static bool is_idle(struct page *page, bool old_only)
{
	if (__atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) != 1)
		return false;
	if (!old_only || !(page->flags & PAGE_REFERENCED))
		return true;
	page_flags_clear(page, PAGE_REFERENCED);
	return false;
}

/* Up to `want` pages go, from the hand on; how many. *looked grows by those that were met. */
static unsigned shrink_step(struct block_cache *c, unsigned want, bool old_only, uint64_t *looked)
{
	struct vm_object *o = &c->object;
	unsigned freed = 0;
	uint64_t at;

	spin_lock(&o->lock);
	at = c->hand;
	for (unsigned i = 0; i < LOOK_MAX && freed < want; i++) {
		struct page *page = radix_next(&o->index, &at);

		if (!page) {
			at = 0;
			*looked = o->pages ? *looked : UINT64_MAX;
			break;
		}
		++*looked;
		if (is_idle(page, old_only)) {
			radix_remove(&o->index, at);
			page->object = NULL;
			o->pages--;
			page_put(page);
			freed++;
		}
		at++;
	}
	c->hand = at;
	spin_unlock(&o->lock);
	cache_count(-(int64_t)freed);
	return freed;
}

/* Goes round at most twice: the first time may only find out what is old. */
static unsigned shrink(struct block_cache *c, unsigned want)
{
	uint64_t looked = 0, most = 2 * READ_ONCE(c->object.pages) + LOOK_MAX;
	unsigned freed = 0;

	for (unsigned i = 0; freed < want && looked < most && i < 64; i++)
		freed += shrink_step(c, min(want - freed, (unsigned)SHRINK_STEP), true, &looked);
	return freed;
}

void block_cache_shrink(struct block_cache *c)
{
	uint64_t looked = 0, most = READ_ONCE(c->object.pages);

	do
		shrink_step(c, SHRINK_STEP, false, &looked);
	while (looked <= most);
}

void cache_make_room(struct block_cache *c, unsigned n)
{
	if (__atomic_load_n(&cached, __ATOMIC_RELAXED) + n > page_limit)
		shrink(c, 2 * n);
}

/*
 * Memory is used up: what can go at once goes; else dirty pages are written, and the first to end
 * is waited for. True: it is worth trying again.
 */
static bool reclaim(void)
{
	uint64_t before = __atomic_load_n(&written, __ATOMIC_ACQUIRE);
	struct Banos_X_Block *b = NULL;
	unsigned freed = 0;
	bool writing = false;

	if (!__atomic_load_n(&cached, __ATOMIC_RELAXED))
		return false;
	while ((b = block_next(b)) != NULL) {
		freed += shrink(&b->cache, SHRINK_STEP);
		if (!freed && READ_ONCE(b->cache.dirty_count)) {
			work_submit(&b->cache.write_work);
			writing = true;
		}
	}
	if (!freed && writing)
		WAIT_UNTIL(&progress, __atomic_load_n(&written, __ATOMIC_ACQUIRE) != before,
			   clock_mono_ns() + PATIENCE, WAIT_KILLABLE);
	return freed || (writing && __atomic_load_n(&written, __ATOMIC_ACQUIRE) != before);
}

/* --- boot ------------------------------------------------------------------------------------ */

void writeback_init(struct block_cache *c)
{
	work_init_for(&c->write_work, writer, write_work);
	mutex_init(&c->write_lock, LOCK_BLOCK_WRITEBACK);
	blocker_init(&c->write_done);
	blocker_init(&c->erased);
	c->writes_free = WRITES_ALL;
	for (unsigned i = 0; i < BLOCK_WRITES; i++)
		c->writes[i].cache = c;
}

void writeback_start(void)
{
	struct frame_stats frames;

	frame_stats(&frames);
	page_limit = frames.total / 4;
	dirty_limit = frames.total / 16;
	writer = work_queue_create("writeback");
	vm_reclaim_hook = reclaim;
}
