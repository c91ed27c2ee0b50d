/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pages of a block device: filled by runs, read and written.
 *
 * A page of the index is one of
 *
 *	filling	  PAGE_FILLING and VM_PAGE_ABSENT: a read of it is on the way
 *	failed	  VM_PAGE_ABSENT alone: that read ended with an error; who meets it takes it out
 *	valid	  neither: everybody may use it
 *
 * VM_PAGE_ABSENT hides it from the rest of vm. Whoever misses a page puts new ones for a whole run
 * into the index, filling, and hands the run to the device; others who want them wait. No lock is
 * held meanwhile, so any number of reads are on the way at once. The end of the io, perhaps in an
 * interrupt, changes the flags and wakes; it takes no lock, since that of the index is not for
 * interrupts.
 *
 * A run that fails says nothing of its single pages: who needs one of them reads it again by
 * itself, and what that says is final.
 *
 * What is removed from the index while it is filling just goes with its last reference. Pages go
 * only when they are written back and nobody has a reference (writeback.c), so a page that is read
 * again comes from a device that has all of it.
 *
 * Readers ahead: struct block_readahead knows where one reader is. A miss in sequence doubles the
 * window; when the reader comes to the middle of what was asked for, the next run is.
 *
 * A page that is written as a whole is not read before. The program's bytes go into a page that is
 * in no index yet: the copy may fault, and the fault may want that very page of the device.
 *
 * Locks: object.lock for the index and PAGE_DIRTY. Nothing is locked over a read, a write or a
 * wait. Readers may see a part of a write; a page is never torn between device and program.
 *
 * Rejected: vm_object's own filling under its mutex (one read at a time); a buffer per block.
 */
#include "cache.h"

#include "internal.h"

#include <base/log.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>

#define WINDOW_FIRST 4
/* What one miss of a long read starts at most. */
#define MISS_MAX (4 * BLOCK_RUN_PAGES)

struct fill {
	struct block_io io;
	struct block_cache *cache;
	unsigned count;
	unsigned inside;		     /* of the device; the others are failures */
	struct page *pages[BLOCK_RUN_PAGES]; /* each with a reference */
};

static struct block_cache *cache_of(struct vm_object *o)
{
	return container_of(o, struct block_cache, object);
}

static unsigned flags_of(const struct page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE);
}

/* --- the index ------------------------------------------------------------------------------- */

static void count_object(struct vm_object *o, uint64_t *pages, int by)
{
	*pages += (uint64_t)(int64_t)by;
	cache_count(by);
}

/* Under the object's lock. 0 or -ENOMEM; the index gets a reference of its own. */
static int insert_locked(struct vm_object *o, uint64_t index, struct page *page, unsigned flags)
{
	int r;

	page->kind = PAGE_OBJECT;
	page->object = o;
	page->index = index;
	page->flags = (uint16_t)flags;
	r = radix_insert(&o->index, index, page);
	if (r) {
		page->kind = PAGE_ALLOCATED;
		return r;
	}
	page_get(page);
	count_object(o, &o->pages, 1);
	return 0;
}

void cache_take_out_locked(struct vm_object *o, struct page *page)
{
	radix_remove(&o->index, page->index);
	page->object = NULL;
	count_object(o, &o->pages, -1);
	page_put(page);
}

/* --- filling --------------------------------------------------------------------------------- */

static struct blocker *bucket(struct block_cache *c, uint64_t index)
{
	return &c->filled[index / BLOCK_RUN_PAGES % BLOCK_FILLED];
}

static void fill_end(struct block_io *io)
{
	struct fill *f = io->ctx;
	struct block_cache *c = f->cache;
	uint64_t first = f->pages[0]->index, last = first + f->count - 1;
	unsigned good = io->error ? 0 : f->inside;

	for (unsigned i = 0; i < f->count; i++) {
		page_flags_clear(f->pages[i],
				 i < good ? PAGE_FILLING | VM_PAGE_ABSENT : PAGE_FILLING);
		page_put(f->pages[i]);
	}
	blocker_wake_all(bucket(c, first));
	if (bucket(c, first) != bucket(c, last))
		blocker_wake_all(bucket(c, last));
	kfree(f);
}

