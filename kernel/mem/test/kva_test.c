/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel mappings: guards, contents, translations that must be gone; and fast pages. */
#include <arch/paging.h>
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/string.h>
#include <mem/fastpage.h>
#include <mem/frame.h>
#include <mem/kva.h>
#include <sched/epoch.h>
#include <sched/rq.h>
#include <sched/test/team.h>
#include <sched/thread.h>

static pte_t entry_of(const void *p)
{
	unsigned level;

	return kernel_lookup((uintptr_t)p, &level);
}

static void check_guarded(const char *base, size_t size)
{
	ktest_check(!(entry_of(base - PAGE_SIZE) & PTE_PRESENT));
	ktest_check(!(entry_of(base + size) & PTE_PRESENT));
	for (size_t off = 0; off < size; off += PAGE_SIZE) {
		pte_t e = entry_of(base + off);

		ktest_check(e & PTE_PRESENT && e & PTE_WRITE && e & PTE_NX && !(e & PTE_USER));
	}
}

KTEST(kva_guards)
{
	static const size_t sizes[] = {1, 4096, 4097, 16384, 300000};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = ALIGN_UP(sizes[i], PAGE_SIZE);
		char *p = kva_alloc(sizes[i]);

		if (!ktest_check(p))
			return;
		check_guarded(p, size);
		for (size_t k = 0; k < size; k += 64)
			if (!ktest_check_eq(p[k], 0))
				break;
		memset(p, 1, size);
		kva_free(p);
		ktest_check(!(entry_of(p) & PTE_PRESENT));
		ktest_check(!(entry_of(p + size - 1) & PTE_PRESENT));
	}
	ktest_check(!kva_alloc(0));
	ktest_check(!kva_alloc(SIZE_MAX));
	kva_free(NULL);
}

KTEST(kva_every_stack_is_guarded)
{
	check_guarded(current()->stack, KERNEL_STACK_SIZE);
	for_each_cpu(c) {
		check_guarded(c->rq->idle->stack, KERNEL_STACK_SIZE);
		ktest_check(c->irq_stack >= KVA_BASE && c->irq_stack < KVA_BASE + KVA_SIZE);
		ktest_check(!(entry_of((char *)c->irq_stack) & PTE_PRESENT));
	}
}

KTEST(kva_gives_memory_back)
{
	struct frame_stats before, after;

	kva_free(kva_alloc(PAGE_SIZE)); /* tables for the window */
	epoch_barrier();
	frame_stats(&before);
	for (unsigned i = 0; i < 200; i++) {
		void *p = kva_alloc((i % 9 + 1) * PAGE_SIZE);

		if (!ktest_check(p))
			return;
		kva_free(p);
	}
	frame_stats(&after);
	ktest_check(after.free + 64 > before.free);
}

/* What one processor unmapped no other reaches: each sees the new contents of a reused address. */
struct relay {
	uint64_t *volatile page; /* what all look at in this round */
	uint32_t round, seen;	 /* [a] */
	uint32_t wrong;		 /* [a] */
};
#define ROUNDS 300

static void look(void *ctx, unsigned i)
{
	struct relay *r = ctx;

	for (uint32_t round = 1; round <= ROUNDS; round++) {
		while (__atomic_load_n(&r->round, __ATOMIC_ACQUIRE) < round)
			thread_yield();
		if (r->page && *r->page != round)
			__atomic_add_fetch(&r->wrong, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&r->seen, 1, __ATOMIC_RELEASE);
	}
}

/* Page tables of the kernel stay: what comes and goes must not need ever more of them. */
KTEST(kva_comes_round)
{
	uintptr_t lowest = UINTPTR_MAX, highest = 0;

	ktest_check(!kva_alloc(KVA_SIZE / 4)); /* without effect */
	for (unsigned i = 0; i < 600; i++) {
		char *p = kva_alloc(1 << 20);

		if (!ktest_check(p))
			break;
		lowest = min(lowest, (uintptr_t)p);
		highest = max(highest, (uintptr_t)p);
		kva_free(p);
	}
	ktest_check(highest - lowest < 512ul << 20);
	ktest_check(highest - lowest > 16ul << 20); /* but late */
}

/* The same for images: at random places, but of a part of what can be reached. */
KTEST(kva_images_stay_near)
{
	uintptr_t lowest = UINTPTR_MAX, highest = 0;
	struct frame_stats s;

	for (unsigned i = 0; i < 300; i++) {
		char *p = kva_alloc_image(PAGE_SIZE);

		if (!ktest_check(p))
			break;
		lowest = min(lowest, (uintptr_t)p);
		highest = max(highest, (uintptr_t)p);
		kva_free_image(p);
	}
	frame_stats(&s);
	ktest_check(highest - lowest < max(s.total * PAGE_SIZE / 4, 64ul << 20));
	ktest_check(highest - lowest > 32ul << 20);
}

