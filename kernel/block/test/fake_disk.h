/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the block layer: a driver that does as it is told, right or wrong. */
#ifndef BLOCK_TEST_FAKE_DISK_H
#define BLOCK_TEST_FAKE_DISK_H

#include <base/ktest.h>
#include <block/internal.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mem/slab.h>
#include <sched/test/team.h>
#include <sched/test/test_driver.h>
#include <sched/thread.h>

#define FAKE_SHIFT  9
#define FAKE_BLOCKS 2048 /* a MiB */
#define FAKE_HELD   64

struct fake_disk {
	struct test_driver driver;
	Banos_X_Block *device;
	struct block_device *open; /* by the test */
	uint8_t *store;
	Banos_X_Block_Desc desc; /* the test changes what it wants before fake_begin */
	struct spinlock lock;	 /* TEST_SPIN's stand-in: DRIVER_SPIN */
	bool hold;		 /* [lock] keep what comes in held[] */
	uint32_t take;		 /* [a] at most so many at a time */
	int32_t answer;		 /* of timeout */
	uint64_t bad;		 /* a block that cannot be read or written; ~0: none */
	bool scribble;		 /* over the requests */
	/* Called for each, by whoever hands it over. */
	void (*on_request)(struct fake_disk *f, const Banos_X_Block_Request *r);
	/* The same, but with no lock held, and not for those that are kept. */
	void (*on_serve)(struct fake_disk *f, const Banos_X_Block_Request *r);
	struct block_io *during; /* handed over while timeout runs, once */
	Banos_X_Block_Request *held[FAKE_HELD];
	uint32_t held_count;		   /* [lock; readers a] */
	uint32_t submits, requests, polls; /* [a] */
	uint32_t timeouts, starts, stops;  /* [a] */
	uint32_t operations[5];		   /* [a] */
	uint32_t most;			   /* [a] blocks in one request */
	int32_t inner;			   /* what unregister said inside a callback */
	bool unregister_inside;
};

static inline int32_t fake_serve(struct fake_disk *f, const Banos_X_Block_Request *r)
{
	uint8_t *at = f->store + (r->block << FAKE_SHIFT);

	if (f->bad >= r->block && f->bad - r->block < r->blocks)
		return -EIO;
	for (uint32_t i = 0; i < r->segment_count; i++) {
		const Banos_X_Block_Segment *s = &r->segments[i];

		if (r->operation == BANOS_X_BLOCK_OP_WRITE)
			memcpy(at, s->address, s->length);
		else
			memcpy(s->address, at, s->length);
		at += s->length;
	}
	if (r->operation == BANOS_X_BLOCK_OP_ZEROES || r->operation == BANOS_X_BLOCK_OP_DISCARD)
		memset(at, 0, (size_t)r->blocks << FAKE_SHIFT);
	return 0;
}

static inline int32_t fake_done(struct fake_disk *f, uint32_t queue, uint32_t tag, int32_t status,
				uint64_t residual)
{
	Banos_X_Block_Completion c = {.tag = tag, .status = status, .residual = residual};

	return banos_x_block_done(f->device, queue, &c, 1);
}

static inline void fake_count(struct fake_disk *f, const Banos_X_Block_Request *r)
{
	__atomic_fetch_add(&f->requests, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&f->operations[r->operation], 1, __ATOMIC_RELAXED);
	f->most = max(f->most, r->blocks);
}

static inline uint32_t fake_submit(void *ctx, uint32_t queue,
				   Banos_X_Block_Request *const *requests, uint32_t count)
{
	struct fake_disk *f = ctx;
	uint32_t take = __atomic_load_n(&f->take, __ATOMIC_RELAXED);
	bool hold;

	__atomic_fetch_add(&f->submits, 1, __ATOMIC_RELAXED);
	ktest_check_eq(current()->completing, 0);
	if (f->unregister_inside)
		f->inner = banos_x_block_unregister(f->device);
	count = min(count, take);
	for (uint32_t i = 0; i < count; i++) {
		Banos_X_Block_Request *r = requests[i];
		uint64_t irq = spin_lock_irq(&f->lock);

		fake_count(f, r);
		if (f->on_request)
			f->on_request(f, r);
		hold = f->hold && f->held_count < FAKE_HELD;
		if (hold) {
			f->held[f->held_count] = r;
			__atomic_store_n(&f->held_count, f->held_count + 1, __ATOMIC_RELEASE);
		}
		spin_unlock_irq(&f->lock, irq);
		if (!hold) {
			uint32_t tag = r->tag;
			int32_t status;

			if (f->on_serve)
				f->on_serve(f, r);
			status = fake_serve(f, r);
			if (f->scribble)
				memset(r, 0x5a, sizeof(*r));
			fake_done(f, queue, tag, status, 0);
		}
	}
	return count;
}

static inline void fake_poll(void *ctx, uint32_t queue)
{
	struct fake_disk *f = ctx;

	__atomic_fetch_add(&f->polls, 1, __ATOMIC_RELAXED);
}

