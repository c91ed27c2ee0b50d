/* SPDX-License-Identifier: BSD-2-Clause */
/* Ios that somebody waits for. */
#include "internal.h"

#include <lib/errno.h>
#include <sched/clock.h>

/* Pages that one write of zeros names: the same one again and again. */
#define ZERO_PAGES 32

struct waiting {
	struct spinlock lock; /* BLOCK_QUEUE */
	bool done;	      /* [lock; readers a] */
	struct blocker blocker;
};

static void wake(struct block_io *io)
{
	struct waiting *w = io->ctx;
	uint64_t irq = spin_lock_irq(&w->lock);

	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	blocker_wake_all(&w->blocker);
	spin_unlock_irq(&w->lock, irq);
}

int block_io_run(struct block_io *io)
{
	struct waiting w = {.done = false};

	spin_init(&w.lock, LOCK_BLOCK_QUEUE);
	blocker_init(&w.blocker);
	io->end = wake;
	io->ctx = &w;
	block_submit(&io, 1);
	WAIT_UNTIL(&w.blocker, __atomic_load_n(&w.done, __ATOMIC_ACQUIRE), NEVER,
		   WAIT_UNINTERRUPTIBLE);
	/* Whoever has ended it may still be in there. */
	spin_unlock_irq(&w.lock, spin_lock_irq(&w.lock));
	return io->error;
}

int block_flush(struct block_device *d)
{
	struct block_io io = {.device = d, .op = BLOCK_FLUSH};

	return block_io_run(&io);
}

/* For devices that cannot make zeros by themselves. */
static int write_zeros(struct block_device *d, uint64_t block, uint64_t blocks)
{
	struct page *page = frame_alloc(0, FRAME_ZERO), *pages[ZERO_PAGES];
	uint64_t most = (uint64_t)ZERO_PAGES << (PAGE_SHIFT - d->shift);
	int r = 0;

	if (!page)
		return -ENOMEM;
	for (unsigned i = 0; i < ZERO_PAGES; i++)
		pages[i] = page;
	while (blocks && !r) {
		struct block_io io = {.device = d,
				      .op = BLOCK_WRITE,
				      .block = block,
				      .blocks = min(blocks, most),
				      .pages = pages};

		r = block_io_run(&io);
		block += io.blocks;
		blocks -= io.blocks;
	}
	page_put(page);
	return r;
}

int block_erase(struct block_device *d, enum block_op op, uint64_t block, uint64_t blocks)
{
	struct block_io io = {.device = d, .op = op, .block = block, .blocks = blocks};

	if (op == BLOCK_ZEROES && !(d->features & (BLOCK_HAS_ZEROES | BLOCK_READ_ONLY)))
		return write_zeros(d, block, blocks);
	return block_io_run(&io);
}