/* Under the object's lock. */
static bool is_erased(const struct block_cache *c, uint64_t index)
{
	return index >= c->erase_first && index < c->erase_last;
}

/* Those from `first` on of which there is nothing and may be something, up to max. */
static unsigned count_missing(struct block_cache *c, uint64_t first, unsigned max)
{
	uint64_t bytes = block_device_bytes(c->device);
	uint64_t end = ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT;
	struct vm_object *o = &c->object;
	unsigned n = 0;

	if (first >= end)
		return 0;
	max = (unsigned)min((uint64_t)max, end - first);
	spin_lock(&o->lock);
	while (n < max && !radix_find(&o->index, first + n) && !is_erased(c, first + n))
		n++;
	spin_unlock(&o->lock);
	return n;
}

/* Up to n pages; how many. */
static unsigned alloc_pages(struct fill *f, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		f->pages[i] = frame_alloc(0, FRAME_USER);
		if (!f->pages[i])
			break;
	}
	return i;
}

/* As many as there is still nothing of go into the index; the others are given back. */
static int insert_run(struct block_cache *c, struct fill *f, uint64_t first, unsigned n)
{
	struct vm_object *o = &c->object;
	int r = 0;

	f->count = 0;
	spin_lock(&o->lock);
	while (f->count < n && !r && !radix_find(&o->index, first + f->count) &&
	       !is_erased(c, first + f->count)) {
		r = insert_locked(o, first + f->count, f->pages[f->count],
				  PAGE_FILLING | VM_PAGE_ABSENT);
		f->count += !r;
	}
	spin_unlock(&o->lock);
	for (unsigned i = f->count; i < n; i++)
		page_put(f->pages[i]);
	return f->count ? 0 : r;
}

/*
 * Only now is it settled what of the run is read: the device may have shrunk since the pages were
 * chosen. What lies behind its end is a failure, and the rest of the last page reads as zero.
 */
static void cut_fill(struct fill *f, struct block_io *io, uint64_t blocks)
{
	unsigned shift = io->device->shift;
	size_t bytes, rest;

	f->inside = f->count;
	if (io->block >= blocks || io->blocks <= blocks - io->block)
		return; /* wholly behind it: the io will say so */
	io->blocks = blocks - io->block;
	bytes = io->blocks << shift;
	rest = bytes % PAGE_SIZE;
	f->inside = (unsigned)(ALIGN_UP(bytes, PAGE_SIZE) >> PAGE_SHIFT);
	if (rest)
		memset((char *)page_address(f->pages[f->inside - 1]) + rest, 0, PAGE_SIZE - rest);
}

static void submit_fill(struct block_cache *c, struct fill *f, uint64_t first)
{
	unsigned shift = PAGE_SHIFT - c->device->shift;
	uint64_t blocks = __atomic_load_n(&c->device->blocks, __ATOMIC_ACQUIRE);
	struct block_io *io = &f->io;

	f->cache = c;
	*io = (struct block_io){.device = c->device,
				.op = BLOCK_READ,
				.block = first << shift,
				.blocks = (uint64_t)f->count << shift,
				.pages = f->pages,
				.end = fill_end,
				.ctx = f};
	cut_fill(f, io, blocks);
	block_submit(&io, 1);
}

/*
 * Begin to fill up to `max` pages from `first` on, as far as there is nothing. 0 or -ENOMEM. *page,
 * unless page is NULL: the first, with a reference, or NULL: something is there by now.
 */