static inline int32_t fake_timeout(void *ctx, Banos_X_Block_Request *r)
{
	struct fake_disk *f = ctx;
	uint64_t irq = spin_lock_irq(&f->lock);

	__atomic_fetch_add(&f->timeouts, 1, __ATOMIC_RELAXED);
	if (f->answer == BANOS_X_BLOCK_TIMEOUT_RESET)
		f->held_count = 0;
	spin_unlock_irq(&f->lock, irq);
	if (f->during) {
		uint32_t submits = f->submits;

		block_submit(&f->during, 1);
		f->during = NULL;
		ktest_check_eq(f->submits, submits);
	}
	return f->answer;
}

static inline int32_t fake_start(void *ctx)
{
	struct fake_disk *f = ctx;

	__atomic_fetch_add(&f->starts, 1, __ATOMIC_RELAXED);
	return 0;
}

static inline void fake_stop(void *ctx)
{
	struct fake_disk *f = ctx;

	__atomic_fetch_add(&f->stops, 1, __ATOMIC_RELAXED);
}

static inline Banos_X_Block_Ops fake_ops(void)
{
	return (Banos_X_Block_Ops){.size = sizeof(Banos_X_Block_Ops),
				   .submit = fake_submit,
				   .poll = fake_poll,
				   .timeout = fake_timeout,
				   .start = fake_start,
				   .stop = fake_stop};
}

/* Before fake_begin; the test may change things then. */
static inline void fake_prepare(struct fake_disk *f)
{
	memset(f, 0, sizeof(*f));
	f->take = UINT32_MAX;
	f->bad = UINT64_MAX;
	f->answer = BANOS_X_BLOCK_TIMEOUT_MORE;
	spin_init(&f->lock, LOCK_DRIVER_SPIN);
	f->desc = (Banos_X_Block_Desc){.size = sizeof(f->desc),
				       .name = "fake%u",
				       .blocks = FAKE_BLOCKS,
				       .logical_shift = FAKE_SHIFT,
				       .features = BANOS_X_BLOCK_FLUSH,
				       .completion_stride = sizeof(Banos_X_Block_Completion)};
}

/* A device that the test has open. */
static inline bool fake_begin(struct fake_disk *f)
{
	Banos_X_Block_Ops ops = fake_ops();

	f->store = kzalloc(FAKE_BLOCKS << FAKE_SHIFT);
	if (!ktest_check(f->store != NULL) || !test_driver_begin(&f->driver))
		return false;
	if (!ktest_check_eq(
		    banos_x_block_register(&f->driver.record, &f->desc, &ops, f, &f->device),
		    (long)sizeof(ops)))
		return false;
	return ktest_check_eq(block_open(BLOCK_MAJOR, f->device->dev.minor, &f->open), 0);
}

static inline void fake_end(struct fake_disk *f)
{
	f->hold = false; /* the close flushes */
	f->take = UINT32_MAX;
	if (f->open)
		block_close(f->open);
	ktest_check_eq(banos_x_block_unregister(f->device), 0);
	ktest_check_eq(f->driver.owner.users, 0);
	test_driver_end(&f->driver);
	kfree(f->store);
}

/* Serve and complete what is held, the last first; how many. */
static inline uint32_t fake_release(struct fake_disk *f)
{
	uint32_t n = 0;

	for (;; n++) {
		Banos_X_Block_Request *r = NULL;
		uint64_t irq = spin_lock_irq(&f->lock);

		if (f->held_count)
			r = f->held[--f->held_count];
		spin_unlock_irq(&f->lock, irq);
		if (!r)
			return n;
		ktest_check_eq(fake_done(f, r->queue, r->tag, fake_serve(f, r), 0), 1);
	}
}

/* An io of `count` pages that the test makes. */
struct test_io {
	struct block_io io;
	struct page *pages[32];
	uint32_t ended; /* [a] */
};

static inline void test_io_end(struct block_io *io)
{
	struct test_io *t = container_of(io, struct test_io, io);

	__atomic_fetch_add(&t->ended, 1, __ATOMIC_RELEASE);
}

static inline bool test_io_begin(struct test_io *t, struct fake_disk *f, enum block_op op,
				 uint64_t block, unsigned count, uint8_t fill)
{
	memset(t, 0, sizeof(*t));
	t->io = (struct block_io){.device = f->open,
				  .op = op,
				  .block = block,
				  .blocks = (uint64_t)count << (PAGE_SHIFT - FAKE_SHIFT),
				  .pages = t->pages,
				  .end = test_io_end};
	for (unsigned i = 0; i < count; i++) {
		t->pages[i] = frame_alloc(0, 0);
		if (!ktest_check(t->pages[i] != NULL))
			return false;
		memset(page_address(t->pages[i]), fill + (int)i, PAGE_SIZE);
	}
	return true;
}

static inline void test_io_free(struct test_io *t)
{
	for (unsigned i = 0; i < ARRAY_SIZE(t->pages); i++)
		if (t->pages[i])
			page_put(t->pages[i]);
}

static inline void test_io_submit(struct test_io *t)
{
	struct block_io *io = &t->io;

	block_submit(&io, 1);
}

static inline bool page_is(const struct page *page, uint8_t value)
{
	const uint8_t *bytes = page_address(page);

	for (size_t i = 0; i < PAGE_SIZE; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

#endif