KTEST(kva_no_stale_translations)
{
	unsigned n = cpu_count();
	struct relay r = {0};
	struct page *frames[2] = {frame_alloc(0, 0), frame_alloc(0, 0)};
	uint64_t *window = kva_alloc(PAGE_SIZE);
	paddr_t original;

	if (!ktest_check(frames[0] && frames[1] && window))
		return;
	original = pte_paddr(entry_of(window));
	team_start(n, look, &r, true);
	for (uint32_t round = 1; round <= ROUNDS; round++) {
		struct page *f = frames[round % 2];

		/* The same address, another frame. */
		*(uint64_t *)page_address(f) = round;
		kernel_unmap((uintptr_t)window, PAGE_SIZE);
		paging_flush_kernel_everywhere((uintptr_t)window, PAGE_SIZE);
		ktest_check_eq(kernel_map((uintptr_t)window, page_paddr(f), PAGE_SIZE, KPROT_RW,
					  KCACHE_NORMAL),
			       0);
		r.page = window;
		__atomic_store_n(&r.round, round, __ATOMIC_RELEASE);
		if (!ktest_check(reaches(&r.seen, round * n)))
			break;
	}
	__atomic_store_n(&r.round, ROUNDS, __ATOMIC_RELEASE);
	team_wait();
	ktest_check_eq(r.wrong, 0);
	kernel_unmap((uintptr_t)window, PAGE_SIZE);
	paging_flush_kernel_everywhere((uintptr_t)window, PAGE_SIZE);
	kernel_map((uintptr_t)window, original, PAGE_SIZE, KPROT_RW, KCACHE_NORMAL);
	kva_free(window);
	frame_free(frames[0], 0);
	frame_free(frames[1], 0);
}

KTEST(kva_images)
{
	char *a = kva_alloc_image(3 * PAGE_SIZE), *b = kva_alloc_image(100);

	if (!a || !b) {
		ktest_check(a && b);
		return;
	}
	ktest_check((uintptr_t)a >= DRIVER_BASE && (uintptr_t)a < DRIVER_END);
	check_guarded(a, 3 * PAGE_SIZE);
	check_guarded(b, PAGE_SIZE);
	/* The frames have no second mapping: the direct map leaves them out. */
	ktest_check(!(entry_of((char *)DIRECT_BASE + pte_paddr(entry_of(a))) & PTE_PRESENT));
	memset(a, 0xc3, 3 * PAGE_SIZE);
	kva_protect(a, PAGE_SIZE, KPROT_RX);
	kva_protect(a + PAGE_SIZE, PAGE_SIZE, KPROT_R);
	ktest_check(!(entry_of(a) & (PTE_WRITE | PTE_NX)));
	ktest_check(!(entry_of(a + PAGE_SIZE) & PTE_WRITE) && entry_of(a + PAGE_SIZE) & PTE_NX);
	ktest_check(entry_of(a + 2 * PAGE_SIZE) & PTE_WRITE);
	((void (*)(void))a)(); /* 0xc3: ret */
	kva_free_image(a);
	kva_free_image(b);
	ktest_check(!(entry_of(a) & PTE_PRESENT));
}

static void through_fast_pages(void *ctx, unsigned i)
{
	struct page *frames[FASTPAGE_SLOTS];
	uint32_t *wrong = ctx;

	for (unsigned k = 0; k < FASTPAGE_SLOTS; k++)
		frames[k] = frame_alloc(0, 0);
	for (unsigned n = 0; n < 2000; n++) {
		uint64_t *windows[FASTPAGE_SLOTS - 2];
		unsigned depth = n % (FASTPAGE_SLOTS - 2) + 1;

		for (unsigned k = 0; k < depth; k++) {
			*(uint64_t *)page_address(frames[(n + k) % FASTPAGE_SLOTS]) = n * 8 + k;
			windows[k] = fastpage_map(page_paddr(frames[(n + k) % FASTPAGE_SLOTS]));
		}
		for (unsigned k = depth; k-- > 0;) {
			if (*windows[k] != n * 8 + k)
				__atomic_add_fetch(wrong, 1, __ATOMIC_RELAXED);
			*windows[k] = ~0UL;
			fastpage_unmap(windows[k]);
			if (*(uint64_t *)page_address(frames[(n + k) % FASTPAGE_SLOTS]) != ~0UL)
				__atomic_add_fetch(wrong, 1, __ATOMIC_RELAXED);
		}
	}
	for (unsigned k = 0; k < FASTPAGE_SLOTS; k++)
		frame_free(frames[k], 0);
}

KTEST(fastpage_windows)
{
	uint32_t wrong = 0;

	team_run(cpu_count() + 2, through_fast_pages, &wrong);
	ktest_check_eq(wrong, 0);
	ktest_check_eq(preempt_count(), 0);
	ktest_check_eq(this_cpu()->fastpage_used, 0);
}