static int start_fill(struct block_cache *c, uint64_t first, unsigned max, struct page **page)
{
	unsigned n = count_missing(c, first, min(max, (unsigned)BLOCK_RUN_PAGES));
	struct fill *f;
	int r;

	if (!n)
		return 0;
	cache_make_room(c, n);
	f = kmalloc(sizeof(*f));
	n = f ? alloc_pages(f, n) : 0;
	r = n ? insert_run(c, f, first, n) : -ENOMEM;
	if (r || !f->count) {
		kfree(f);
		return r;
	}
	if (page)
		*page = page_get(f->pages[0]);
	submit_fill(c, f, first);
	return 0;
}

/* 0 or -EINTR: the process is to end. */
static int wait_filled(struct block_cache *c, struct page *page)
{
	return WAIT_UNTIL(bucket(c, page->index), !(flags_of(page) & PAGE_FILLING), NEVER,
			  WAIT_KILLABLE);
}

static bool may_fill(struct block_cache *c, uint64_t index)
{
	bool may;

	spin_lock(&c->object.lock);
	may = !is_erased(c, index);
	spin_unlock(&c->object.lock);
	return may;
}

/* 0 or -EINTR, as above. */
static int wait_erased(struct block_cache *c, uint64_t index)
{
	return WAIT_UNTIL(&c->erased, may_fill(c, index), NEVER, WAIT_KILLABLE);
}

static bool may_dirty(struct block_cache *c, uint64_t index)
{
	bool may;

	spin_lock(&c->object.lock);
	may = !c->emptying || !is_erased(c, index);
	spin_unlock(&c->object.lock);
	return may;
}

int cache_wait_emptied(struct block_cache *c, uint64_t index)
{
	/* Who looks too early makes a page dirty once more, and waits the next time. */
	if (!__atomic_load_n(&c->emptying, __ATOMIC_RELAXED))
		return 0;
	return WAIT_UNTIL(&c->erased, may_dirty(c, index), NEVER, WAIT_KILLABLE);
}

/*
 * What the index has, with a reference; NULL: nothing, or it was a failure, which is taken out.
 */
static struct page *look(struct block_cache *c, uint64_t index)
{
	struct vm_object *o = &c->object;
	struct page *page;

	spin_lock(&o->lock);
	page = radix_find(&o->index, index);
	if (page && (flags_of(page) & (PAGE_FILLING | VM_PAGE_ABSENT)) == VM_PAGE_ABSENT) {
		cache_take_out_locked(o, page);
		page = NULL;
	}
	if (page)
		page_get(page);
	spin_unlock(&o->lock);
	return page;
}

int cache_get_page(struct block_cache *c, uint64_t index, unsigned run, struct page **out)
{
	for (unsigned failures = 0;;) {
		struct page *page = look(c, index);
		int r = 0;

		if (!page) {
			if (index << PAGE_SHIFT >= block_device_bytes(c->device))
				return -EIO;
			r = wait_erased(c, index);
			if (!r)
				r = start_fill(c, index, failures ? 1 : run, &page);
		}
		if (r)
			return r;
		if (!page)
			continue;
		r = wait_filled(c, page);
		if (!r && !(flags_of(page) & VM_PAGE_ABSENT)) {
			*out = page;
			return 0;
		}
		page_put(page);
		if (r)
			return r;
		if (!block_is_there(c->device))
			return -ENODEV;
		/* The run may have failed for another's sake. */
		if (++failures > 1)
			return -EIO;
	}
}

int cache_page(struct vm_object *o, uint64_t index, struct page **out)
{
	return cache_get_page(cache_of(o), index, BLOCK_RUN_PAGES / 2, out);
}

/* --- reading --------------------------------------------------------------------------------- */

/* A miss at `index` of a reader who needs so many from there on: how many to read. */
static unsigned open_window(struct block_readahead *ra, uint64_t index, uint64_t need)
{
	unsigned window = 0;

	if (index == ra->next)
		window = ra->window ? min(ra->window * 2, (unsigned)BLOCK_RUN_PAGES) : WINDOW_FIRST;
	window = (unsigned)min(max(need, (uint64_t)window), (uint64_t)MISS_MAX);
	ra->window = index == ra->next ? min(window, (unsigned)BLOCK_RUN_PAGES) : 0;
	ra->ahead = index + window;
	ra->mark = ra->window ? index + window / 2 : UINT64_MAX;
	return window;
}

