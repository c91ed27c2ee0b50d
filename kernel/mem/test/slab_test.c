/* SPDX-License-Identifier: BSD-2-Clause */
/* Slab caches and kmalloc. */
#include <base/ktest.h>
#include <base/percpu.h>
#include <lib/string.h>
#include <mem/frame.h>
#include <mem/slab.h>
#include <sched/epoch.h>
#include <sched/test/team.h>
#include <sched/thread.h>

static bool filled(const uint8_t *p, uint8_t with, size_t n)
{
	while (n)
		if (p[--n] != with)
			return false;
	return true;
}

KTEST(slab_sizes)
{
	for (size_t size = 0; size <= 20000; size += size < 300 ? 1 : 97) {
		uint8_t *a = kmalloc(size), *b = kmalloc(size), *z = kzalloc(size);

		if (!ktest_check(a && b && z))
			return;
		ktest_check(IS_ALIGNED((uintptr_t)a, 16) && IS_ALIGNED((uintptr_t)b, 16));
		ktest_check(kmalloc_usable(a) >= size);
		ktest_check(filled(z, 0, size));
		memset(a, 0xa1, kmalloc_usable(a));
		memset(b, 0xb2, kmalloc_usable(b));
		ktest_check(filled(a, 0xa1, size) && filled(b, 0xb2, size));
		kfree(a);
		kfree(b);
		kfree(z);
	}
	kfree(NULL);
	ktest_check(!kmalloc((1UL << 30) + 1));
	ktest_check(!kmalloc(SIZE_MAX));
	ktest_check(!kcalloc(SIZE_MAX / 8, 16));
	ktest_check(!kcalloc(1UL << 32, 1UL << 32));
}

KTEST(slab_alignment)
{
	static const size_t sizes[] = {1, 2, 7, 24, 64, 100, 600, 832, 3000};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++)
		for (size_t align = 8; align <= 256; align *= 2) {
			struct slab_cache *c = slab_cache_create("test", sizes[i], align);
			void *held[40];

			for (unsigned k = 0; k < 40; k++) {
				held[k] = slab_alloc(c);
				ktest_check(held[k] && IS_ALIGNED((uintptr_t)held[k], align));
				if (held[k])
					memset(held[k], (int)k, sizes[i]);
			}
			for (unsigned k = 0; k < 40; k++) {
				ktest_check(filled(held[k], (uint8_t)k, sizes[i]));
				slab_free(c, held[k]);
			}
		}
}

KTEST(slab_realloc_and_copies)
{
	char *p = kstrdup("a word"), *q;

	ktest_check(!strcmp(p, "a word"));
	for (size_t size = 8; size < 70000; size = size * 3 / 2) {
		q = krealloc(p, size);
		if (!ktest_check(q))
			break;
		p = q;
		ktest_check(!strcmp(p, "a word"));
		ktest_check(kmalloc_usable(p) >= size);
	}
	q = kmemdup(p, 7);
	ktest_check(!strcmp(q, "a word"));
	kfree(p);
	kfree(q);
	p = krealloc(NULL, 10);
	ktest_check(p);
	kfree(p);
}

KTEST(slab_gives_memory_back)
{
	struct frame_stats before, after;
	void **held = kcalloc(20000, sizeof(*held));
	struct slab_stats s0, s1, s2;

	if (!ktest_check(held))
		return;
	frame_stats(&before);
	slab_stats(&s0);
	for (unsigned i = 0; i < 20000; i++)
		held[i] = kmalloc(100 + i % 5 * 200);
	slab_stats(&s1);
	ktest_check(s1.objects >= s0.objects + 19900);
	for (unsigned i = 0; i < 20000; i++)
		kfree(held[i * 7919UL % 20000]);
	slab_stats(&s2);
	frame_stats(&after);
	ktest_check(s2.objects < s0.objects + 200);
	ktest_check(after.free + 512 > before.free);
	kfree(held);
}

KTEST(slab_fails_on_request)
{
	void *a, *b, *c, *kept[4];

	if (!CONFIG_TEST)
		return;
	/* This processor has some of that size: none of the three asks for a frame, which counts.
	 */
	preempt_disable();
	for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
		kept[i] = kmalloc(40);
	for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
		kfree(kept[i]);
	alloc_fail_nth(2);
	a = kmalloc(40);
	b = kmalloc(40);
	c = kmalloc(40);
	alloc_fail_nth(0);
	preempt_enable();
	ktest_check(a && !b && c);
	kfree(a);
	kfree(c);
}

/* Objects allocated on one processor and freed on another, in every direction at once. */
#define SLOTS 256
static void *slots[SLOTS]; /* [a] */

static void exchange(void *ctx, unsigned i)
{
	uint32_t *wrong = ctx, state = i + 1;

	for (unsigned n = 0; n < 10000; n++) {
		size_t size = 24 + noise(&state) % 6 * 60;
		uint64_t *fresh = kmalloc(size), *old;

		if (fresh) {
			fresh[0] = (uintptr_t)fresh;
			fresh[2] = ~(uintptr_t)fresh;
		}
		old = __atomic_exchange_n(&slots[noise(&state) % SLOTS], fresh, __ATOMIC_ACQ_REL);
		if (old && (old[0] != (uintptr_t)old || old[2] != ~(uintptr_t)old))
			__atomic_add_fetch(wrong, 1, __ATOMIC_RELAXED);
		kfree(old);
	}
}

KTEST(slab_crosses_processors)
{
	uint32_t wrong = 0;

	team_run(cpu_count() + 2, exchange, &wrong);
	ktest_check_eq(wrong, 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		kfree(slots[i]);
		slots[i] = NULL;
	}
}
