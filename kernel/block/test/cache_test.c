/* SPDX-License-Identifier: BSD-2-Clause */
/* The pages of a device: filling, writing back, errors, memory. */
#include "fake_disk.h"

#include <sched/epoch.h>

static struct fake_disk fake;

static ssize_t read_at(struct block_readahead *ra, void *buf, size_t n, uint64_t pos)
{
	struct iter it;

	iter_init_kernel(&it, buf, n);
	return block_cache_read(fake.open->cache, &it, pos, ra);
}

static ssize_t write_at(const void *buf, size_t n, uint64_t pos)
{
	struct iter it;

	iter_init_kernel(&it, (void *)(uintptr_t)buf, n);
	return block_cache_write(fake.open->cache, &it, pos);
}

static uint64_t dirty_pages(void)
{
	return fake.open->cache->dirty_count;
}

KTEST(block_cache_writes_back_in_runs)
{
	struct block_readahead ra = {0};
	uint8_t *buf = kzalloc(40 * PAGE_SIZE);
	struct block_cache *c;

	fake_prepare(&fake);
	fake.desc.max_segments = 256;
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	c = fake.open->cache;
	memset(buf, 7, 40 * PAGE_SIZE);
	/* Backwards, whole pages: nothing is read, and the writes come in order, joined. */
	for (unsigned i = 40; i-- > 0;)
		ktest_check_eq(write_at(buf, PAGE_SIZE, i * PAGE_SIZE), PAGE_SIZE);
	ktest_check_eq(fake.requests, 0);
	ktest_check_eq(dirty_pages(), 40);
	ktest_check_eq(block_cache_sync(c), 0);
	ktest_check_eq(fake.operations[BLOCK_WRITE], 2);
	ktest_check_eq(fake.operations[BLOCK_FLUSH], 1);
	ktest_check_eq(fake.operations[BLOCK_READ], 0);
	ktest_check(fake.store[0] == 7 && fake.store[40 * PAGE_SIZE - 1] == 7 &&
		    !fake.store[40 * PAGE_SIZE]);
	ktest_check_eq(dirty_pages(), 0);
	/* Part of a page is read first. */
	ktest_check_eq(write_at("x", 1, 50 * PAGE_SIZE + 3), 1);
	ktest_check_eq(fake.operations[BLOCK_READ], 1);
	/* What is in memory is not read again, until it is given up. */
	ktest_check_eq(read_at(&ra, buf, 40 * PAGE_SIZE, 0), 40 * PAGE_SIZE);
	ktest_check_eq(fake.operations[BLOCK_READ], 1);
	block_cache_sync(c);
	block_cache_shrink(c);
	ktest_check_eq(c->object.pages, 0);
	fake.store[5] = 9;
	ktest_check_eq(read_at(&ra, buf, 6, 0), 6);
	ktest_check_eq(buf[5], 9);
	/* The end. */
	ktest_check_eq(read_at(&ra, buf, 100, (FAKE_BLOCKS << FAKE_SHIFT) - 7), 7);
	ktest_check_eq(read_at(&ra, buf, 100, FAKE_BLOCKS << FAKE_SHIFT), 0);
	ktest_check_eq(write_at(buf, 100, (FAKE_BLOCKS << FAKE_SHIFT) - 7), 7);
	ktest_check_eq(write_at(buf, 100, FAKE_BLOCKS << FAKE_SHIFT), -ENOSPC);
	kfree(buf);
	fake_end(&fake);
}

/* A reader from the beginning: few requests, and later ones are there before it comes. */
KTEST(block_cache_reads_ahead)
{
	struct block_readahead ra = {0};
	uint8_t byte;

	fake_prepare(&fake);
	fake.desc.max_segments = 256;
	if (!fake_begin(&fake))
		return;
	for (unsigned i = 0; i < 256; i++)
		fake.store[i * PAGE_SIZE] = (uint8_t)i;
	for (unsigned i = 0; i < 256; i++) {
		read_at(&ra, &byte, 1, i * PAGE_SIZE);
		ktest_check_eq(byte, i);
	}
	ktest_check(fake.operations[BLOCK_READ] >= 8 && fake.operations[BLOCK_READ] < 20);
	fake_end(&fake);
	/* One that jumps reads what it asks for. */
	fake_prepare(&fake);
	if (!fake_begin(&fake))
		return;
	for (unsigned i = 1; i < 20; i++)
		read_at(&ra, &byte, 1, (i * 37 % 256) * PAGE_SIZE);
	ktest_check_eq(fake.open->cache->object.pages, 19);
	fake_end(&fake);
}