static int read_miss(struct block_cache *c, uint64_t index, uint64_t need,
		     struct block_readahead *ra, struct page **out)
{
	unsigned window = open_window(ra, index, need);

	/* Those behind the first run are on the way while the first is waited for. */
	for (unsigned i = 0; i < window; i += BLOCK_RUN_PAGES)
		if (start_fill(c, index + i, window - i, NULL))
			break;
	return cache_get_page(c, index, 1, out);
}

static void read_ahead(struct block_cache *c, uint64_t index, struct block_readahead *ra)
{
	if (index == ra->mark && ra->window) {
		ra->window = min(ra->window * 2, (unsigned)BLOCK_RUN_PAGES);
		ra->mark = ra->ahead;
		ra->ahead += ra->window;
		start_fill(c, ra->mark, ra->window, NULL); /* without memory it stays undone */
	}
	ra->next = index + 1;
}

static int read_page(struct block_cache *c, uint64_t index, uint64_t need,
		     struct block_readahead *ra, struct page **out)
{
	int r = 0;

	*out = vm_object_find(&c->object, index);
	if (!*out)
		r = read_miss(c, index, need, ra, out);
	if (r)
		return r;
	if (!(flags_of(*out) & PAGE_REFERENCED))
		page_flags_set(*out, PAGE_REFERENCED);
	read_ahead(c, index, ra);
	return 0;
}

ssize_t block_cache_read(struct block_cache *c, struct iter *it, uint64_t pos,
			 struct block_readahead *ra)
{
	uint64_t size = block_device_bytes(c->device), start = pos, end;
	int r = 0;

	if (!block_is_there(c->device))
		return -ENODEV;
	if (pos >= size || !iter_left(it))
		return 0;
	end = pos + min((uint64_t)iter_left(it), size - pos);
	while (pos < end) {
		size_t n = min(end - pos, PAGE_SIZE - pos % PAGE_SIZE), copied;
		uint64_t index = pos >> PAGE_SHIFT;
		struct page *page;

		r = read_page(c, index, ((end - 1) >> PAGE_SHIFT) - index + 1, ra, &page);
		if (r)
			break;
		copied = iter_copy_to(it, (char *)page_address(page) + pos % PAGE_SIZE, n);
		page_put(page);
		pos += copied;
		if (copied < n) {
			r = -EFAULT;
			break;
		}
	}
	return pos != start ? (ssize_t)(pos - start) : r;
}

/* --- writing --------------------------------------------------------------------------------- */

static struct page *alloc_for_write(struct block_cache *c)
{
	cache_make_room(c, 1);
	return frame_alloc(0, FRAME_USER);
}

/*
 * A page with the contents of index, as a whole, takes its place there; or what is there takes the
 * contents. *page: the one in the index, with a reference.
 */
static int put_whole(struct block_cache *c, uint64_t index, struct page **page)
{
	struct vm_object *o = &c->object;
	struct page *old;
	int r = 0;

	for (;;) {
		old = look(c, index);
		if (old && !r)
			r = wait_filled(c, old);
		if (old && (r || !(flags_of(old) & VM_PAGE_ABSENT)))
			break;
		if (old) {
			page_put(old); /* a failure, which the next look takes out */
			continue;
		}
		spin_lock(&o->lock);
		if (radix_find(&o->index, index)) {
			spin_unlock(&o->lock);
			continue;
		}
		r = insert_locked(o, index, *page, 0);
		spin_unlock(&o->lock);
		return r;
	}
	if (r) {
		page_put(old);
		return r;
	}
	page_copy(page_address(old), page_address(*page));
	page_put(*page);
	*page = old;
	return 0;
}

