/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame allocator. */
#include <base/ktest.h>
#include <base/percpu.h>
#include <mem/frame.h>
#include <mem/frame_low.h>
#include <mem/frame_boot.h>
#include <sched/blocker.h>
#include <sched/clock.h>
#include <sched/epoch.h>
#include <sched/test/team.h>
#include <sched/thread.h>

static uint64_t free_frames(void)
{
	struct frame_stats s;

	frame_stats(&s);
	return s.free;
}

/* Others may hold or return a few frames meanwhile (a log reader, a dying thread). */
static bool about(uint64_t a, uint64_t b)
{
	return a <= b + 64 && b <= a + 64;
}

KTEST(frame_orders)
{
	uint64_t before, blocks = 0;
	struct page *held[14];

	epoch_barrier();
	before = free_frames();
	for (unsigned order = 0; order < 14; order++) {
		struct page *p = held[order] = frame_alloc(order, order % 2 ? FRAME_ZERO : 0);

		if (!p)
			continue; /* a small machine: no such block */
		blocks += 1UL << order;
		ktest_check(IS_ALIGNED(page_paddr(p), PAGE_SIZE << order));
		ktest_check_eq(p->refs, 1);
		ktest_check_eq(p->kind, PAGE_ALLOCATED);
		ktest_check_eq(p->order, order);
		ktest_check(page_of(page_paddr(p)) == p);
		ktest_check(page_of_address(page_address(p)) == p);
		for (size_t i = 0; order % 2 && i < PAGE_SIZE << order; i += 504)
			if (!ktest_check_eq(((char *)page_address(p))[i], 0))
				break;
	}
	ktest_check(held[0] && held[1] && held[2] && held[9]);
	ktest_check(about(free_frames() + blocks, before));
	for (unsigned order = 0; order < 14; order++)
		if (held[order])
			frame_free(held[order], order);
	ktest_check(about(free_frames(), before));
	ktest_check(!frame_alloc(FRAME_MAX_ORDER + 1, 0));
}

/* How many blocks of 2 MiB there are to be had. */
static unsigned count_blocks(void)
{
	struct page *chain = NULL, *p;
	unsigned n = 0;

	for (; (p = frame_alloc(9, 0)) != NULL; n++) {
		p->next = chain;
		chain = p;
	}
	while (chain) {
		p = chain;
		chain = p->next;
		frame_free(p, 9);
	}
	return n;
}

/* Blocks cut into single frames, freed in a scattered order, grow together again. */
KTEST(frame_merges)
{
	struct page *blocks[16];
	unsigned before, after, n = 0;

	epoch_barrier();
	before = count_blocks();
	while (n < ARRAY_SIZE(blocks) && (blocks[n] = frame_alloc(9, 0)) != NULL)
		n++;
	ktest_check(n > 4);
	for (unsigned k = 0; k < n; k++) {
		for (unsigned i = 0; i < 512; i++) {
			blocks[k][i].kind = PAGE_ALLOCATED;
			blocks[k][i].refs = 1;
		}
		for (unsigned i = 0; i < 512; i++)
			frame_free(blocks[k] + i * 77 % 512, 0);
	}
	after = count_blocks();
	ktest_note("blocks of 2 MiB: %u before, %u after", before, after);
	/* The last frames still wait in caches of processors: a block or two. */
	ktest_check(after + 3 >= before);
}

KTEST(frame_ranges)
{
	uint64_t before;

	epoch_barrier();
	before = free_frames();
	for (size_t n = 1; n <= 70; n += 3) {
		struct page *p = frame_alloc_range(n, 0);

		if (!ktest_check(p))
			return;
		ktest_check(about(free_frames() + n, before));
		frame_free_range(p, n);
	}
	ktest_check(about(free_frames(), before));
}

/* What devices reach that have fewer address lines than there is memory for. */
KTEST(frame_below_a_limit)
{
	static const paddr_t limits[] = {UINT32_MAX, (1ul << 28) - 1, (1ul << 24) - 1,
					 (1ul << 23) + 5000};
	uint64_t before;

	epoch_barrier();
	before = free_frames();
	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		for (size_t n = 1; n < 40; n += 3) {
			struct page *p = frame_alloc_range_below(n, FRAME_ZERO, limits[i]);

			if (!p)
				continue;
			ktest_check(page_paddr(p) + n * PAGE_SIZE - 1 <= limits[i]);
			frame_free_range(p, n);
		}
	}
	/* There is some below 256 MiB on every machine. */
	struct page *p = frame_alloc_range_below(5, 0, limits[1]);

	if (ktest_check(p != NULL))
		frame_free_range(p, 5);
	ktest_check(!frame_alloc_range_below(1, 0, 4094));
	ktest_check(!frame_alloc_range_below(2, 0, 8190));
	ktest_check(!frame_alloc_range_below(1ul << 30, 0, UINT32_MAX));
	ktest_check(about(before, free_frames()));
}