KTEST(block_cache_errors)
{
	struct block_readahead ra = {0};
	uint8_t *buf = kzalloc(8 * PAGE_SIZE);
	struct block_cache *c;
	uint32_t seq, early, late;

	fake_prepare(&fake);
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	c = fake.open->cache;
	/* Page 3 is bad: those beside it, in the same run, are not. */
	fake.bad = 3 * 8 + 2;
	ktest_check_eq(read_at(&ra, buf, 8 * PAGE_SIZE, 0), 3 * PAGE_SIZE);
	ktest_check_eq(read_at(&ra, buf, 1, 3 * PAGE_SIZE), -EIO);
	ktest_check_eq(read_at(&ra, buf, 1, 4 * PAGE_SIZE), 1);
	ktest_check_eq(write_at("x", 1, 3 * PAGE_SIZE), -EIO);
	fake.bad = UINT64_MAX;
	ktest_check_eq(read_at(&ra, buf, 1, 3 * PAGE_SIZE), 1);
	/* A write that fails is told by sync; the page is not written again. */
	fake.bad = 3 * 8;
	seq = c->error_seq;
	ktest_check_eq(write_at("x", 1, 3 * PAGE_SIZE), 1);
	ktest_check_eq(block_cache_sync(c), -EIO);
	ktest_check_eq(c->error_seq, seq + 1);
	ktest_check_eq(block_cache_sync(c), 0);
	ktest_check_eq(dirty_pages(), 0);
	/* An open file is told once, and one that is opened later only what nobody was told. */
	early = block_cache_error_begin(c);
	late = block_cache_error_begin(c);
	ktest_check_eq(block_cache_error_since(c, &early), -EIO);
	ktest_check_eq(block_cache_error_since(c, &early), 0);
	ktest_check_eq(block_cache_error_since(c, &late), -EIO);
	late = block_cache_error_begin(c);
	ktest_check_eq(block_cache_error_since(c, &late), 0);
	ktest_check_eq(write_at("x", 1, 3 * PAGE_SIZE), 1);
	ktest_check_eq(block_cache_sync(c), -EIO);
	late = block_cache_error_begin(c);
	ktest_check_eq(block_cache_error_since(c, &late), -EIO);
	kfree(buf);
	fake_end(&fake);
}

/* The device shrinks while pages are written back: who syncs is told what is lost. */
KTEST(block_cache_loses_by_shrinking)
{
	uint8_t *buf = kzalloc(40 * PAGE_SIZE);
	struct block_cache *c;

	fake_prepare(&fake);
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	c = fake.open->cache;
	/* All of the second run. */
	write_at(buf, PAGE_SIZE, 0);
	write_at(buf, PAGE_SIZE, 20 * PAGE_SIZE);
	fake.open->blocks = 16;
	ktest_check_eq(block_cache_sync(c), -EIO);
	fake.open->blocks = FAKE_BLOCKS;
	ktest_check_eq(block_cache_sync(c), 0);
	/* Part of a run. */
	write_at(buf, 4 * PAGE_SIZE, 0);
	fake.open->blocks = 16;
	ktest_check_eq(block_cache_sync(c), -EIO);
	ktest_check_eq(block_cache_sync(c), 0);
	/* The end inside a page is as good as any. */
	fake.open->blocks = 11;
	write_at(buf, 11 * 512, 0);
	ktest_check_eq(block_cache_sync(c), 0);
	fake.open->blocks = FAKE_BLOCKS;
	kfree(buf);
	fake_end(&fake);
}

/* What the last page has behind the device's end is zero, whatever the frame held. */
KTEST(block_cache_ends_with_zeros)
{
	struct page *page;

	fake_prepare(&fake);
	fake.desc.blocks = 2 * 8 + 1;
	if (!fake_begin(&fake))
		return;
	memset(fake.store, 5, 3 * PAGE_SIZE);
	if (ktest_check_eq(cache_get_page(fake.open->cache, 2, 1, &page), 0)) {
		const uint8_t *bytes = page_address(page);
		unsigned i = 512;

		while (i < PAGE_SIZE && !bytes[i])
			i++;
		ktest_check_eq(i, PAGE_SIZE);
		ktest_check_eq(bytes[511], 5);
		page_put(page);
	}
	ktest_check_eq(cache_get_page(fake.open->cache, 3, 1, &page), -EIO);
	fake_end(&fake);
}