int cache_keep_part(struct block_cache *c, struct page *page, uint64_t pos, size_t n)
{
	size_t offset = pos % PAGE_SIZE;
	struct page *next;
	int r = 0;

	while (!cache_mark_dirty(c, page)) {
		r = cache_get_page(c, pos >> PAGE_SHIFT, 1, &next);
		if (r)
			break;
		memcpy((char *)page_address(next) + offset, (char *)page_address(page) + offset, n);
		page_put(page);
		page = next;
	}
	page_put(page);
	return r;
}

/* As cache_keep_part(), for all of a page; *page is replaced. */
static int keep_whole(struct block_cache *c, struct page **page, uint64_t index)
{
	struct page *next;
	int r = 0;

	while (!r && !cache_mark_dirty(c, *page)) {
		next = alloc_for_write(c);
		if (!next)
			return -ENOMEM;
		page_copy(page_address(next), page_address(*page));
		page_put(*page);
		*page = next;
		r = put_whole(c, index, page);
	}
	return r;
}

/* Write n bytes of one page that is there or is read. */
static ssize_t write_part(struct block_cache *c, uint64_t pos, size_t n, struct iter *it)
{
	struct page *page;
	size_t copied;
	int r = cache_wait_emptied(c, pos >> PAGE_SHIFT);

	if (!r)
		r = cache_get_page(c, pos >> PAGE_SHIFT, 1, &page);
	if (r)
		return r;
	copied = iter_copy_from(it, (char *)page_address(page) + pos % PAGE_SIZE, n);
	r = cache_keep_part(c, page, pos, copied);
	return r ? r : (ssize_t)copied;
}

/* The program's memory ended inside a page that was to be written as a whole. */
static ssize_t write_beginning(struct block_cache *c, uint64_t index, const void *from, size_t n)
{
	struct iter it;

	iter_init_kernel(&it, (void *)(uintptr_t)from, n);
	return n ? write_part(c, index << PAGE_SHIFT, n, &it) : 0;
}

static ssize_t write_whole(struct block_cache *c, uint64_t index, struct iter *it)
{
	struct page *page = alloc_for_write(c);
	ssize_t done;
	size_t copied;

	if (!page)
		return -ENOMEM;
	copied = iter_copy_from(it, page_address(page), PAGE_SIZE);
	if (copied < PAGE_SIZE) {
		done = write_beginning(c, index, page_address(page), copied);
	} else {
		done = cache_wait_emptied(c, index);
		if (!done)
			done = put_whole(c, index, &page);
		if (!done)
			done = keep_whole(c, &page, index);
		if (!done)
			done = PAGE_SIZE;
	}
	page_put(page);
	return done;
}

ssize_t block_cache_write(struct block_cache *c, struct iter *it, uint64_t pos)
{
	uint64_t size = block_device_bytes(c->device), start = pos, end;
	ssize_t done = 0;

	if (!iter_left(it))
		return 0;
	if (!block_is_there(c->device))
		return -ENODEV;
	if (pos >= size)
		return -ENOSPC;
	end = pos + min((uint64_t)iter_left(it), size - pos);
	while (pos < end) {
		size_t n = min(end - pos, PAGE_SIZE - pos % PAGE_SIZE);

		if (n == PAGE_SIZE)
			done = write_whole(c, pos >> PAGE_SHIFT, it);
		else
			done = write_part(c, pos, n, it);
		if (done > 0)
			pos += (uint64_t)done;
		if (done < (ssize_t)n)
			break;
		cache_throttle(c);
	}
	if (pos != start)
		return (ssize_t)(pos - start);
	return done < 0 ? done : -EFAULT;
}

/* --- size --------------------------------------------------------------------------- */

void block_cache_forget(struct block_cache *c)
{
	vm_object_remove_range(&c->object, 0, UINT64_MAX);
}