KTEST(frame_below_4g)
{
	for (unsigned order = 0; order < 6; order++) {
		struct page *p = frame_alloc(order, FRAME_DMA32);

		if (!ktest_check(p))
			return;
		ktest_check(page_paddr(p) + (PAGE_SIZE << order) <= 1UL << 32);
		frame_free(p, order);
	}
}

/* Nothing is handed out that is not RAM. */
KTEST(frame_holes)
{
	ktest_check(!frame_exists(0xa0000)); /* video memory */
	ktest_check(!frame_exists(0xfee00000));
	ktest_check(!frame_exists(frame_top()));
	ktest_check(!frame_exists(1UL << 52));
	ktest_check(frame_exists(frame_top() - PAGE_SIZE));
	ktest_check(frame_exists_between(0, 1UL << 20));
	ktest_check(!frame_exists_between(0xa0000, 0xb0000));
}

/*
 * Take everything there is, mark each block with its own address, look at all of them again, and
 * give everything back: no frame twice, none that is not RAM, none lost.
 */
struct mark {
	struct mark *next;
	uint64_t order;
	uint64_t self;
};

static struct mark *take_all(unsigned order, struct mark *list, uint64_t *frames)
{
	struct page *p;

	while ((p = frame_alloc(order, 0)) != NULL) {
		for (unsigned i = 0; i < 1u << order; i++) {
			struct mark *m = page_address(p + i);

			if (!frame_exists(page_paddr(p + i))) {
				ktest_check(!"a frame that is no RAM");
				return list;
			}
			m->self = page_paddr(p + i);
		}
		((struct mark *)page_address(p))->next = list;
		((struct mark *)page_address(p))->order = order;
		list = page_address(p);
		*frames += 1UL << order;
	}
	return list;
}

KTEST(frame_exhaustion)
{
	uint64_t before, frames = 0, wrong = 0;
	struct mark *list = NULL;
	struct page *reserve;

	epoch_barrier();
	sleep_ns(5 * MS);
	before = free_frames();
	for (int order = 10; order >= 0; order--)
		list = take_all((unsigned)order, list, &frames);
	ktest_check(!frame_alloc(0, 0));
	ktest_check(!frame_alloc(3, FRAME_DMA32));
	reserve = frame_alloc(0, FRAME_NOFAIL_RESERVE); /* page tables of the kernel still go */
	ktest_check(reserve);
	if (reserve)
		frame_free(reserve, 0);
	while (list) {
		struct mark *m = list;
		unsigned order = (unsigned)m->order;
		struct page *p = page_of_address(m);

		list = m->next;
		for (unsigned i = 0; i < 1u << order; i++)
			wrong += ((struct mark *)page_address(p + i))->self != page_paddr(p + i);
		frame_free(p, order);
	}
	ktest_check_eq(wrong, 0);
	ktest_note("%lu of %lu free frames could be had", (unsigned long)frames,
		   (unsigned long)before);
	ktest_check(frames + 1024 > before);
	ktest_check(about(free_frames(), before));
}

static void churn(void *ctx, unsigned i)
{
	struct page *held[32] = {0};
	uint32_t *wrong = ctx, state = i + 1;

	for (unsigned n = 0; n < 4000; n++) {
		unsigned k = noise(&state) % 32, order = k % 8 ? 0 : 3;

		if (held[k]) {
			uint64_t *word = page_address(held[k]);

			if (word[0] != (uintptr_t)word + i || word[511] != (uintptr_t)word + i)
				__atomic_add_fetch(wrong, 1, __ATOMIC_RELAXED);
			frame_free(held[k], order);
		}
		held[k] = frame_alloc(order, 0);
		if (held[k]) {
			uint64_t *word = page_address(held[k]);

			word[0] = word[511] = (uintptr_t)word + i;
		}
	}
	for (unsigned k = 0; k < 32; k++)
		if (held[k])
			frame_free(held[k], k % 8 ? 0 : 3);
}

KTEST(frame_churn)
{
	uint32_t wrong = 0;
	uint64_t before;

	epoch_barrier();
	before = free_frames();
	team_run(cpu_count() + 2, churn, &wrong);
	epoch_barrier();
	ktest_check_eq(wrong, 0);
	ktest_check(about(free_frames(), before));
}