/* Without memory a read says so, and nothing is left behind. */
KTEST(block_cache_without_memory)
{
	struct block_readahead ra = {0};
	uint8_t *buf = kzalloc(PAGE_SIZE);
	ssize_t r = -ENOMEM;

	fake_prepare(&fake);
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	for (unsigned n = 1; r < 0 && n < 30; n++) {
		alloc_fail_nth(n);
		r = read_at(&ra, buf, 10, 5 * PAGE_SIZE);
		alloc_fail_nth(0);
		if (r < 0)
			ktest_check_eq(r, -ENOMEM);
	}
	ktest_check_eq(r, 10);
	r = -ENOMEM;
	for (unsigned n = 1; r < 0 && n < 30; n++) {
		alloc_fail_nth(n);
		r = write_at(buf, PAGE_SIZE, 90 * PAGE_SIZE);
		alloc_fail_nth(0);
		if (r < 0)
			ktest_check_eq(r, -ENOMEM);
	}
	ktest_check_eq(r, PAGE_SIZE);
	kfree(buf);
	fake_end(&fake);
}

/* Zeros and size: edges inside pages, and pages that programs have written but nobody wrote back.
 */
KTEST(block_cache_erases)
{
	struct block_readahead ra = {0};
	uint8_t *buf = kzalloc(8 * PAGE_SIZE);
	struct block_cache *c;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	c = fake.open->cache;
	memset(buf, 1, 8 * PAGE_SIZE);
	write_at(buf, 8 * PAGE_SIZE, 0);
	ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 512, 3 * PAGE_SIZE + 1024), 0);
	ktest_check_eq(fake.operations[BLOCK_ZEROES], 1);
	ktest_check_eq(read_at(&ra, buf, 8 * PAGE_SIZE, 0), 8 * PAGE_SIZE);
	for (unsigned i = 0; i < 8 * PAGE_SIZE; i++)
		if (buf[i] != (i < 512 || i >= 3 * PAGE_SIZE + 1024)) {
			ktest_check_eq(i, -1);
			break;
		}
	block_cache_sync(c);
	ktest_check(fake.store[511] == 1 && !fake.store[512] && !fake.store[3 * PAGE_SIZE] &&
		    fake.store[3 * PAGE_SIZE + 1024] == 1);
	/* Within one page, and across the border of two. */
	ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 5 * PAGE_SIZE, 5 * PAGE_SIZE + 512), 0);
	ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 7 * PAGE_SIZE - 512, 7 * PAGE_SIZE + 512),
		       0);
	read_at(&ra, buf, 8 * PAGE_SIZE, 0);
	ktest_check(!buf[5 * PAGE_SIZE] && buf[5 * PAGE_SIZE + 512] == 1);
	ktest_check(buf[7 * PAGE_SIZE - 513] == 1 && !buf[7 * PAGE_SIZE - 512] &&
		    !buf[7 * PAGE_SIZE + 511] && buf[7 * PAGE_SIZE + 512] == 1);
	/* Smaller, with a page that is dirty behind the end. */
	write_at(buf, PAGE_SIZE, 6 * PAGE_SIZE);
	ktest_check_eq(banos_x_block_resize(fake.device, 3), 0);
	ktest_check_eq(read_at(&ra, buf, 8 * PAGE_SIZE, 0), 3 * 512);
	ktest_check_eq(block_cache_sync(c), -EIO); /* it is lost */
	ktest_check_eq(block_cache_sync(c), 0);
	/* Larger: the page of the old end has what comes, and what was written to it before. */
	ktest_check_eq(write_at("y", 1, 10), 1);
	memset(fake.store + 3 * 512, 3, 100);
	ktest_check_eq(banos_x_block_resize(fake.device, FAKE_BLOCKS), 0);
	ktest_check_eq(dirty_pages(), 1);
	ktest_check_eq(read_at(&ra, buf, 8 * PAGE_SIZE, 0), 8 * PAGE_SIZE);
	ktest_check(buf[10] == 'y' && buf[3 * 512] == 3);
	ktest_check_eq(block_cache_sync(c), 0);
	ktest_check(fake.store[10] == 'y' && fake.store[3 * 512] == 3);
	ktest_check_eq(banos_x_block_resize(fake.device, 3), 0);
	alloc_fail_nth(1);
	ktest_check_eq(banos_x_block_resize(fake.device, FAKE_BLOCKS), -ENOMEM);
	alloc_fail_nth(0);
	ktest_check_eq(read_at(&ra, buf, 8 * PAGE_SIZE, 0), 3 * 512);
	ktest_check_eq(banos_x_block_resize(fake.device, UINT64_MAX), -EINVAL);
	kfree(buf);
	fake_end(&fake);
}