/* Who wants the page waits, as if it were being filled, until unhide(). False: it is gone. */
static bool hide(struct block_cache *c, struct page *page)
{
	struct vm_object *o = &c->object;
	bool here;

	spin_lock(&o->lock);
	here = page->object == o;
	if (here)
		page_flags_set(page, PAGE_FILLING | VM_PAGE_ABSENT);
	spin_unlock(&o->lock);
	return here;
}

static void unhide(struct block_cache *c, struct page *page)
{
	page_flags_clear(page, PAGE_FILLING | VM_PAGE_ABSENT);
	blocker_wake_all(bucket(c, page->index));
}

/* Blocks [from, to) of the device, which are of one page, into that; by way of scratch. */
static void read_into(struct block_cache *c, struct page *page, struct page *scratch, uint64_t from,
		      uint64_t to)
{
	unsigned shift = c->device->shift;
	uint32_t offset = (uint32_t)((from << shift) % PAGE_SIZE);
	struct block_io io = {.device = c->device,
			      .op = BLOCK_READ,
			      .block = from,
			      .blocks = to - from,
			      .pages = &scratch,
			      .offset = offset};
	int r = block_io_run(&io);

	if (r)
		log_error("block %s: has grown, but what was behind its end cannot be read: %s",
			  c->device->name, errno_name(r));
	else
		memcpy((char *)page_address(page) + offset, (char *)page_address(scratch) + offset,
		       (to - from) << shift);
}

/*
 * What was the last page is zero behind the old end, and the device may be not. The page stays,
 * since somebody may be writing to its first part, and is not written back meanwhile.
 */
static int grow_inside_page(struct block_cache *c, uint64_t blocks)
{
	struct page *page = NULL, *scratch = frame_alloc(0, 0);
	uint64_t old, end, tail;
	bool hidden;

	if (!scratch)
		return -ENOMEM;
	mutex_lock(&c->write_lock);
	old = __atomic_load_n(&c->device->blocks, __ATOMIC_ACQUIRE);
	tail = old << c->device->shift >> PAGE_SHIFT;
	end = min(blocks, (tail + 1) << (PAGE_SHIFT - c->device->shift));
	/* One that cannot be read now is not there: who wants it reads all of it. */
	hidden = !cache_get_page(c, tail, 1, &page) && hide(c, page);
	__atomic_store_n(&c->device->blocks, blocks, __ATOMIC_RELEASE);
	if (hidden) {
		read_into(c, page, scratch, old, end);
		unhide(c, page);
	}
	mutex_unlock(&c->write_lock);
	if (page)
		page_put(page);
	page_put(scratch);
	return 0;
}

int block_cache_resize(struct block_cache *c, uint64_t blocks)
{
	uint64_t old = block_device_bytes(c->device), size = blocks << c->device->shift;
	int r = 0;

	if (size > old && old % PAGE_SIZE)
		r = grow_inside_page(c, blocks);
	else
		__atomic_store_n(&c->device->blocks, blocks, __ATOMIC_RELEASE);
	if (!r)
		vm_object_set_size(&c->object, size);
	return r;
}

/* --- the object ------------------------------------------------------------------------------ */

/* Pages that vm takes out. */
static int object_charge(struct vm_object *o, int64_t pages)
{
	cache_count(pages);
	return 0;
}

static void object_release(struct vm_object *o)
{
	struct block_cache *c = cache_of(o);

	work_cancel(&c->write_work);
	work_flush(&c->write_work);
	block_free(container_of(c, struct Banos_X_Block, cache));
}

static const struct vm_object_ops cache_ops = {
	.page = cache_page,
	.dirty = cache_dirty,
	.charge = object_charge,
	.release = object_release,
};

void block_cache_init(struct block_cache *c, struct block_device *d)
{
	vm_object_init(&c->object, &cache_ops, NULL, block_device_bytes(d));
	c->device = d;
	for (unsigned i = 0; i < BLOCK_FILLED; i++)
		blocker_init(&c->filled[i]);
	writeback_init(c);
}