/* Who has a page in hand that is taken out sees that when he says that it is dirty. */
KTEST(block_cache_tells_what_is_out)
{
	struct block_cache *c;
	struct page *page;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	if (!fake_begin(&fake))
		return;
	c = fake.open->cache;
	if (ktest_check_eq(cache_get_page(c, 0, 1, &page), 0)) {
		ktest_check(c->object.ops->dirty(&c->object, page));
		ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 0, PAGE_SIZE), 0);
		ktest_check(!c->object.ops->dirty(&c->object, page));
		ktest_check_eq(dirty_pages(), 0);
		page_put(page);
	}
	fake_end(&fake);
}

/* The device does not erase: what programs have written is still there. */
KTEST(block_cache_erase_fails)
{
	struct block_readahead ra = {0};
	uint8_t *buf = kzalloc(2 * PAGE_SIZE);
	struct block_cache *c;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	c = fake.open->cache;
	memset(buf, 1, 2 * PAGE_SIZE);
	ktest_check_eq(write_at(buf, 2 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	ktest_check_eq(block_cache_erase(c, BLOCK_DISCARD, 0, 2 * PAGE_SIZE), -EOPNOTSUPP);
	ktest_check_eq(read_at(&ra, buf, 2 * PAGE_SIZE, 0), 2 * PAGE_SIZE);
	ktest_check(buf[0] == 1 && buf[2 * PAGE_SIZE - 1] == 1);
	/* What cannot be written is not erased either. */
	ktest_check_eq(write_at(buf, PAGE_SIZE, 0), PAGE_SIZE);
	fake.bad = 0;
	ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, PAGE_SIZE, 2 * PAGE_SIZE), -EIO);
	ktest_check_eq(fake.operations[BLOCK_ZEROES], 0);
	kfree(buf);
	fake_end(&fake);
}

/* While one erases: whole pages are written at once, parts of them when it is over. */

#define BESIDE 4 /* pages */

static int erased;	/* what the erasing said */
static uint32_t writes; /* [a] parts of pages that are about to be written */

static void erase_and_write(void *ctx, unsigned i)
{
	uint8_t part[512];

	if (i == 0) {
		erased = block_cache_erase(fake.open->cache, BLOCK_ZEROES, 0, BESIDE * PAGE_SIZE);
		return;
	}
	memset(part, 3, sizeof(part));
	ktest_check(reaches(&fake.held_count, 1));
	__atomic_fetch_add(&writes, 1, __ATOMIC_RELEASE);
	ktest_check_eq(write_at(part, sizeof(part), 2 * PAGE_SIZE), sizeof(part));
}

/* `left`: what is in those that nobody has written to. */
static void check_beside(int result, uint8_t left)
{
	ktest_check_eq(erased, result);
	ktest_check_eq(block_cache_sync(fake.open->cache), 0);
	ktest_check_eq(fake.store[0], left);
	ktest_check(fake.store[PAGE_SIZE] == 2 && fake.store[2 * PAGE_SIZE - 1] == 2);
	ktest_check(fake.store[2 * PAGE_SIZE] == 3 && fake.store[2 * PAGE_SIZE + 511] == 3);
	ktest_check_eq(fake.store[2 * PAGE_SIZE + 512], left);
	ktest_check_eq(fake.store[3 * PAGE_SIZE], left);
}

KTEST(block_cache_erase_beside_writes)
{
	uint8_t *buf = kzalloc(BESIDE * PAGE_SIZE);

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	for (int fails = 1; fails >= 0; fails--) {
		memset(buf, 1, BESIDE * PAGE_SIZE);
		write_at(buf, BESIDE * PAGE_SIZE, 0);
		ktest_check_eq(block_cache_sync(fake.open->cache), 0);
		fake.hold = true;
		writes = 0;
		team_start(2, erase_and_write, NULL, false);
		ktest_check(reaches(&writes, 1));
		memset(buf, 2, PAGE_SIZE);
		ktest_check_eq(write_at(buf, PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
		fake.hold = false;
		fake.bad = fails ? 0 : UINT64_MAX;
		fake_release(&fake);
		team_wait();
		fake.bad = UINT64_MAX;
		check_beside(fails ? -EIO : 0, fails ? 1 : 0);
	}
	kfree(buf);
	fake_end(&fake);
}

static struct page *rewritten;
static uint32_t waiting; /* [a] threads that are about to make it dirty */

static void write_again(struct fake_disk *f, const Banos_X_Block_Request *r)
{
	if (r->operation == BANOS_X_BLOCK_OP_WRITE)
		cache_mark_dirty(f->open->cache, rewritten);
}

/* A page that gets dirty whenever it is written: it would come back with its old bytes. */
KTEST(block_cache_erase_of_what_stays_dirty)
{
	struct block_cache *c;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES | BANOS_X_BLOCK_DISCARD;
	if (!fake_begin(&fake))
		return;
	c = fake.open->cache;
	if (ktest_check_eq(write_at("x", 1, 0), 1) &&
	    ktest_check_eq(cache_get_page(c, 0, 1, &rewritten), 0)) {
		fake.on_serve = write_again;
		ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 0, 2 * PAGE_SIZE), -EBUSY);
		ktest_check_eq(fake.operations[BLOCK_ZEROES], 0);
		ktest_check_eq(block_cache_erase(c, BLOCK_DISCARD, 0, 2 * PAGE_SIZE), 0);
		ktest_check_eq(fake.operations[BLOCK_DISCARD], 1);
		fake.on_serve = NULL;
		page_put(rewritten);
		ktest_check_eq(block_cache_sync(c), 0);
		ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 0, 2 * PAGE_SIZE), 0);
		ktest_check_eq(fake.store[0], 0);
	}
	fake_end(&fake);
}

static void empty_and_dirty(void *ctx, unsigned i)
{
	struct block_cache *c = fake.open->cache;

	if (i == 0) {
		erased = block_cache_erase(c, BLOCK_ZEROES, 0, 2 * PAGE_SIZE);
		return;
	}
	ktest_check(reaches(&fake.held_count, 1));
	__atomic_fetch_add(&waiting, 1, __ATOMIC_RELEASE);
	if (i == 1)
		ktest_check_eq(write_at("yyyy", 4, 0), 4);
	else /* as a fault does */
		ktest_check(!c->object.ops->dirty(&c->object, rewritten));
}

/* Both ways to make a page dirty wait until its place is empty. */
KTEST(block_cache_erase_keeps_dirtiers_out)
{
	uint8_t *buf = kzalloc(2 * PAGE_SIZE);
	struct block_cache *c;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	if (!ktest_check(buf != NULL) || !fake_begin(&fake))
		return;
	c = fake.open->cache;
	memset(buf, 1, 2 * PAGE_SIZE);
	write_at(buf, 2 * PAGE_SIZE, 0);
	if (ktest_check_eq(cache_get_page(c, 1, 1, &rewritten), 0)) {
		waiting = 0;
		fake.hold = true;
		team_start(3, empty_and_dirty, NULL, false);
		ktest_check(reaches(&waiting, 2));
		sleep_ns(5 * MS); /* they would be there by now */
		ktest_check_eq(dirty_pages(), 0);
		fake.hold = false;
		fake_release(&fake);
		team_wait();
		page_put(rewritten);
		ktest_check_eq(erased, 0);
		ktest_check_eq(block_cache_sync(c), 0);
		ktest_check(fake.store[0] == 'y' && fake.store[3] == 'y' && !fake.store[4]);
		ktest_check(!fake.store[PAGE_SIZE]);
	}
	kfree(buf);
	fake_end(&fake);
}

static void be_killed_after(struct fake_disk *f, const Banos_X_Block_Request *r)
{
	if (r->operation == BANOS_X_BLOCK_OP_ZEROES && r->block)
		__atomic_fetch_or(&current()->work, THREAD_WORK_KILL, __ATOMIC_SEQ_CST);
}

/* Piece by piece: who is to end does so behind the piece that is under way. */
KTEST(block_cache_erase_by_pieces)
{
	uint32_t usual = block_erase_pages;
	struct block_cache *c;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	if (!fake_begin(&fake))
		return;
	c = fake.open->cache;
	block_erase_pages = 2;
	memset(fake.store, 1, 8 * PAGE_SIZE);
	ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 0, 7 * PAGE_SIZE), 0);
	ktest_check_eq(fake.operations[BLOCK_ZEROES], 4);
	ktest_check(!fake.store[7 * PAGE_SIZE - 1] && fake.store[7 * PAGE_SIZE] == 1);
	memset(fake.store, 1, 8 * PAGE_SIZE);
	fake.on_request = be_killed_after;
	ktest_check_eq(block_cache_erase(c, BLOCK_ZEROES, 0, 8 * PAGE_SIZE), -EINTR);
	__atomic_fetch_and(&current()->work, ~(uint32_t)THREAD_WORK_KILL, __ATOMIC_SEQ_CST);
	fake.on_request = NULL;
	ktest_check_eq(fake.operations[BLOCK_ZEROES], 6);
	ktest_check(!fake.store[4 * PAGE_SIZE - 1] && fake.store[4 * PAGE_SIZE] == 1);
	block_erase_pages = usual;
	fake_end(&fake);
}

static void grow(struct fake_disk *f, const Banos_X_Block_Request *r)
{
	__atomic_store_n(&f->open->blocks, 4 * 8, __ATOMIC_RELEASE);
}

/* The end is inside a page, and the device grows meanwhile: what has come is not erased. */
KTEST(block_cache_erase_beside_growth)
{
	uint32_t usual = block_erase_pages;

	fake_prepare(&fake);
	fake.desc.features |= BANOS_X_BLOCK_ZEROES;
	fake.desc.blocks = 3 * 8 + 1;
	if (!fake_begin(&fake))
		return;
	block_erase_pages = 2;
	memset(fake.store, 1, 4 * PAGE_SIZE);
	fake.on_request = grow;
	ktest_check_eq(block_cache_erase(fake.open->cache, BLOCK_ZEROES, 0, 3 * PAGE_SIZE + 512),
		       0);
	fake.on_request = NULL;
	ktest_check_eq(fake.operations[BLOCK_ZEROES], 2);
	ktest_check(!fake.store[3 * PAGE_SIZE + 511] && fake.store[3 * PAGE_SIZE + 512] == 1);
	block_erase_pages = usual;
	fake_end(&fake);
}

/* --- many ------------------------------------------------------------------------------------- */

#define PART (16 * PAGE_SIZE) /* of each thread */

static void model(void *ctx, unsigned i)
{
	uint8_t *buf = kzalloc(PART), *own = kzalloc(PART);
	struct block_readahead ra = {0};
	uint32_t seed = i + 1;
	uint64_t base = i * PART + 100; /* parts of pages are shared */

	while (buf && own && team_time()) {
		uint64_t at = noise(&seed) % PART, n = noise(&seed) % (PART - at) + 1;

		switch (noise(&seed) % 5) {
		case 0:
			memset(own + at, (int)noise(&seed), n);
			ktest_check_eq(write_at(own + at, n, base + at), n);
			break;
		case 1:
			ktest_check_eq(read_at(&ra, buf, n, base + at), n);
			ktest_check(memcmp(buf, own + at, n) == 0);
			break;
		case 2:
			ktest_check_eq(block_cache_sync(fake.open->cache), 0);
			break;
		case 3: /* the device cannot: all stays as it is */
			ktest_check_eq(
				block_cache_erase(fake.open->cache, BLOCK_DISCARD, 0, 4 * PART),
				-EOPNOTSUPP);
			break;
		default:
			block_cache_shrink(fake.open->cache);
		}
	}
	block_cache_sync(fake.open->cache);
	ktest_check(memcmp(fake.store + base, own, PART) == 0);
	kfree(buf);
	kfree(own);
}

static void complete_all(void *ctx, unsigned i)
{
	if (i < 4) {
		model(ctx, i);
		__atomic_fetch_add((uint32_t *)ctx, 1, __ATOMIC_RELEASE);
		return;
	}
	while (__atomic_load_n((uint32_t *)ctx, __ATOMIC_ACQUIRE) < 4) {
		fake_release(&fake);
		sleep_ns(MS / 10);
	}
}

KTEST(block_cache_against_a_model)
{
	uint32_t over = 0;

	fake_prepare(&fake);
	fake.hold = true;
	fake.desc.depth = 4;
	if (!fake_begin(&fake))
		return;
	team_run(5, complete_all, &over);
	fake_end(&fake);
}
